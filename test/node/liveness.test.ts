/** Which connections are taken for dead, and which only seem to be. */

import assert from 'node:assert/strict'
import type { Connection } from '@libp2p/interface'
import { describe, it } from 'vitest'
import { Liveness } from '../../node/network/liveness.ts'
import { ManualClock } from '../capabilities/manual-clock.ts'

const INTERVAL_MS = 5000
/** After this a dead path must have been noticed: an interval, and a ping's patience. */
const NOTICED_MS = 15_000
const TICK_MS = 500

/** A connection that answers no ping, watched; `hears` says at which times bytes come over it nevertheless. */
async function watch(ping: () => Promise<unknown>, hears: (nowMs: number) => boolean) {
  const clock = new ManualClock()
  let heardAtMs: number | undefined
  let cutAtMs: number | undefined
  const connection = {
    abort() {
      cutAtMs ??= clock.monotonicMs()
    }
  } as unknown as Connection
  const liveness = new Liveness({
    clock,
    intervalMs: INTERVAL_MS,
    connections: () => [connection],
    ping,
    heardAtMs: () => heardAtMs
  })
  liveness.start()
  return {
    liveness,
    connection,
    doubt: () => liveness.doubt([connection]),
    async pass(ms: number): Promise<number | undefined> {
      for (let passed = 0; passed < ms; passed += TICK_MS) {
        clock.advance(TICK_MS)
        if (hears(clock.monotonicMs())) heardAtMs = clock.monotonicMs()
        // What a deadline has ended goes on first.
        await new Promise(setImmediate)
      }
      return cutAtMs
    }
  }
}

/** Nothing comes back. */
const silence = () => new Promise(() => {})

describe('a connection whose pings are not answered', () => {
  it('is cut once nothing has come for as long as a ping may take', async () => {
    const { pass } = await watch(silence, () => false)
    const cutAtMs = await pass(60_000)
    assert.ok(cutAtMs! <= NOTICED_MS, `${cutAtMs} ms`)
  })

  it('is kept while anything comes: its pings wait behind what is under way', async () => {
    const { pass } = await watch(silence, () => true)
    assert.equal(await pass(120_000), undefined)
  })

  it('is cut within seconds once something speaks against it, as a lost address does', async () => {
    const { pass, doubt } = await watch(silence, () => false)
    doubt()
    const cutAtMs = await pass(10_000)
    assert.ok(cutAtMs! <= 3000, `${cutAtMs} ms`)
  })

  it('is cut as soon where bytes that came before are read after its ping', async () => {
    const { pass, doubt } = await watch(silence, nowMs => nowMs <= TICK_MS)
    doubt()
    const cutAtMs = await pass(20_000)
    assert.ok(cutAtMs! <= 5000, `${cutAtMs} ms`)
  })

  it('is kept although something speaks against it, while anything comes', async () => {
    const { pass, doubt } = await watch(silence, () => true)
    doubt()
    assert.equal(await pass(10_000), undefined)
  })

  it('is cut soon after the last bytes came', async () => {
    const lastMs = 60_000
    const { pass } = await watch(silence, nowMs => nowMs <= lastMs)
    const cutAtMs = await pass(120_000)
    assert.ok(cutAtMs! > lastMs && cutAtMs! <= lastMs + NOTICED_MS, `${cutAtMs} ms`)
  })

  it('is cut when it takes no ping', async () => {
    const { pass } = await watch(
      () => Promise.reject(new Error('the muxer is closed')),
      () => false
    )
    assert.ok((await pass(60_000))! <= INTERVAL_MS)
  })

  it('is sent no other one meanwhile, and one more once the first was answered late', async () => {
    const sent: (() => void)[] = []
    const ping = () => new Promise<void>(resolve => sent.push(resolve))
    const { pass, connection } = await watch(ping, () => true)
    await pass(60_000)
    assert.equal(sent.length, 1)
    sent[0]!()
    await pass(INTERVAL_MS)
    assert.equal(sent.length, 2)
    assert.ok(connection.rtt! >= 60_000 - INTERVAL_MS)
  })

  it('is left alone once nobody watches any more', async () => {
    const { liveness, pass } = await watch(silence, () => false)
    await pass(INTERVAL_MS)
    liveness.stop()
    assert.equal(await pass(60_000), undefined)
  })
})
