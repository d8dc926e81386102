/**
 * To whom this node offers its models: as its owner said last while it ran, else as `access` in the settings says. Where
 * nothing is said of an adapter, or of another name of a model, it is offered as the model behind it is.
 * Its owner may use them all.
 */

import type { Logger } from '../../interface/lifecycle.ts'
import { Access } from '../../interface/membership.ts'
import { looksLikePeerId } from '../../interface/names.ts'
import type { ModelAccessStore } from '../../storage/mesh/model-access-store.ts'

/** What is withdrawn: offered to no role and no peer. */
const NOBODY: Access = {}

/** A service, another name of an adapter, the adapter, and its base. */
const BEHIND_MAX = 3

export interface OffersComponents {
  readonly settings: Readonly<Record<string, Access>>
  readonly store?: Pick<ModelAccessStore, 'all' | 'store' | 'forgetOffered'>
  /** Whether a model is for this device alone unless something else is said. */
  isPrivate?(model: string): boolean
  /** Of an adapter its base, and of another name of a model its id: it is offered as that one is. */
  behind?(model: string): string | undefined
  /** The models that do a task, of which a request that names none may get any. */
  modelsFor(task: string): readonly string[]
}

export class ModelAccess {
  readonly #components: OffersComponents
  /** What was said last; nothing for what is withdrawn. */
  readonly #said = new Map<string, Access | undefined>()

  constructor(components: OffersComponents) {
    this.#components = components
    for (const { model, access, withdrawn } of components.store?.all() ?? []) {
      this.#said.set(model, withdrawn ? undefined : Access.parse(JSON.parse(access)))
    }
  }

  /** All that a peer must be permitted to ask this. A request that names no model may get any that does the task. */
  for({ model, task }: { readonly model?: string | undefined; readonly task: string }): Access[] {
    const models = model === undefined ? this.#components.modelsFor(task) : [model]
    if (models.length === 0) return ['everyone']
    return models.map(id => this.to(id) ?? NOBODY)
  }

  /** To whom the model is offered; nothing when it is withdrawn. */
  to(model: string): Access | undefined {
    const { settings, behind } = this.#components
    let name: string | undefined = model
    let isPrivate = false
    for (let steps = 0; name !== undefined && steps <= BEHIND_MAX; steps++) {
      if (this.#said.has(name)) return this.#said.get(name)
      if (Object.hasOwn(settings, name)) return settings[name]!
      isPrivate ||= this.#components.isPrivate?.(name) === true
      name = behind?.(name)
    }
    return isPrivate ? undefined : 'everyone'
  }

  /** From now on, and after a restart. */
  offer(model: string, access: Access): void {
    this.#components.store?.store({ model, access: JSON.stringify(access), withdrawn: false })
    this.#said.set(model, access)
  }

  /** The node enters another mesh, which has other members: what was offered falls back to the settings. */
  forgetOffered(): void {
    this.#components.store?.forgetOffered()
    for (const [model, access] of this.#said) if (access !== undefined) this.#said.delete(model)
  }

  withdraw(model: string): void {
    this.#components.store?.store({ model, access: JSON.stringify(NOBODY), withdrawn: true })
    this.#said.set(model, undefined)
  }
}

/** A name is an admin's to give: once its device was removed, another one may get it, and what is offered to it. */
export function warnOfNames(settings: Readonly<Record<string, Access>>, log: Logger): void {
  for (const [model, access] of Object.entries(settings)) {
    const names = access === 'everyone' ? [] : (access.peers ?? []).filter(peer => !looksLikePeerId(peer))
    if (names.length === 0) continue
    log.warn(
      { model, names },
      'access names members, and admins decide who is called so: PeerIds mean one device'
    )
  }
}
