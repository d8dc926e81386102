/** To whom this node offers its models, as its owner set it: `access` in the settings. */

import type { Access } from './policy.ts'

export class Offers {
  readonly #rules: Readonly<Record<string, Access>>
  /** The models that do a task. */
  readonly #modelsFor: (task: string) => readonly string[]

  constructor(rules: Readonly<Record<string, Access>>, modelsFor: (task: string) => readonly string[]) {
    this.#rules = rules
    this.#modelsFor = modelsFor
  }

  /** All that a peer must be permitted to ask this. Whoever names no model may get any that does the task. */
  for({ model, task }: { readonly model?: string | undefined; readonly task: string }): Access[] {
    const models = model === undefined ? this.#modelsFor(task) : [model]
    if (models.length === 0) return ['everyone']
    return models.map(id => (Object.hasOwn(this.#rules, id) ? this.#rules[id]! : 'everyone'))
  }
}
