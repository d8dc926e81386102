/** A protocol in two versions, between nodes that know both and nodes that know the first one only. */

import assert from 'node:assert/strict'
import { afterAll, beforeAll, describe, it } from 'vitest'
import { systemClock } from '../../interface/clock.ts'
import { Guard } from '../../node/membership/guard.ts'
import { EVERYBODY } from '../../node/membership/policy.ts'
import { connectPeers, type Peers } from '../protocols/peers.ts'

const FIRST = '/test/grown/1'
const SECOND = '/test/grown/2'

describe('a protocol in two versions', () => {
  let peers: Peers
  beforeAll(async () => {
    peers = await connectPeers()
  })
  afterAll(async () => {
    await peers[Symbol.asyncDispose]()
  })

  /** The version that a dialer and a listener agree on; nothing, when the listener's policy refuses it. */
  async function agreed(
    dialed: string[],
    served: string[],
    open: readonly string[] = served
  ): Promise<string | undefined> {
    const guard = new Guard({
      clock: systemClock,
      log: { debug() {}, info() {}, warn() {}, error() {} },
      standing: () => ({ kind: 'stranger' })
    })
    const accepted = Promise.withResolvers<string>()
    const handler = guard.handler(open, EVERYBODY, stream => accepted.resolve(stream.protocol))
    await peers.listener.handle(served, handler)
    try {
      const stream = await peers.connection.newStream(dialed)
      const closed = Promise.withResolvers<undefined>()
      stream.addEventListener('close', () => closed.resolve(undefined), { once: true })
      // The listener accepts the stream with its first byte at the latest.
      if (stream.status === 'open') stream.send(Uint8Array.of(0))
      else closed.resolve(undefined)
      return await Promise.race([accepted.promise, closed.promise])
    } finally {
      await peers.listener.unhandle(served)
    }
  }

  it.each([
    ['both know both', [SECOND, FIRST], [SECOND, FIRST], SECOND],
    ['only the dialer knows the second', [SECOND, FIRST], [FIRST], FIRST],
    ['only the listener knows the second', [FIRST], [SECOND, FIRST], FIRST]
  ])('runs in the newest that both know: %s', async (_, dialed, served, expected) => {
    assert.equal(await agreed(dialed, served), expected)
  })

  it('is guarded by the version that was agreed on', async () => {
    assert.equal(await agreed([SECOND], [SECOND, FIRST], [FIRST]), undefined)
    assert.equal(await agreed([FIRST], [SECOND, FIRST], [FIRST]), FIRST)
  })
})
