import { describe, expect, it } from 'vitest'
import { TrackRecords } from '../../node/track-record.ts'

describe('the track record of a peer', () => {
  it('believes a slower sample at once and a faster one gradually', () => {
    const records = new TrackRecords()
    records.firstChunk('p', 'm', 100, 0)
    records.firstChunk('p', 'm', 300, 1)
    expect(records.get('p', 'm', 2).firstChunkMs).toBe(300)
    records.firstChunk('p', 'm', 100, 3)
    expect(records.get('p', 'm', 4).firstChunkMs).toBeCloseTo(260)
  })

  it('forgets a measurement that is five minutes old', () => {
    const records = new TrackRecords()
    records.firstChunk('p', 'm', 100, 0)
    expect(records.get('p', 'm', 299_999).firstChunkMs).toBe(100)
    expect(records.get('p', 'm', 300_000).firstChunkMs).toBeUndefined()
  })

  it('ejects after five failures in a row, longer each time, and forgives at the first answer', () => {
    const records = new TrackRecords()
    const fail = (nowMs: number) => {
      for (let i = 0; i < 5; i++) {
        records.begin('p', 'm')
        records.end('p', 'm', 'failed', nowMs)
      }
    }
    fail(0)
    expect(records.get('p', 'm', 0).ejectedUntilMs).toBe(30_000)
    fail(30_000)
    expect(records.get('p', 'm', 30_000).ejectedUntilMs).toBe(90_000)
    records.begin('p', 'm')
    records.end('p', 'm', 'answered', 90_000)
    fail(90_000)
    expect(records.get('p', 'm', 90_000).ejectedUntilMs).toBe(120_000)
  })

  it('does not eject for four failures and an answer', () => {
    const records = new TrackRecords()
    for (const outcome of ['failed', 'failed', 'failed', 'failed', 'answered', 'failed'] as const) {
      records.begin('p', 'm')
      records.end('p', 'm', outcome, 0)
    }
    expect(records.get('p', 'm', 0)).toMatchObject({ ejectedUntilMs: 0, inFlight: 0 })
  })

  it('counts what is under way per peer and model', () => {
    const records = new TrackRecords()
    records.begin('p', 'm')
    records.begin('p', 'm')
    records.begin('p', 'other')
    records.end('p', 'm', 'cancelled', 0)
    expect(records.get('p', 'm', 0).inFlight).toBe(1)
    expect(records.get('p', 'other', 0).inFlight).toBe(1)
  })
})
