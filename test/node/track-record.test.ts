import { describe, expect, it } from 'vitest'
import {
  newTrackRecords,
  noteBegin,
  noteEnd,
  noteFirstChunk,
  noteSpeed,
  recordOf,
  SAMPLES
} from '../../node/routing/track-record.ts'

describe('the track record of a peer', () => {
  it('believes a slower sample at once and a faster one gradually', () => {
    const records = newTrackRecords()
    noteBegin(records, 'p', 'm')
    noteFirstChunk(records, 'p', 'm', 100, 0)
    noteFirstChunk(records, 'p', 'm', 300, 1)
    expect(recordOf(records, 'p', 'm', 2).firstChunkMs).toBe(300)
    noteFirstChunk(records, 'p', 'm', 100, 3)
    expect(recordOf(records, 'p', 'm', 4).firstChunkMs).toBeCloseTo(260)
  })

  it('knows the slowest of twenty first chunks, and of fewer none', () => {
    const records = newTrackRecords()
    noteBegin(records, 'p', 'm')
    const slowest = () => recordOf(records, 'p', 'm', 100).slowestFirstChunkMs
    for (let i = 0; i < SAMPLES - 1; i++) noteFirstChunk(records, 'p', 'm', 10 + i, i)
    expect(slowest()).toBeUndefined()
    noteFirstChunk(records, 'p', 'm', 300, 50)
    expect(slowest()).toBe(300)
    for (let i = 0; i < SAMPLES; i++) noteFirstChunk(records, 'p', 'm', 20, 60 + i)
    expect(slowest()).toBe(20)
  })

  it('measures the time between pieces itself, whatever its peer counts', () => {
    const records = newTrackRecords()
    noteBegin(records, 'p', 'm')
    noteFirstChunk(records, 'p', 'm', 100, 0)
    const answered = {
      ...{ peer: { peerId: 'p', capability: { model: 'm' } }, startedMs: 0 },
      ...{ firstChunkMs: 100, received: 11 }
    }
    noteSpeed(records, answered, 1_000_000, 300)
    expect(recordOf(records, 'p', 'm', 301).pieceMs).toBe(20)
  })

  it('forgets a measurement that is five minutes old', () => {
    const records = newTrackRecords()
    noteBegin(records, 'p', 'm')
    noteFirstChunk(records, 'p', 'm', 100, 0)
    expect(recordOf(records, 'p', 'm', 299_999).firstChunkMs).toBe(100)
    expect(recordOf(records, 'p', 'm', 300_000).firstChunkMs).toBeUndefined()
  })

  it('ejects after five failures in a row, longer each time, and forgives at the first answer', () => {
    const records = newTrackRecords()
    const fail = (nowMs: number) => {
      for (let i = 0; i < 5; i++) {
        noteBegin(records, 'p', 'm')
        noteEnd(records, 'p', 'm', 'failed', nowMs)
      }
    }
    fail(0)
    expect(recordOf(records, 'p', 'm', 0).ejectedUntilMs).toBe(30_000)
    fail(30_000)
    expect(recordOf(records, 'p', 'm', 30_000).ejectedUntilMs).toBe(90_000)
    noteBegin(records, 'p', 'm')
    noteEnd(records, 'p', 'm', 'answered', 90_000)
    fail(90_000)
    expect(recordOf(records, 'p', 'm', 90_000).ejectedUntilMs).toBe(120_000)
  })

  it('is given one trial once its time is over, and what was under way before says nothing new', () => {
    const records = newTrackRecords()
    const fail = (nowMs: number) => {
      noteBegin(records, 'p', 'm')
      noteEnd(records, 'p', 'm', 'failed', nowMs)
    }
    const ejectedUntilMs = () => recordOf(records, 'p', 'm', 0).ejectedUntilMs
    for (let i = 0; i < 20; i++) fail(0)
    expect(ejectedUntilMs()).toBe(30_000)
    fail(30_000)
    expect(ejectedUntilMs()).toBe(90_000)
  })

  it('does not eject for four failures and an answer', () => {
    const records = newTrackRecords()
    for (const outcome of ['failed', 'failed', 'failed', 'failed', 'answered', 'failed'] as const) {
      noteBegin(records, 'p', 'm')
      noteEnd(records, 'p', 'm', outcome, 0)
    }
    expect(recordOf(records, 'p', 'm', 0)).toMatchObject({ ejectedUntilMs: 0, inFlight: 0 })
  })

  it('counts what is under way per peer and model', () => {
    const records = newTrackRecords()
    noteBegin(records, 'p', 'm')
    noteBegin(records, 'p', 'm')
    noteBegin(records, 'p', 'other')
    noteEnd(records, 'p', 'm', 'cancelled', 0)
    expect(recordOf(records, 'p', 'm', 0).inFlight).toBe(1)
    expect(recordOf(records, 'p', 'other', 0).inFlight).toBe(1)
  })
})
