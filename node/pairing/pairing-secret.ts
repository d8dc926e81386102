/**
 * What two devices make of a secret they share: its name, the proof that one knows
 * it, and the phrase that people compare.
 */

import { createHash, createHmac, timingSafeEqual } from 'node:crypto'

/** The two devices that pair. */
export interface Pair {
  readonly mesh: string
  readonly inviter: string
  readonly joiner: string
}

/** Names an invitation without telling its secret. */
export const inviteId = (secret: Uint8Array): string =>
  createHash('sha256').update('lumos/invite/id').update(secret).digest('hex').slice(0, 16)

/** What the inviter keeps in place of the secret; proofs are made with it. */
export const inviteKey = (secret: Uint8Array): Uint8Array =>
  createHash('sha256').update('lumos/invite/key').update(secret).digest()

/** Good for this pair only: a third device that overhears it cannot use it. */
export const joinProof = (key: Uint8Array, pair: Pair): Uint8Array =>
  createHmac('sha256', key).update(wordsOf('join', pair)).digest()

export const isJoinProof = (proof: Uint8Array, key: Uint8Array, pair: Pair): boolean =>
  timingSafeEqual(joinProof(key, pair), proof)

/**
 * Four words, 64 bits, that both screens show. `shared` is what only the two know, or what
 * both have chosen together. Versions before this one show the first three of the four.
 */
export function checkPhrase(shared: Uint8Array, pair: Pair): string {
  const digest = createHmac('sha256', shared).update(wordsOf('phrase', pair)).digest()
  return [0, 2, 4, 6].map(at => pronounceable(digest.readUInt16BE(at))).join(' ')
}

const wordsOf = (purpose: string, { mesh, inviter, joiner }: Pair): string =>
  ['lumos/pairing', purpose, joiner, inviter, mesh].join('\n')

const CONSONANTS = 'bdfghjklmnprstvz'
const VOWELS = 'aiou'

/** 16 bits as a word of five letters that can be read aloud in most languages (https://arxiv.org/html/0901.4016). */
function pronounceable(bits: number): string {
  const letter = (letters: string, shift: number) => letters[(bits >> shift) & (letters.length - 1)]
  return [
    letter(CONSONANTS, 12),
    letter(VOWELS, 10),
    letter(CONSONANTS, 6),
    letter(VOWELS, 4),
    letter(CONSONANTS, 0)
  ].join('')
}
