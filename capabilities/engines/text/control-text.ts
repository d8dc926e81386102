/**
 * Keeps what a caller writes from being read as the control tokens of a model. A template puts the texts of callers
 * between control tokens of its own, and a tokenizer cannot tell the two apart: so each control token that a caller
 * spells gets a seam, and a prompt is tokenized piece by piece between its seams.
 */

import { isRecord } from '../../../interface/record.ts'

/** A noncharacter of Unicode, which no text needs. One that a caller writes only makes one more seam. */
const SEAM = '\ufdd0'

/** A branch for each next character; `ends` where the spelling of a token is complete. */
interface Branch {
  readonly next: Map<string, Branch>
  ends: boolean
}

export class ControlText {
  readonly #root: Branch = { next: new Map(), ends: false }

  /** @param tokens how each control token is spelled. */
  constructor(tokens: Iterable<string>) {
    for (const token of tokens) {
      // One character has no inside.
      if (token.length < 2) continue
      let branch = this.#root
      for (const character of token.split('')) {
        const next: Branch = branch.next.get(character) ?? { next: new Map(), ends: false }
        branch.next.set(character, next)
        branch = next
      }
      branch.ends = true
    }
  }

  /** The same value, with a seam in each control token that a text or a name in it spells. */
  parted<T>(value: T): T {
    return this.#parted(value) as T
  }

  /** A text in which no control token is left, for a tokenizer that takes no pieces: a space is in each. */
  spaced(text: string): string {
    return this.#with(text, ' ', false)
  }

  #parted(value: unknown): unknown {
    if (typeof value === 'string') return this.#with(value, SEAM)
    if (Array.isArray(value)) return value.map(one => this.#parted(one))
    if (!isRecord(value) || ArrayBuffer.isView(value)) return value
    return Object.fromEntries(
      Object.entries(value).map(([name, one]) => [this.#with(name, SEAM), this.#parted(one)])
    )
  }

  /** After its first character, so that what is left of a token is none, and one that begins within it is found too. */
  #with(text: string, seam: string, goesOn = true): string {
    let parted = ''
    let from = 0
    for (let at = 0; at < text.length; at++) {
      if (!this.#startsAt(text, at, goesOn)) continue
      parted += text.slice(from, at + 1) + seam
      from = at + 1
    }
    return parted + text.slice(from)
  }

  /** @param goesOn whether another text of the caller may come behind this one, and complete what begins at its end. */
  #startsAt(text: string, start: number, goesOn: boolean): boolean {
    let branch: Branch | undefined = this.#root
    for (let at = start; branch !== undefined; at++) {
      if (branch.ends || (goesOn && at === text.length)) return true
      branch = branch.next.get(text[at]!)
    }
    return false
  }
}

/** A prompt as what is tokenized by itself. */
export const piecesOf = (prompt: string): string[] => prompt.split(SEAM).filter(piece => piece !== '')
