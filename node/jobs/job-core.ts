/**
 * Decides what becomes of jobs: which runs, which waits, what a cancel or a restart of the node does to it, and how
 * long it is remembered.
 */

import { type Core, NO_EFFECTS, type Stepped } from '../../interface/core.ts'
import {
  hasEnded,
  type JobError,
  type JobInfo,
  type JobProgress,
  type JobState,
  type JobSummary
} from '../../interface/jobs.ts'

/** Jobs that have not ended. Each holds its input and its checkpoint in memory; a person begins a handful. */
export const JOBS_OPEN_MAX = 64
/** Jobs that have ended and are remembered: what a person may look up later. */
export const JOBS_ENDED_MAX = 200
export const JOB_ENDED_AGE_MS_MAX = 30 * 24 * 3600 * 1000
/** A job that ends the node each time it runs must not keep it from starting for ever. */
export const RESTARTS_MAX = 3
/** A person sees no more changes in a second, and each is sent to every watcher. */
export const PROGRESS_EVENT_MS = 250

/** A job as it is kept. */
export interface Job extends JobInfo {
  readonly key: string
  readonly input: unknown
  readonly checkpoint?: unknown
}

/** What holds of every job when it is begun. */
export const NEW_JOB = {
  state: 'queued',
  progress: null,
  result: null,
  error: null,
  restarts: 0,
  startedAtMs: null,
  endedAtMs: null
} as const

/** What others see of it. */
export const infoOf = ({ key: _, input: __, checkpoint: ___, ...info }: Job): JobInfo => info

export function summaryOf(job: Job): JobSummary {
  const { result: _, ...summary } = infoOf(job)
  return summary
}

export interface KindRules {
  readonly runningMax: number
  /** Whether work of this kind goes on after a restart. */
  readonly resumes: boolean
}

export interface JobsState {
  readonly kinds: ReadonlyMap<string, KindRules>
  /** In the order in which they were begun. */
  readonly jobs: Map<string, Job>
  /** When the progress of a running job was last announced. */
  readonly announcedMs: Map<string, number>
  /** Between the start and the stop of the node: jobs run only then. */
  open: boolean
}

export type Outcome =
  | { readonly type: 'done'; readonly result: unknown }
  | { readonly type: 'failed'; readonly error: JobError }

/** `atMs` is wall time: people read it. */
export type JobEvent =
  /** The node starts, with these jobs on disk. */
  | { readonly type: 'restored'; readonly jobs: readonly Job[]; readonly atMs: number }
  /** A new job, which is on disk. */
  | { readonly type: 'begun'; readonly job: Job; readonly atMs: number }
  | { readonly type: 'cancelled'; readonly id: string; readonly atMs: number }
  | { readonly type: 'progressed'; readonly id: string; readonly progress: JobProgress }
  /** The checkpoint is on disk. */
  | { readonly type: 'saved'; readonly id: string; readonly checkpoint: unknown }
  | { readonly type: 'ended'; readonly id: string; readonly outcome: Outcome; readonly atMs: number }
  | { readonly type: 'stopping' }

export type JobEffect =
  | { readonly type: 'store'; readonly job: Job }
  | { readonly type: 'run'; readonly job: Job }
  | { readonly type: 'abort'; readonly id: string }
  | { readonly type: 'forget'; readonly id: string }
  | { readonly type: 'changed'; readonly job: Job }
  | { readonly type: 'progress'; readonly job: Job }

type Step = Stepped<JobsState, JobEffect>

export const newJobsState = (kinds: ReadonlyMap<string, KindRules>): JobsState => ({
  kinds,
  jobs: new Map(),
  announcedMs: new Map(),
  open: false
})

export const openJobs = ({ jobs }: JobsState): Job[] =>
  [...jobs.values()].filter(({ state }) => !hasEnded(state))

/** The job that does this work already, unless it is being given up. */
export const sameWork = (state: JobsState, kind: string, key: string): Job | undefined =>
  openJobs(state).find(job => job.kind === kind && job.key === key && job.state !== 'cancelling')

export const stepJobs: Core<JobsState, JobEvent, JobEffect> = (state, event, nowMs) => {
  switch (event.type) {
    case 'restored':
      return restored(state, event.jobs, event.atMs)
    case 'begun':
      state.jobs.set(event.job.id, event.job)
      return { state, effects: [{ type: 'changed', job: event.job }, ...startable(state, event.atMs)] }
    case 'cancelled':
      return cancelled(state, event.id, event.atMs)
    case 'progressed':
      return progressed(state, event.id, event.progress, nowMs)
    case 'saved':
      return saved(state, event.id, event.checkpoint)
    case 'ended':
      return ended(state, event.id, event.outcome, event.atMs)
    case 'stopping':
      state.open = false
      return {
        state,
        effects: openJobs(state).flatMap(({ id, state: at }) => (at === 'queued' ? [] : abort(id)))
      }
  }
}

const abort = (id: string): JobEffect[] => [{ type: 'abort', id }]

function restored(state: JobsState, jobs: readonly Job[], atMs: number): Step {
  state.open = true
  const effects: JobEffect[] = []
  for (const job of jobs) {
    state.jobs.set(job.id, job)
    const next = hasEnded(job.state) ? undefined : afterRestart(job, state.kinds.get(job.kind), atMs)
    if (next !== undefined) effects.push(...put(state, next))
  }
  return { state, effects: [...effects, ...forgotten(state, atMs), ...startable(state, atMs)] }
}

