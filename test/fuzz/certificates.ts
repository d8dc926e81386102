/**
 * What an attacker can build out of certificates that it has seen: its own key in a certificate of its own
 * making, with parts of the victim's anywhere in it, in every spelling of DER that OpenSSL may read.
 */

import { createECDH, createHash, createPrivateKey, createPublicKey, type KeyObject, sign } from 'node:crypto'
import type { Random } from '../../interface/clock.ts'
import { DER, der, derValues } from '../../protocols/transport/tls/der.ts'

/** The same key in each run, so that kept inputs stay what they were. */
export function fixedKey(name: string): { privateKey: KeyObject; publicKey: KeyObject } {
  const secret = createHash('sha256').update(name).digest()
  const pair = createECDH('prime256v1')
  pair.setPrivateKey(secret)
  const point = pair.getPublicKey()
  const [x, y, d] = [point.subarray(1, 33), point.subarray(33), secret].map(part =>
    part.toString('base64url')
  )
  const privateKey = createPrivateKey({ key: { kty: 'EC', crv: 'P-256', x, y, d } as never, format: 'jwk' })
  return { privateKey, publicKey: createPublicKey(privateKey) }
}

const MUTATIONS_MAX = 3
const NULL = Uint8Array.of(5, 0)
const isConstructed = (tag: number): boolean => (tag & 0x20) !== 0

/** @param mine of the attacker, whose key signs; @param theirs of the victim. */
export function mutatedCertificate(mine: Buffer, theirs: Buffer, key: KeyObject, random: Random): Buffer {
  const below = (n: number): number => Math.floor(random() * n)
  const members = derValues(derValues(derValues(mine)[0]!.content)[0]!.content).map(({ whole }) => whole)
  const stolen = derValues(derValues(derValues(theirs)[0]!.content)[0]!.content).map(({ whole }) => whole)
  // The proof is what an attacker wants to carry over; the rest follows by chance.
  if (below(4) > 0) members[members.length - 1] = stolen.at(-1)!

  for (let left = 1 + below(MUTATIONS_MAX); left > 0; left--) {
    const at = below(members.length)
    const other = stolen[below(stolen.length)]!
    switch (below(7)) {
      case 0:
        members[at] = stolen[at % stolen.length]!
        break
      case 1:
        members.splice(at, 0, other)
        break
      case 2:
        members.splice(at, 1, ...members.splice(below(members.length), 1, members[at]!))
        break
      case 3:
        members[at] = respelled(members[at]!, below)
        break
      case 4:
        members[at] = changedInside(members[at]!, other, below)
        break
      default: {
        const hidden = hiding(members[at]!, below(3) > 0 ? stolen[6]! : other, below)
        members[at] = below(2) > 0 ? respelled(hidden, below) : hidden
      }
    }
  }
  const toBeSigned = der(DER.sequence, ...members)
  const algorithm = derValues(derValues(mine)[0]!.content)[1]!.whole
  const signature = sign('sha256', toBeSigned, key)
  return der(DER.sequence, toBeSigned, algorithm, der(DER.bitString, Uint8Array.of(0), signature))
}

type Below = (n: number) => number

/** The same value to a reader of BER: a tag in its long form, a length in more bytes than it takes. */
function respelled(whole: Buffer, below: Below): Buffer {
  const value = first(whole)
  if (value === undefined) return whole
  const { tag, content } = value
  const { length } = content
  const long = below(2) > 0
  const head = long ? [tag | 0x1f, tag & 0x1f] : [tag]
  const extra = below(3)
  const lengthBytes =
    length < 0x80 && extra === 0
      ? [length]
      : [0x82 + extra, ...Array(extra).fill(0), length >> 8, length & 0xff]
  return Buffer.concat([Uint8Array.from([...head, ...lengthBytes]), content])
}

/** Values for a reader that goes on inside: some bytes, some empty values, and a part of the victim's. */
function hiding(whole: Buffer, part: Buffer, below: Below): Buffer {
  const value = first(whole)
  if (value === undefined) return whole
  const filler = Buffer.alloc(below(3), 1)
  return der(value.tag, filler, ...Array<Uint8Array>(below(7)).fill(NULL), part)
}

/** One of the values in it, at any depth, is left out, written twice, moved to the end, or the victim's. */
function changedInside(whole: Buffer, part: Buffer, below: Below): Buffer {
  const value = first(whole)
  if (value === undefined || !isConstructed(value.tag)) return whole
  let inner: Buffer[]
  try {
    inner = derValues(value.content).map(({ whole }) => whole)
  } catch {
    return whole
  }
  if (inner.length === 0) return whole
  const at = below(inner.length)
  const chosen = inner[at]!
  const ways: readonly (() => Buffer[])[] = [
    () => inner.toSpliced(at, 1),
    () => inner.toSpliced(at, 0, chosen),
    () => [...inner.toSpliced(at, 1), chosen],
    () => inner.toSpliced(at, 0, part),
    () => inner.toSpliced(at, 1, respelled(chosen, below)),
    () => inner.toSpliced(at, 1, changedInside(chosen, part, below))
  ]
  return der(value.tag, ...ways[below(ways.length)]!())
}

/** Nothing when an earlier mutation has made it unreadable to our own reader. */
function first(whole: Buffer): { tag: number; content: Buffer } | undefined {
  try {
    return derValues(whole)[0]
  } catch {
    return undefined
  }
}
