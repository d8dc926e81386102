/** Writers by number: each text of the index has one. */

export class Writers {
  readonly #numbers = new Map<string, number>()
  readonly #names: string[] = []

  get(name: string): number | undefined {
    return this.#numbers.get(name)
  }

  /** @param writer null: many. */
  numberOf(writer: string | null): number {
    const name = writer ?? ''
    const known = this.#numbers.get(name)
    if (known !== undefined) return known
    const number = this.#names.push(name) - 1
    this.#numbers.set(name, number)
    return number
  }

  /** Empty: many. */
  nameOf(number: number): string {
    return this.#names[number]!
  }
}
