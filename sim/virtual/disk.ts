/**
 * A disk as a database sees it: what is written can be read at once, and what
 * was not yet synced is gone after a power cut.
 */

export class Disk<Value> {
  readonly #values = new Map<string, Value>()
  /** What each key held on the platter, for keys written since. */
  readonly #before = new Map<string, Value | undefined>()

  write(key: string, value: Value): void {
    if (!this.#before.has(key)) this.#before.set(key, this.#values.get(key))
    this.#values.set(key, value)
  }

  delete(key: string): void {
    if (!this.#before.has(key)) this.#before.set(key, this.#values.get(key))
    this.#values.delete(key)
  }

  sync(): void {
    this.#before.clear()
  }

  get(key: string): Value | undefined {
    return this.#values.get(key)
  }

  values(): IterableIterator<Value> {
    return this.#values.values()
  }

  cutPower(): void {
    for (const [key, value] of this.#before) {
      if (value === undefined) this.#values.delete(key)
      else this.#values.set(key, value)
    }
    this.#before.clear()
  }
}
