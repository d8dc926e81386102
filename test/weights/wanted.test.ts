import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type Clock, systemClock } from '../../interface/clock.ts'
import { LumosError } from '../../interface/errors.ts'
import type { PullComponents } from '../../node/weights/pull/parts.ts'
import { replicaJob } from '../../node/weights/replication/job.ts'
import { Wanted } from '../../node/weights/replication/wanted.ts'
import { decodeHeld, encodeHeld } from '../../node/weights/transfer/claims.ts'
import { type Database, openDatabase } from '../../storage/database/database.ts'
import { featureMigrations } from '../../storage/database/feature-database.ts'
import { WEIGHT_TABLES } from '../../storage/weights/schema.ts'
import { WantedTable } from '../../storage/weights/wanted-table.ts'
import { temporaryHome } from '../node/mesh-nodes.ts'

const DAY_MS = 24 * 3600 * 1000
const cidOf = (n: number): string =>
  `bafybei${String(n)
    .padStart(4, 'a')
    .replaceAll(/[0189]/g, 'b')}${'a'.repeat(20)}${n.toString(36).replaceAll(/[0189]/g, 'z')}`
const stated = (cid: string, copies: number, atMs: number) => ({ cid, name: 'tiny', bytes: 1, copies, atMs })

describe('the job that makes a copy', () => {
  it.each([
    ['WEIGHTS_INVALID', 'refused'],
    ['TIMEOUT', 'failed']
  ] as const)('that ends with %s leaves the copy %s', async (code, outcome) => {
    const outcomes: string[] = []
    const transfer = { fetch: () => Promise.reject(new LumosError(code, 'It went wrong.')) }
    const parts = { clock: systemClock, emit() {}, nameOf: () => '', transfer, async refresh() {} }
    const kind = replicaJob(parts as unknown as PullComponents, {
      roomFor: () => 1,
      refuse: () => outcomes.push('refused'),
      failed: () => outcomes.push('failed')
    })
    const context = { id: 'job', checkpoint: undefined, signal: new AbortController().signal }
    const run = kind.run({ cid: cidOf(1), name: 'tiny' }, { ...context, progress() {}, save() {} })
    await expect(run).rejects.toMatchObject({ code })
    expect(outcomes).toEqual([outcome])
  })
})

describe('wanted copies', () => {
  let database: Database
  let nowMs = 1_800_000_000_000
  const clock: Clock = { ...systemClock, wallMs: () => nowMs }
  const wanted = () => {
    const all = new Wanted(new WantedTable(database), clock)
    all.load()
    return all
  }

  beforeEach(async () => {
    const path = join(await temporaryHome(), 'weights.db')
    database = openDatabase(path, { migrations: featureMigrations(WEIGHT_TABLES), synchronous: 'NORMAL' })
  })
  afterEach(() => database.close())

  it('are those that were said last, and outlast the process', () => {
    const all = wanted()
    all.say(stated('bafyone', 3, 0), 'den')
    expect(all.heard('attic', [stated('bafyone', 2, nowMs - 1)])).toBe(false)
    expect(all.heard('attic', [stated('bafyone', 2, nowMs + 5)])).toBe(true)
    expect(all.heard('attic', [stated('bafyone', 2, nowMs + 5)])).toBe(false)
    expect(wanted().of('tiny')).toMatchObject({ copies: 2, teller: 'attic' })
    // The clock of this device is behind that of the other one.
    all.say(stated('bafyone', 1, 0), 'den')
    expect(wanted().of('bafyone')).toMatchObject({ copies: 1, atMs: nowMs + 6 })
  })

  it('take no statement of a time that outlasts what people say later', () => {
    expect(wanted().heard('liar', [stated('bafyone', 9, nowMs + 3 * DAY_MS)])).toBe(false)
    expect(wanted().of('bafyone')).toBeUndefined()
  })

  it('are withdrawn, which is remembered against devices that slept', () => {
    const all = wanted()
    all.heard('den', [stated('bafyone', 3, nowMs)])
    all.say(stated('bafyone', 0, 0), 'den')
    expect(all.of('bafyone')).toBeUndefined()
    expect(all.heard('sleeper', [stated('bafyone', 3, nowMs)])).toBe(false)
    nowMs += 91 * DAY_MS
    expect(all.all()).toEqual([])
  })

  it('are no more than 256: of the device that states most, the oldest give way', () => {
    const all = wanted()
    all.say(stated('bafyown', 2, 0), 'den')
    for (let n = 0; n < 300; n++) all.heard('flood', [stated(`bafy${n}`, 64, nowMs - 1000 + n)])
    expect(all.all()).toHaveLength(256)
    expect(all.of('bafyown')).toBeDefined()
    expect(all.of('bafy0')).toBeUndefined()
    expect(all.of('bafy299')).toBeDefined()
  })

  it('leave room in a manifest for what is held', () => {
    const many = Array.from({ length: 64 }, (_, n) => ({
      ...stated(cidOf(n), 2, nowMs),
      name: 'x'.repeat(60)
    }))
    const part = encodeHeld(many, false, { room: 2 ** 40, wanted: many })!
    expect(part.byteLength).toBeLessThanOrEqual(4096)
    const { held, wanted: listed, more, room } = decodeHeld(part)!
    expect(listed!.length).toBeGreaterThan(8)
    expect(held.length).toBeGreaterThan(8)
    expect({ more, room }).toEqual({ more: true, room: 2 ** 40 })
  })
})
