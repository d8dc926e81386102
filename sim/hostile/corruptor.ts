/** Sends what no decoder should accept, in every protocol: noise, lengths that lie, frames of the wrong kind. */

import type { Random } from '../../interface/clock.ts'
import { pick } from '../random.ts'
import { type Behaviour, keepDoing, meet, openStream, PROTOCOLS } from './behaviour.ts'

const INTERVAL_MS = 100

const noise = (random: Random, count: number) =>
  Uint8Array.from({ length: count }, () => Math.floor(random() * 256))

/** Bytes on the wire, of different kinds of wrong. */
const GARBAGE: readonly ((random: Random) => Uint8Array)[] = [
  random => noise(random, 1 + Math.floor(random() * 4096)),
  // Longer than anything may be.
  () => Uint8Array.of(0xff, 0xff, 0xff, 0x7f, 1),
  // A length of five bytes, and one that is not minimal.
  () => Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0x0f, 1),
  () => Uint8Array.of(0x82, 0x00, 1, 0xa0),
  // A type that no protocol has.
  random => Uint8Array.of(2, 200 + Math.floor(random() * 55), 0xa0),
  // An empty map, where fields are wanted; a tag, an indefinite length, a float.
  random => Uint8Array.of(2, 1 + Math.floor(random() * 4), 0xa0),
  () => Uint8Array.of(3, 1, 0xc1, 0xa0),
  () => Uint8Array.of(3, 1, 0xbf, 0xff),
  // Nested deeper than any decoder may follow.
  () => Uint8Array.from([0xc9, 0x01, 1, ...Array.from({ length: 199 }, () => 0x81), 0x80])
]

export const corruptor: Behaviour = async attack => {
  const { peer, random, signal } = attack
  await keepDoing(attack, INTERVAL_MS, async victim => {
    const connection = await meet(attack, victim, () => peer.sealed({ capabilities: [] }))
    const stream = await openStream(connection, pick(PROTOCOLS, random), signal)
    for (let i = 0; i < 3 && stream.status === 'open'; i++) stream.send(pick(GARBAGE, random)(random))
    await stream.close({ signal })
  })
}
