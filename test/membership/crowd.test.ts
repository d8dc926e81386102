/** Strangers that open streams to join and say nothing, while an honest device has a code. */

import assert from 'node:assert/strict'
import type { Stream } from '@libp2p/interface'
import { describe, it } from 'vitest'
import { JoinPlaces } from '../../node/pairing/join-places.ts'
import { JOIN_PROTOCOL } from '../../protocols/join/index.ts'
import { ManualClock } from '../capabilities/manual-clock.ts'
import { HostilePeer } from '../node/hostile-peer.ts'
import { startNode } from '../node/mesh-nodes.ts'

/** Long enough for a busy machine; a stranger alone used to keep everyone out for ten minutes. */
const JOINED_WITHIN_MS = 5000

/** Opens a stream again whenever one is reset, and sends one byte on each. */
function crowd(open: () => Promise<Stream>): { stop(): void; opened: Promise<void> } {
  const { promise: opened, resolve, reject } = Promise.withResolvers<void>()
  let isOver = false
  const again = async (): Promise<void> => {
    if (isOver) return
    const stream = await open()
    stream.addEventListener('close', () => void again().catch(() => {}))
    stream.addEventListener('end', () => stream.abort(new Error('refused')))
    stream.send(new Uint8Array([1]))
    resolve()
  }
  again().catch(reject)
  return {
    stop: () => {
      isOver = true
    },
    opened
  }
}

describe('a device with a code', () => {
  for (const [strangers, streams] of [
    [1, 2],
    [10, 2]
  ] as const) {
    it(`joins at once although ${strangers * streams} silent streams of strangers are always there`, async () => {
      await using den = await startNode('den')
      await using attic = await startNode('attic')
      const { code } = den.mesh.invite()
      const peers = await Promise.all(Array.from({ length: strangers }, () => HostilePeer.stranger(den)))
      const crowds = await Promise.all(
        peers.map(async peer => {
          const connection = await peer.dial(den)
          return Array.from({ length: streams }, () => crowd(() => connection.newStream(JOIN_PROTOCOL)))
        })
      )
      try {
        await Promise.all(crowds.flat().map(({ opened }) => opened))
        const beganMs = performance.now()
        await attic.mesh.join(code)
        assert.ok(performance.now() - beganMs < JOINED_WITHIN_MS)
      } finally {
        for (const { stop } of crowds.flat()) stop()
        await Promise.all(peers.map(peer => peer[Symbol.asyncDispose]()))
      }
    })
  }
})

describe('a place to join', () => {
  it('is lost without a first frame in two seconds, and to the newest when 32 wait, the oldest first', () => {
    const clock = new ManualClock()
    const places = new JoinPlaces(clock)
    const all = Array.from({ length: 33 }, (_, i) => places.enter(`stranger-${i}`))
    assert.deepEqual(
      all.map(({ signal }) => signal.reason?.code),
      ['OVERLOADED', ...Array.from({ length: 32 }, () => undefined)]
    )
    all[1]!.heard()
    clock.advance(2000)
    assert.deepEqual([all[1]!.signal.aborted, all[2]!.signal.reason?.code], [false, 'TIMEOUT'])
  })

  it('is one for each device until the proof, and safe from then on, for two at a time', () => {
    const places = new JoinPlaces(new ManualClock())
    const first = places.enter('attic')
    const second = places.enter('attic')
    assert.deepEqual([first.signal.aborted, second.signal.aborted], [true, false])
    second.proven()
    for (let i = 0; i < 64; i++) places.enter(`stranger-${i}`)
    places.enter('loft').proven()
    assert.equal(second.signal.aborted, false)
    const third = places.enter('cellar')
    assert.throws(() => third.proven(), { code: 'OVERLOADED' })
    second[Symbol.dispose]()
    third.proven()
  })

  it('and comes with it again and again has one place, and leaves the other to the next device', () => {
    const places = new JoinPlaces(new ManualClock())
    const again = Array.from({ length: 3 }, () => places.enter('greedy'))
    for (const place of again) place.proven()
    using next = places.enter('next')

    next.proven()
    assert.deepEqual(
      again.map(({ signal }) => signal.aborted),
      [true, true, false]
    )
  })
})
