/** Jobs over a real database: what a process that ends at any moment leaves for the next. */

import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, it } from 'vitest'
import * as z from 'zod'
import { failureOf } from '../../cli/commands/jobs/wait.ts'
import { LumosError } from '../../interface/errors.ts'
import type { JobInfo } from '../../interface/jobs.ts'
import type { SnakeCase } from '../../interface/snake-case.ts'
import { EventBus } from '../../node/events/event-bus.ts'
import { JOBS_OPEN_MAX, RESTARTS_MAX } from '../../node/jobs/job-core.ts'
import { defineJobKind, type JobContext } from '../../node/jobs/job-kind.ts'
import { Jobs } from '../../node/jobs/jobs.ts'
import { type Database, openDatabase } from '../../storage/database/database.ts'
import { CORE_MIGRATIONS } from '../../storage/database/schema.ts'
import { JobStore } from '../../storage/jobs/job-store.ts'
import { ManualClock } from '../capabilities/manual-clock.ts'
import { memoryLog } from '../capabilities/parts.ts'

let home: string
let core: Database
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'lumos-jobs-'))
  core = openCore()
})
afterEach(async () => {
  core.close()
  await rm(home, { recursive: true })
})

const openCore = () =>
  openDatabase(join(home, 'core.db'), { migrations: CORE_MIGRATIONS, synchronous: 'FULL' })

/** Work that a test holds by the hand: it runs when it is told, and tells what it was given. */
interface Held {
  readonly input: number
  readonly context: JobContext<number>
  done(result: unknown): void
  fail(err: Error): void
}

function setUp({ resumes = true, noticesEnd = true } = {}) {
  const held: Held[] = []
  const clock = new ManualClock()
  const events = new EventBus({ clock, random: Math.random })
  const log = memoryLog()
  const kind = defineJobKind({
    name: 'count',
    input: z.int(),
    ...(resumes && { checkpoint: z.int() }),
    runningMax: 1,
    summary: input => `to ${input}`,
    key: String,
    run(input, context) {
      const { promise, resolve, reject } = Promise.withResolvers<unknown>()
      held.push({ input, context: context as JobContext<number>, done: resolve, fail: reject })
      if (noticesEnd) context.signal.addEventListener('abort', () => reject(context.signal.reason))
      return promise
    }
  })
  const store = new JobStore(core)
  const jobs = new Jobs({ clock, random: Math.random, log, store, events, kinds: [kind] })
  jobs.start()
  /** What the job is in the end. */
  const end = async ({ id }: JobInfo) => (await Array.fromAsync(jobs.watch(id))).at(-1)!
  const work = async (n: number): Promise<Held> => {
    while (held.length <= n) await Promise.resolve()
    return held[n]!
  }
  return { jobs, held, work, end, events, clock, log }
}

