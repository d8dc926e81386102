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
async function watch(newStream: Connection['newStream'], hears: (nowMs: number) => boolean) {
  const clock = new ManualClock()
  let heardAtMs: number | undefined
  let cutAtMs: number | undefined
  const connection = {
    newStream,
    abort() {
      cutAtMs ??= clock.monotonicMs()
    }
  } as unknown as Connection
  const liveness = new Liveness({
    clock,
    intervalMs: INTERVAL_MS,
    connections: () => [connection],
    heardAtMs: () => heardAtMs
  })
  liveness.start()
  return {
    liveness,
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

/** Nothing comes back, until the ping is given up. */
const silence: Connection['newStream'] = (_protocols, { signal } = {}) =>
  new Promise((_, reject) => signal!.addEventListener('abort', () => reject(signal!.reason)))

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

  it('is kept when they are refused: who refuses lives', async () => {
    let answered = false
    const refuse: Connection['newStream'] = async () => {
      answered = true
      await new Promise(setImmediate)
      throw new Error('reset by the other side')
    }
    // The refusal itself is what comes.
    const { pass } = await watch(refuse, () => {
      const came = answered
      answered = false
      return came
    })
    assert.equal(await pass(60_000), undefined)
  })

  it('is left alone once nobody watches any more', async () => {
    const { liveness, pass } = await watch(silence, () => false)
    await pass(INTERVAL_MS)
    liveness.stop()
    assert.equal(await pass(60_000), undefined)
  })
})
