/** A peer that begins another epoch: its home was made anew, or a second home has its key. */

import { describe, expect, it } from 'vitest'
import type { SignedManifest } from '../../interface/manifest.ts'
import { type Lives, watchLives } from '../../node/manifests/lives.ts'
import { ManualClock } from '../capabilities/manual-clock.ts'

const PEER = 'peer'
const signed = (epoch: number, sequence = 1) =>
  ({ manifest: { peerId: PEER, epoch, sequence, issuedAtMs: 0 }, hash: `${epoch}` }) as SignedManifest

/** What a peer has to do with it whose connections answer each round of hellos so. */
async function watch(rounds: readonly (readonly number[])[], first: readonly number[]) {
  const told: string[] = []
  let asked = 0
  const lives: Lives = watchLives(
    {
      clock: new ManualClock(),
      log: { debug() {}, info() {}, warn() {}, error() {} },
      peerId: 'self',
      emit: (name: string) => void told.push(name)
    } as never,
    {
      issuerOf: () => 'an admin',
      nameOf: () => undefined,
      current: () => signed(0),
      renewEpoch: () => 0,
      repeat() {},
      async sayHello() {
        const answers = (rounds[asked++] ?? rounds.at(-1)!).map(epoch => signed(epoch))
        for (const answer of answers) lives.onSeen(answer)
        return answers
      }
    }
  )
  for (const epoch of first) lives.onSeen(signed(epoch))
  // The answers come in turns of their own.
  for (let turn = 0; turn < 100; turn++) await Promise.resolve()
  return { told: told.length, asked, duplicated: lives.isDuplicated(PEER) }
}

describe('a second epoch of a peer', () => {
  it('is of a second home where both answer, although neither signs another manifest', async () => {
    expect(await watch([[1, 2]], [1, 2])).toMatchObject({ told: 1, duplicated: true })
    expect(await watch([[2, 1]], [1, 2])).toMatchObject({ told: 1, duplicated: true })
  })

  it('is of a second home also where each has taken later epochs since', async () => {
    expect(
      await watch(
        [
          [3, 4],
          [5, 6],
          [5, 6]
        ],
        [1, 2]
      )
    ).toMatchObject({ told: 1, duplicated: true })
  })

  it('is of a home made anew where the older answers no more', async () => {
    expect(await watch([[2]], [1, 2])).toMatchObject({ told: 0, asked: 1, duplicated: false })
    expect(await watch([[2, 2]], [1, 2])).toMatchObject({ told: 0, duplicated: false })
    expect(await watch([[]], [1, 2])).toMatchObject({ told: 0, duplicated: false })
  })

  it('is of one home where it begins a later one between its two answers', async () => {
    expect(
      await watch(
        [
          [2, 3],
          [3, 3]
        ],
        [1, 2]
      )
    ).toMatchObject({ told: 0, asked: 2, duplicated: false })
    expect(
      await watch(
        [
          [3, 2],
          [3, 3]
        ],
        [1, 2]
      )
    ).toMatchObject({ told: 0, duplicated: false })
  })

  it('is asked for in a few rounds, although each answer bears a later one', async () => {
    const endless = Array.from({ length: 50 }, (_, i) => [i + 3])
    expect((await watch(endless, [1, 2])).asked).toBeLessThan(10)
  })
})
