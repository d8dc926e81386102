import assert from 'node:assert/strict'
import fc from 'fast-check'
import { describe, it } from 'vitest'
import { hasEnded, type JobState } from '../../interface/jobs.ts'
import {
  JOB_ENDED_AGE_MS_MAX,
  JOBS_ENDED_MAX,
  type Job,
  type JobEffect,
  type JobEvent,
  newJobsState,
  openJobs,
  PROGRESS_EVENT_MS,
  RESTARTS_MAX,
  sameWork,
  stepJobs
} from '../../node/jobs/job-core.ts'

const KINDS = new Map([
  ['pull', { runningMax: 2, resumes: true }],
  ['import', { runningMax: 1, resumes: false }]
])

function setUp(stored: readonly Job[] = [], atMs = 0) {
  const state = newJobsState(KINDS)
  const step = (event: JobEvent, nowMs = 0): readonly JobEffect[] =>
    stepJobs(state, event, nowMs, () => 0).effects
  const effects = step({ type: 'restored', jobs: stored, atMs })
  const stateOf = (id: string) => state.jobs.get(id)?.state
  return { state, step, effects, stateOf }
}

const jobOf = (id: string, kind = 'pull', over: Partial<Job> = {}): Job => ({
  id,
  kind,
  key: id,
  input: {},
  summary: id,
  state: 'queued',
  progress: null,
  result: null,
  error: null,
  restarts: 0,
  createdAtMs: 0,
  startedAtMs: null,
  endedAtMs: null,
  ...over
})

const began = (id: string, kind?: string): JobEvent => ({ type: 'begun', job: jobOf(id, kind), atMs: 1 })
const cancel = (id: string): JobEvent => ({ type: 'cancelled', id, atMs: 5 })
const done = (id: string): JobEvent => ({
  type: 'ended',
  id,
  atMs: 9,
  outcome: { type: 'done', result: 'fine' }
})
const fail = (id: string): JobEvent => ({
  type: 'ended',
  id,
  atMs: 9,
  outcome: { type: 'failed', error: { code: 'STORE_FULL', message: 'full' } }
})
const typesOf = (effects: readonly JobEffect[]) => effects.map(({ type }) => type)

describe('a job', () => {
  it('runs at once while its kind has room, else when one before it has ended', () => {
    const { step, stateOf } = setUp()
    for (const id of ['a', 'b', 'c', 'd']) step(began(id))
    assert.deepEqual(['a', 'b', 'c', 'd'].map(stateOf), ['running', 'running', 'queued', 'queued'])
    const effects = step(fail('a'))
    assert.deepEqual(['a', 'b', 'c', 'd'].map(stateOf), ['failed', 'running', 'running', 'queued'])
    assert.deepEqual(typesOf(effects), ['store', 'changed', 'store', 'changed', 'run'])
  })

  it('of one kind does not wait for jobs of another', () => {
    const { step, stateOf } = setUp()
    for (const id of ['a', 'b']) step(began(id))
    step(began('i', 'import'))
    assert.equal(stateOf('i'), 'running')
  })

  it('that waits is cancelled at once, one that runs when it has noticed', () => {
    const { step, stateOf } = setUp()
    for (const id of ['a', 'b', 'c']) step(began(id))
    step(cancel('c'))
    assert.equal(stateOf('c'), 'cancelled')
    assert.deepEqual(typesOf(step(cancel('a'))), ['store', 'changed', 'abort'])
    assert.equal(stateOf('a'), 'cancelling')
    assert.deepEqual(step(cancel('a')), [])
    step(fail('a'))
    assert.equal(stateOf('a'), 'cancelled')
  })

  it('that was done before it noticed the cancel is done', () => {
    const { step, stateOf, state } = setUp()
    step(began('a'))
    step(cancel('a'))
    step(done('a'))
    assert.deepEqual([stateOf('a'), state.jobs.get('a')!.result], ['done', 'fine'])
  })

  it('is joined by the same work while it is not being given up', () => {
    const { step, state } = setUp()
    step(began('a'))
    assert.equal(sameWork(state, 'pull', 'a')?.id, 'a')
    assert.equal(sameWork(state, 'import', 'a'), undefined)
    step(cancel('a'))
    assert.equal(sameWork(state, 'pull', 'a'), undefined)
  })

  it('announces its progress a few times a second, and shows the last', () => {
    const { step, state } = setUp()
    step(began('a'))
    const at = (part: number, nowMs: number) =>
      step(
        { type: 'progressed', id: 'a', progress: { done: part, total: 9, unit: 'bytes', message: '' } },
        nowMs
      )
    assert.deepEqual(typesOf(at(1, 0)), ['progress'])
    assert.deepEqual(typesOf(at(2, PROGRESS_EVENT_MS - 1)), [])
    assert.equal(state.jobs.get('a')!.progress!.done, 2)
    assert.deepEqual(typesOf(at(3, PROGRESS_EVENT_MS)), ['progress'])
  })
})