function afterRestart(job: Job, rules: KindRules | undefined, atMs: number): Job | undefined {
  if (job.state === 'cancelling') return { ...job, state: 'cancelled', endedAtMs: atMs }
  const interrupted = (message: string): Job => ({
    ...job,
    state: 'interrupted',
    endedAtMs: atMs,
    error: { code: 'JOB_INTERRUPTED', message }
  })
  if (rules === undefined) return interrupted(`This version of the node knows no work "${job.kind}".`)
  if (job.state === 'queued') return undefined
  if (!rules.resumes) return interrupted('The node ended in the middle of it, and this work cannot go on.')
  if (job.restarts >= RESTARTS_MAX) {
    return interrupted(`The node ended ${RESTARTS_MAX + 1} times in the middle of the same step.`)
  }
  return { ...job, state: 'queued', restarts: job.restarts + 1 }
}

function cancelled(state: JobsState, id: string, atMs: number): Step {
  const job = state.jobs.get(id)
  if (job?.state === 'queued') return closed(state, { ...job, state: 'cancelled', endedAtMs: atMs }, atMs)
  if (job?.state !== 'running') return { state, effects: NO_EFFECTS }
  return { state, effects: [...put(state, { ...job, state: 'cancelling' }), ...abort(id)] }
}

function progressed(state: JobsState, id: string, progress: JobProgress, nowMs: number): Step {
  const job = state.jobs.get(id)
  if (job === undefined || hasEnded(job.state)) return { state, effects: NO_EFFECTS }
  const next = { ...job, progress }
  state.jobs.set(id, next)
  const last = state.announcedMs.get(id)
  if (last !== undefined && nowMs - last < PROGRESS_EVENT_MS) return { state, effects: NO_EFFECTS }
  state.announcedMs.set(id, nowMs)
  return { state, effects: [{ type: 'progress', job: next }] }
}

function saved(state: JobsState, id: string, checkpoint: unknown): Step {
  const job = state.jobs.get(id)
  if (job !== undefined && !hasEnded(job.state)) state.jobs.set(id, { ...job, checkpoint, restarts: 0 })
  return { state, effects: NO_EFFECTS }
}

function ended(state: JobsState, id: string, outcome: Outcome, atMs: number): Step {
  const job = state.jobs.get(id)
  if (job?.state !== 'running' && job?.state !== 'cancelling') return { state, effects: NO_EFFECTS }
  const over = { ...job, endedAtMs: atMs }
  if (outcome.type === 'done') return closed(state, { ...over, state: 'done', result: outcome.result }, atMs)
  if (job.state === 'cancelling') return closed(state, { ...over, state: 'cancelled' }, atMs)
  // The node stops: what failed for that goes on after the next start, which is no failure of the work.
  if (!state.open) {
    const resumes = state.kinds.get(job.kind)?.resumes === true
    return { state, effects: resumes ? put(state, { ...job, state: 'queued' }) : NO_EFFECTS }
  }
  return closed(state, { ...over, state: 'failed', error: outcome.error }, atMs)
}

function closed(state: JobsState, job: Job, atMs: number): Step {
  const { checkpoint: _, ...rest } = job
  // Nothing runs with it any more, and what has ended is remembered for long.
  const over = { ...rest, input: null }
  state.announcedMs.delete(job.id)
  const effects = put(state, over)
  return { state, effects: [...effects, ...forgotten(state, atMs), ...startable(state, atMs)] }
}

function put(state: JobsState, job: Job): JobEffect[] {
  state.jobs.set(job.id, job)
  return [
    { type: 'store', job },
    { type: 'changed', job }
  ]
}

/** Those that waited and may run now, in the order in which they were begun. */
function startable(state: JobsState, atMs: number): JobEffect[] {
  if (!state.open) return []
  const running = new Map<string, number>()
  const count = (kind: string) => running.get(kind) ?? 0
  for (const job of openJobs(state)) {
    if (job.state !== 'queued') running.set(job.kind, count(job.kind) + 1)
  }
  return openJobs(state).flatMap((job): JobEffect[] => {
    const { kind } = job
    if (job.state !== 'queued' || count(kind) >= (state.kinds.get(kind)?.runningMax ?? 0)) return []
    running.set(kind, count(kind) + 1)
    const next = { ...job, state: 'running' as JobState, startedAtMs: job.startedAtMs ?? atMs }
    return [...put(state, next), { type: 'run', job: next }]
  })
}

/** Jobs that ended too long ago, or before too many others. */
function forgotten(state: JobsState, atMs: number): JobEffect[] {
  const over = [...state.jobs.values()]
    .filter(({ state: at }) => hasEnded(at))
    .sort((a, b) => (b.endedAtMs ?? 0) - (a.endedAtMs ?? 0))
  const old = over.filter(
    ({ endedAtMs }, place) => place >= JOBS_ENDED_MAX || atMs - (endedAtMs ?? 0) > JOB_ENDED_AGE_MS_MAX
  )
  for (const { id } of old) state.jobs.delete(id)
  return old.map(({ id }) => ({ type: 'forget', id }))
}