describe('jobs', () => {
  it('go on from their last checkpoint after the process was gone', async () => {
    const first = setUp()
    const { id } = first.jobs.begin('count', 9)
    const { context } = await first.work(0)
    context.save(4)
    context.progress({ done: 5, total: 9, unit: 'numbers', message: 'counts' })
    // As after kill -9: no part of the first has a chance to end.
    core.close()
    core = openCore()

    const second = setUp()
    const again = await second.work(0)
    assert.deepEqual([again.input, again.context.checkpoint], [9, 4])
    assert.deepEqual([second.jobs.get(id).state, second.jobs.get(id).restarts], ['running', 1])
    again.done('nine')
    const over = await second.end({ id } as JobInfo)
    assert.deepEqual([over.state, over.result], ['done', 'nine'])
    assert.ok(!('result' in second.jobs.list()[0]!))
    assert.deepEqual(setUp().jobs.get(id), over)
  })

  it('that save what they had, and then end the node, have not moved on', async () => {
    let { jobs, work } = setUp()
    const { id } = jobs.begin('count', 9)
    for (let restarts = 0; restarts <= RESTARTS_MAX; restarts++) {
      assert.equal(jobs.get(id).restarts, restarts)
      ;(await work(0)).context.save(4)
      // Its first save was a step.
      ;({ jobs, work } = setUp())
    }
    assert.equal(jobs.get(id).state, 'interrupted')
  })

  it('that cannot go on are interrupted, with the reason', async () => {
    const first = setUp({ resumes: false })
    const { id } = first.jobs.begin('count', 9)
    await first.work(0)
    const { state, error } = setUp({ resumes: false }).jobs.get(id)
    assert.deepEqual([state, error!.code], ['interrupted', 'JOB_INTERRUPTED'])
  })

  it('go on after the node was told to stop, too', async () => {
    const first = setUp()
    const { id } = first.jobs.begin('count', 9)
    const { context } = await first.work(0)
    context.save(2)
    await first.jobs.stop()
    assert.ok(context.signal.aborted)
    assert.throws(() => first.jobs.begin('count', 8), { code: 'NODE_NOT_RUNNING' })
    const second = setUp()
    assert.equal((await second.work(0)).context.checkpoint, 2)
    // The work has no part in that end: it was not the work that ended the node.
    assert.deepEqual([second.jobs.get(id).state, second.jobs.get(id).restarts], ['running', 0])
  })

  it('that do not notice their end are not waited for', async () => {
    const { jobs, work, clock } = setUp({ noticesEnd: false })
    jobs.begin('count', 9)
    const { context } = await work(0)
    const stopped = jobs.stop()
    clock.advance(5000)
    await stopped
    core.close()
    // The work goes on behind a closed home, and changes nothing.
    context.save(3)
    core = openCore()
    assert.equal((await setUp().work(0)).context.checkpoint, undefined)
  })

  it('are cancelled by their signal', async () => {
    const { jobs, end, work } = setUp()
    const job = jobs.begin('count', 9)
    await work(0)
    assert.equal(jobs.cancel(job.id).state, 'cancelling')
    assert.equal((await end(job)).state, 'cancelled')
    assert.equal(jobs.cancel(job.id).state, 'cancelled')
    assert.throws(() => jobs.cancel('nobody'), { code: 'JOB_UNKNOWN' })
  })

  it('are joined by a second call for the same work', async () => {
    const { jobs, held, work } = setUp()
    const { id } = jobs.begin('count', 9)
    assert.equal(jobs.begin('count', 9).id, id)
    assert.notEqual(jobs.begin('count', 8).id, id)
    await work(0)
    assert.equal(held.length, 1)
  })

  it('are refused beyond their number, of another kind, with a wrong input, and on a full disk', () => {
    const { jobs } = setUp()
    for (let n = 0; n < JOBS_OPEN_MAX; n++) jobs.begin('count', n)
    assert.throws(() => jobs.begin('count', -1), { code: 'OVERLOADED' })
    assert.equal(jobs.begin('count', 0).kind, 'count')
    assert.throws(() => jobs.begin('cont', 1), { code: 'INVALID_INPUT', hint: /count/ })
    assert.throws(() => jobs.begin('count', 'nine'), { code: 'INVALID_INPUT' })
  })

  it('that are not on disk have not begun', () => {
    const { jobs, held } = setUp()
    core.close()
    assert.throws(() => jobs.begin('count', 9))
    assert.deepEqual([jobs.list(), held], [[], []])
  })

  it('fail with the code of what they met, and a result too large is a failure', async () => {
    const { jobs, end, work } = setUp()
    const first = jobs.begin('count', 1)
    ;(await work(0)).fail(new TypeError('x'.repeat(5000)))
    const { state, error } = await end(first)
    assert.deepEqual([state, error!.code, error!.message.length], ['failed', 'INTERNAL', 400])

    const second = jobs.begin('count', 2)
    ;(await work(1)).done('x'.repeat(2_000_000))
    assert.equal((await end(second)).error!.code, 'INPUT_TOO_LARGE')
  })

  it('keep what to do about their failure, and those of an older version have none', async () => {
    const { jobs, end, work } = setUp()
    const job = jobs.begin('count', 1)
    ;(await work(0)).fail(new LumosError('STORE_FULL', 'full', { hint: `Free some. ${'x'.repeat(5000)}` }))
    await end(job)
    const { error } = setUp().jobs.get(job.id)
    assert.deepEqual([error!.message, error!.hint!.length], ['full', 400])
    assert.match(failureOf({ id: job.id, state: 'failed', error } as SnakeCase<JobInfo>)!.hint!, /^Free some/)

    const store = new JobStore(core)
    const [stored] = store.all()
    const older = { ...JSON.parse(stored!.job), error: { code: 'STORE_FULL', message: 'full' } }
    store.store({ id: job.id, job: JSON.stringify(older) })
    assert.deepEqual(setUp().jobs.get(job.id).error, older.error)
  })

  it('tell each change as an event, and those who watch see the job until it has ended', async () => {
    const { jobs, end, work, events } = setUp()
    const job = jobs.begin('count', 9)
    const seen = end(job)
    ;(await work(0)).context.progress({ done: 1, total: 9, unit: 'numbers', message: 'x'.repeat(5000) })
    assert.equal(jobs.get(job.id).progress!.message.length, 400)
    ;(await work(0)).done(null)
    assert.equal((await seen).state, 'done')
    const told = await Array.fromAsync(events.subscribe({ since: 'oldest', follow: false }))
    assert.deepEqual(
      told.map(item => item.type === 'event' && [item.name, (item.data as { state?: string }).state]),
      [
        ['job.changed', 'queued'],
        ['job.changed', 'running'],
        ['job.progress', undefined],
        ['job.changed', 'done']
      ]
    )
  })

  it('that are not readable are forgotten, and keep no node from starting', () => {
    const store = new JobStore(core)
    store.store({ id: 'a', job: '{' })
    store.store({ id: 'b', job: '{"id":"b"}' })
    const { jobs, log } = setUp()
    assert.deepEqual([jobs.list(), store.all()], [[], []])
    assert.equal(log.lines.length, 2)
  })
})
