/** What is here of each space, and which peers may know of it, as the engine said last. */

import { createHash } from 'node:crypto'
import type { AbortOptions } from '../../../interface/lifecycle.ts'
import type { Offer, StatedHead } from '../../../protocols/memory/index.ts'
import type { MemoryEngine, SpaceState } from '../worker/engine.ts'
import { keyOf, type SpaceView } from './sync-state.ts'

type Engine = Pick<MemoryEngine, 'statesFor'>

export class Views {
  readonly #engine: Engine
  readonly #self: string
  readonly #spaces = new Map<
    string,
    { readonly state: SpaceState; readonly heads: Map<string, StatedHead> }
  >()
  /** By peer: the spaces that it may read. */
  readonly #allowed = new Map<string, ReadonlySet<string>>()

  constructor(engine: Engine, self: string) {
    this.#engine = engine
    this.#self = self
  }

  mayKnow(space: string, peer: string): boolean {
    return this.#allowed.get(peer)?.has(space) === true
  }

  /** All that is here. @returns ids of spaces that are gone. */
  async refresh(options: AbortOptions): Promise<string[]> {
    const states = await this.#engine.statesFor(this.#self, options)
    const gone = new Set(this.#spaces.keys())
    for (const state of states) {
      gone.delete(state.space)
      const heads = new Map(state.heads.map(head => [keyOf(head.writer), head]))
      this.#spaces.set(state.space, { state, heads })
    }
    for (const space of gone) this.#spaces.delete(space)
    return [...gone]
  }

  /** What this peer may read now. */
  async ask(peer: string, options: AbortOptions): Promise<void> {
    const states = await this.#engine.statesFor(peer, options)
    this.#allowed.set(peer, new Set(states.map(({ space }) => space)))
  }

  drop(peer: string): void {
    this.#allowed.delete(peer)
  }

  /** @returns whether the space is known here. */
  append(space: string, head: StatedHead): boolean {
    const one = this.#spaces.get(space)
    one?.heads.set(keyOf(head.writer), head)
    return one !== undefined
  }

  /** What a peer states whose envelopes are those that are here. */
  stateOf({ space, version, charter, content, checkpoint }: Offer): SpaceState | undefined {
    const one = this.#spaces.get(space)
    if (one === undefined || content === null) return undefined
    const own = one.state.checkpoint
    return {
      space,
      isReadable: one.state.isReadable,
      charter: { version, hash: Buffer.from(charter, 'hex') },
      heads: [...one.heads.values()],
      hash: content,
      checkpoint: checkpoint === 0 ? null : { number: checkpoint, heads: own?.heads ?? [] }
    }
  }

  *views(): Generator<SpaceView> {
    for (const space of this.#spaces.keys()) yield this.view(space)!
  }

  view(space: string): SpaceView | undefined {
    const one = this.#spaces.get(space)
    if (one === undefined) return undefined
    const { state, heads } = one
    const isAsStated = state.heads.every(({ writer, seq }) => heads.get(keyOf(writer))?.seq === seq)
    return {
      space,
      isReadable: state.isReadable,
      version: state.charter.version,
      charter: Buffer.from(state.charter.hash).toString('hex'),
      digest: digestOf(heads),
      content: isAsStated && heads.size === state.heads.length && state.hash !== '' ? state.hash : null,
      heads: [...heads.values()],
      checkpoint: state.checkpoint?.number ?? 0
    }
  }
}

/** Equal on two devices exactly when they have the same envelopes. */
function digestOf(heads: ReadonlyMap<string, StatedHead>): string {
  const hash = createHash('sha256')
  for (const key of [...heads.keys()].sort()) {
    const { seq, hash: of } = heads.get(key)!
    hash.update(`${key} ${seq} `).update(of)
  }
  return hash.digest('hex')
}
