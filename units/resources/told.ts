/** Passes events on to what is watched: one subscription, however much is watched, and none while nothing is. */

import type { EventName, NodeEvents } from '../../interface/events.ts'

interface Listener {
  readonly names: ReadonlySet<EventName>
  changed(): void
}

export class Told {
  readonly #events: NodeEvents
  readonly #listeners = new Set<Listener>()
  #subscription: AbortController | undefined

  constructor(events: NodeEvents) {
    this.#events = events
  }

  /** @returns what ends it. */
  listen(names: ReadonlySet<EventName>, changed: () => void): () => void {
    const listener = { names, changed }
    this.#listeners.add(listener)
    if (this.#subscription === undefined) void this.#follow()
    return () => {
      this.#listeners.delete(listener)
      if (this.#listeners.size > 0) return
      this.#subscription?.abort()
      this.#subscription = undefined
    }
  }

  async #follow(): Promise<void> {
    this.#subscription = new AbortController()
    for await (const event of this.#events.subscribe({ signal: this.#subscription.signal })) {
      for (const { names, changed } of this.#listeners) {
        if (event.type === 'gap' || names.has(event.name)) changed()
      }
    }
  }
}