describe('after a restart', () => {
  it('work that can go on does, from its checkpoint; other work is interrupted, with the reason', () => {
    const { stateOf, effects, state } = setUp([
      jobOf('a', 'pull', { state: 'running', checkpoint: 7 }),
      jobOf('i', 'import', { state: 'running' }),
      jobOf('q', 'import'),
      jobOf('x', 'unheard-of'),
      jobOf('c', 'pull', { state: 'cancelling' })
    ])
    assert.deepEqual(['a', 'i', 'q', 'x', 'c'].map(stateOf), [
      'running',
      'interrupted',
      'running',
      'interrupted',
      'cancelled'
    ])
    assert.equal(state.jobs.get('i')!.error!.code, 'JOB_INTERRUPTED')
    const run = effects.filter(effect => effect.type === 'run')
    assert.deepEqual(
      run.map(({ job }) => [job.id, job.checkpoint]),
      [
        ['a', 7],
        ['q', undefined]
      ]
    )
  })

  it('work that ends the node again and again is interrupted, unless it moved on meanwhile', () => {
    let job = jobOf('a', 'pull', { state: 'running' })
    for (let restart = 0; restart < RESTARTS_MAX; restart++) {
      job = setUp([job]).state.jobs.get('a')!
      assert.equal(job.state, 'running')
    }
    assert.equal(setUp([job]).stateOf('a'), 'interrupted')

    const moved = setUp([{ ...job, restarts: RESTARTS_MAX - 1 }])
    moved.step({ type: 'saved', id: 'a', checkpoint: 1 })
    assert.equal(setUp([moved.state.jobs.get('a')!]).stateOf('a'), 'running')
  })

  it('what failed because the node stopped is as if it had not', () => {
    const { step, stateOf } = setUp()
    for (const id of ['a', 'b', 'c']) step(began(id))
    assert.deepEqual(typesOf(step({ type: 'stopping' })), ['abort', 'abort'])
    assert.deepEqual(typesOf(step(fail('a'))), ['store', 'changed'])
    assert.deepEqual(typesOf(step(done('b'))), ['store', 'changed'])
    assert.deepEqual(['a', 'b', 'c'].map(stateOf), ['queued', 'done', 'queued'])
    const { effects, state } = setUp([jobOf('a', 'pull', { state: 'queued' })])
    assert.deepEqual([typesOf(effects), state.jobs.get('a')!.restarts], [['store', 'changed', 'run'], 0])
  })

  it('work that cannot go on and failed because the node stopped is not begun again', () => {
    const { step, state } = setUp()
    step(began('i', 'import'))
    step({ type: 'stopping' })
    assert.deepEqual(step(fail('i')), [])
    assert.equal(setUp([state.jobs.get('i')!]).stateOf('i'), 'interrupted')
  })

  it('jobs that ended long ago, or before many others, are forgotten', () => {
    const old = jobOf('old', 'pull', { state: 'done', endedAtMs: 0 })
    const atMs = JOB_ENDED_AGE_MS_MAX + 1
    assert.deepEqual(setUp([old], atMs - 1).effects, [])
    assert.deepEqual(setUp([old], atMs).effects, [{ type: 'forget', id: 'old' }])

    const many = Array.from({ length: JOBS_ENDED_MAX + 1 }, (_, n) =>
      jobOf(`${n}`, 'pull', { state: 'failed', endedAtMs: n })
    )
    assert.deepEqual(setUp(many).effects, [{ type: 'forget', id: '0' }])
  })
})

describe('any history of jobs', () => {
  const NEXT: Record<JobState, readonly JobState[]> = {
    queued: ['running', 'cancelled', 'interrupted'],
    running: ['done', 'failed', 'cancelling', 'queued', 'interrupted'],
    cancelling: ['done', 'cancelled'],
    done: [],
    failed: [],
    cancelled: [],
    interrupted: []
  }
  const id = fc.integer({ min: 0, max: 9 }).map(String)
  const action = fc.oneof(
    { weight: 4, arbitrary: fc.constant('begin' as const) },
    { weight: 3, arbitrary: fc.tuple(fc.constantFrom(cancel, done, fail), id).map(([make, of]) => make(of)) },
    { weight: 1, arbitrary: fc.constant('restart' as const) },
    { weight: 1, arbitrary: fc.constant({ type: 'stopping' } as const) }
  )

  it('keeps to the states and bounds, and runs each job once in a start of the node', () => {
    fc.assert(
      fc.property(fc.array(action, { maxLength: 60 }), script => {
        const disk = new Map<string, Job>()
        const known = new Map<string, JobState>()
        let ran = new Set<string>()
        let { state, step, effects } = setUp()
        const carryOut = (all: readonly JobEffect[]) => {
          for (const effect of all) {
            if (effect.type === 'forget') disk.delete(effect.id)
            if (effect.type === 'store') disk.set(effect.job.id, effect.job)
            if (effect.type === 'changed') {
              const { id: of, state: at } = effect.job
              const before = known.get(of)
              if (before !== undefined && before !== at)
                assert.ok(NEXT[before].includes(at), `${before} ${at}`)
              known.set(of, at)
            }
            if (effect.type !== 'run') continue
            assert.ok(!ran.has(effect.job.id))
            ran.add(effect.job.id)
            assert.equal(disk.get(effect.job.id)!.state, 'running')
          }
          for (const [kind, { runningMax }] of KINDS) {
            const running = openJobs(state).filter(job => job.kind === kind && job.state !== 'queued')
            assert.ok(running.length <= runningMax)
          }
        }
        let made = 0
        for (const next of script) {
          if (next === 'restart') {
            ran = new Set()
            ;({ state, step, effects } = setUp([...disk.values()]))
            carryOut(effects)
          } else if (next === 'begin') {
            const job = jobOf(String(made++), made % 3 === 0 ? 'import' : 'pull')
            disk.set(job.id, job)
            carryOut(step({ type: 'begun', job, atMs: 1 }))
          } else carryOut(step(next))
        }
        // Once everything that runs has ended in a node that is started, nothing is left.
        ran = new Set()
        ;({ state, step, effects } = setUp([...disk.values()]))
        carryOut(effects)
        for (let turn = 0; turn < made; turn++) {
          for (const job of openJobs(state)) if (job.state !== 'queued') carryOut(step(done(job.id)))
        }
        assert.ok([...state.jobs.values()].every(job => hasEnded(job.state)))
      }),
      { numRuns: 500 }
    )
  })
})
