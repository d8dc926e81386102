/** What all screens share: whether the node is there, and whether the browser may ask it. */

import { useEffect, useState } from 'preact/hooks'

/** A value that parts of the page watch. */
export class Store<T extends object> {
  #value: T
  readonly #watchers = new Set<() => void>()

  constructor(value: T) {
    this.#value = value
  }

  get value(): T {
    return this.#value
  }

  set(change: Partial<T>): void {
    const keys = Object.keys(change) as (keyof T)[]
    if (keys.every(key => Object.is(this.#value[key], change[key]))) return
    this.#value = { ...this.#value, ...change }
    for (const watcher of [...this.#watchers]) watcher()
  }

  watch(watcher: () => void): () => void {
    this.#watchers.add(watcher)
    return () => this.#watchers.delete(watcher)
  }
}

export function useStore<T extends object>(store: Store<T>): T {
  const [, again] = useState(0)
  // A change between drawing and this effect would be missed.
  useEffect(() => {
    again(count => count + 1)
    return store.watch(() => again(count => count + 1))
  }, [store])
  return store.value
}

export const state = new Store({
  /** False while the node does not answer. */
  online: true,
  /** The node serves another version of the page. */
  outdated: false,
  /** The browser has no session, or no more. */
  signedOut: false,
  /** Answers that this page waits for: the badge of the installed page. */
  answering: 0
})
