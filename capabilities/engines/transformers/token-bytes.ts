/** What each token of a model writes, as bytes: a grammar is followed byte by byte. */

import type { PreTrainedTokenizer } from '@huggingface/transformers'
import { InvalidInputError } from '../../../interface/errors.ts'

/** What the library keeps of `tokenizer.json`. */
interface Source {
  readonly _tokenizerJSON: {
    readonly decoder: Decoder | null
    readonly added_tokens: readonly { readonly id: number }[]
  }
}
interface Decoder {
  readonly type: string
  readonly decoders?: readonly Decoder[]
}

/** All tokens that write something, in the order of their bytes. */
export class TokenBytes {
  readonly ids: Int32Array
  readonly bytes: readonly Uint8Array[]
  /** Bytes that each begins with as the one before it does. */
  readonly shared: Int32Array
  readonly #places = new Map<number, number>()

  /**
   * @param silent tokens that write nothing.
   * @throws {InvalidInputError} for a tokenizer whose tokens cannot be told apart from their text.
   */
  constructor(tokenizer: PreTrainedTokenizer, silent: ReadonlySet<number>) {
    const { decoder, added_tokens } = (tokenizer as unknown as Source)._tokenizerJSON
    const read = readerOf(decoder)
    const added = new Set(added_tokens.map(({ id }) => id))
    const vocabulary: Map<string, number> = tokenizer.get_vocab()
    const tokens = [...vocabulary]
      .filter(([, id]) => !silent.has(id))
      .map(([text, id]) => ({ id, letters: added.has(id) ? lettersOf(text) : read(text) }))
      .filter(({ letters }) => letters !== '')
      // Strings are sorted ten times as fast as bytes, and a vocabulary is long.
      .sort((a, b) => (a.letters < b.letters ? -1 : a.letters > b.letters ? 1 : 0))
    this.ids = Int32Array.from(tokens, ({ id }) => id)
    this.bytes = tokens.map(({ letters }) => Buffer.from(letters, 'latin1'))
    this.shared = Int32Array.from(this.bytes, (bytes, at) => sharedBy(bytes, this.bytes[at - 1]))
    for (const [at, { id }] of tokens.entries()) this.#places.set(id, at)
  }

  /** Undefined for a token that writes nothing. */
  of(token: number): Uint8Array | undefined {
    return this.bytes[this.#places.get(token) ?? -1]
  }
}

function sharedBy(bytes: Uint8Array, before: Uint8Array | undefined): number {
  let shared = 0
  while (before !== undefined && shared < before.length && bytes[shared] === before[shared]) shared++
  return Math.min(shared, bytes.length)
}

/** UTF-8, a letter for each byte. */
const lettersOf = (text: string): string => Buffer.from(text).toString('latin1')

/** @returns what gives the bytes of a token, each as a letter. */
function readerOf(decoder: Decoder | null): (token: string) => string {
  const types = new Set(decoder === null ? [] : typesOf(decoder))
  if (types.has('ByteLevel')) {
    return token => {
      let letters = ''
      for (const sign of token) letters += SIGNS.get(sign) ?? lettersOf(sign)
      return letters
    }
  }
  if (types.has('ByteFallback') || types.has('Metaspace')) {
    return token => {
      const byte = /^<0x([0-9A-Fa-f]{2})>$/.exec(token)?.[1]
      if (byte !== undefined) return String.fromCharCode(Number.parseInt(byte, 16))
      return lettersOf(token.replaceAll('\u2581', ' '))
    }
  }
  throw new InvalidInputError(
    'The engine of this model cannot hold an answer to JSON: its tokenizer is of a kind whose tokens are not known by their bytes.',
    { details: { field: 'params.responseFormat' } }
  )
}

const typesOf = ({ type, decoders = [] }: Decoder): string[] => [type, ...decoders.flatMap(typesOf)]

/** GPT-2 and all after it write each byte as a sign that can be seen: itself where it can, and else one from U+0100 on. */
const SIGNS = signs()

function signs(): ReadonlyMap<string, string> {
  const signs = new Map<string, string>()
  let hidden = 0x100
  for (let byte = 0; byte < 256; byte++) {
    const isSeen = (byte > 0x20 && byte < 0x7f) || (byte > 0xa0 && byte !== 0xad)
    signs.set(String.fromCodePoint(isSeen ? byte : hidden++), String.fromCharCode(byte))
  }
  return signs
}
