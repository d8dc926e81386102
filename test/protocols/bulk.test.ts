/** Bulk and calls on one connection: what a call comes after. */

import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { Stream, StreamMuxer } from '@libp2p/interface'
import { multiaddrConnectionPair } from '@libp2p/utils'
import { describe, it } from 'vitest'
import { giveWay, Traffic } from '../../protocols/transport/bulk.ts'
import { carryBulk, sparingYamux } from '../../protocols/transport/yamux.ts'
import { ManualClock } from '../capabilities/manual-clock.ts'

const KIB = 1024
const WINDOW_BESIDE_CALLS = 128 * KIB
const BULK = 3 * 1024 * KIB
const CALL = Uint8Array.of(7)

/** Two streams of one connection: the end that sends bulk, and the one that takes it. */
async function connected(clock: ManualClock) {
  const [near, far] = multiaddrConnectionPair().map(connection =>
    sparingYamux(undefined, clock)().createStreamMuxer(connection)
  ) as [StreamMuxer, StreamMuxer]
  const pair = async (): Promise<[Stream, Stream]> => {
    const accepted = once(far as unknown as EventTarget, 'stream')
    const stream = await near.createStream()
    const [{ detail }] = await accepted
    return [stream, detail]
  }
  return { bulk: await pair(), call: await pair() }
}

/** The most bulk that a call came after, once the window that a stream begins with is used up. */
async function mostBefore(clock: ManualClock): Promise<number> {
  const { bulk, call } = await connected(clock)
  const [sender, receiver] = bulk
  const [asker, answerer] = call
  for (const stream of bulk) carryBulk(stream)
  let received = 0
  let receivedAtCall = 0
  let most = 0
  const all = Promise.withResolvers<void>()
  receiver.addEventListener('message', ({ data }) => {
    received += data.byteLength
    if (received === BULK) all.resolve()
  })
  answerer.addEventListener('message', () => {
    if (receivedAtCall > 512 * KIB) most = Math.max(most, received - receivedAtCall)
    answerer.send(CALL)
  })
  const ask = (): void => {
    receivedAtCall = received
    asker.send(CALL)
  }
  asker.addEventListener('message', () => received < BULK && ask())
  ask()
  sender.send(new Uint8Array(BULK))
  await all.promise
  return most
}

/** It stands still, and whoever rests goes on at once. */
class RestlessClock extends ManualClock {
  override setTimer(task: () => void) {
    const soon = setImmediate(task)
    return { cancel: () => clearImmediate(soon) }
  }
}

/** Any two moments are far apart. */
class HastyClock extends ManualClock {
  override monotonicMs(): number {
    this.advance(1000)
    return super.monotonicMs()
  }
}

describe('a stream that carries bulk', () => {
  it('lets little of it stand before a call, and comes whole all the same', async () => {
    const most = await mostBefore(new RestlessClock())
    assert.ok(most > 0 && most <= WINDOW_BESIDE_CALLS, `${most} bytes`)
    const calm = await mostBefore(new HastyClock())
    assert.ok(calm > 2 * WINDOW_BESIDE_CALLS, `${calm} bytes where no call counts`)
  })

  it('rests as long as the loop has worked before it is granted more, while calls pass', () => {
    const clock = new ManualClock()
    const traffic = new Traffic(clock, { writableNeedsDrain: false })
    const granted: number[] = []
    let workedMs = 0
    const stream = {
      ...{ status: 'open', recvWindow: 0, recvWindowCapacity: 0 },
      sendWindowUpdate: () => void granted.push(stream.recvWindow),
      ...{ sendData: () => ({ sentBytes: 0, canSendMore: true }), onMuxerDrain() {} }
    }
    giveWay(stream, traffic, () => workedMs)
    traffic.note()
    stream.sendWindowUpdate()
    assert.deepEqual(granted, [WINDOW_BESIDE_CALLS], 'an idle loop')

    workedMs = 5
    stream.sendWindowUpdate()
    stream.sendWindowUpdate()
    clock.advance(4)
    assert.equal(granted.length, 1)
    clock.advance(1)
    assert.equal(granted.length, 2)

    // Half of the window is still to be used.
    stream.recvWindowCapacity = WINDOW_BESIDE_CALLS
    stream.sendWindowUpdate()
    assert.equal(granted.length, 3)
    stream.recvWindowCapacity = 0

    workedMs = 5000
    stream.sendWindowUpdate()
    clock.advance(20)
    assert.equal(granted.length, 4)

    stream.sendWindowUpdate()
    stream.status = 'closed'
    clock.advance(20)
    assert.equal(granted.length, 4, 'nothing is said of a stream that has ended')

    stream.status = 'open'
    clock.advance(100)
    stream.sendWindowUpdate()
    assert.ok(granted.at(-1)! > WINDOW_BESIDE_CALLS, 'no call passes any more')
  })

  it('has the whole window once no call has passed for a while', async () => {
    const clock = new ManualClock()
    const { bulk } = await connected(clock)
    const [sender, receiver] = bulk
    for (const stream of bulk) carryBulk(stream)
    clock.advance(100)
    let received = 0
    let most = 0
    const all = Promise.withResolvers<void>()
    receiver.addEventListener('message', ({ data }) => {
      most = Math.max(most, data.byteLength)
      received += data.byteLength
      if (received === BULK) all.resolve()
    })
    sender.send(new Uint8Array(BULK))
    await all.promise
    assert.ok(most > 256 * KIB, `${most} bytes at once`)
  })
})
