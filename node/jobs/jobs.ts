/** The jobs of a node: carries out what `job-core` decides, and keeps them on disk. */

import { isDeepStrictEqual } from 'node:util'
import * as z from 'zod'
import type { Clock, Random } from '../../interface/clock.ts'
import { CancelledError, InvalidInputError, LumosError, toLumosError } from '../../interface/errors.ts'
import type { EventData, EventName, NodeEvents } from '../../interface/events.ts'
import {
  hasEnded,
  type JobInfo,
  type JobProgress,
  type JobSummary,
  type LumosJobs
} from '../../interface/jobs.ts'
import type { AbortOptions, Logger, Startable } from '../../interface/lifecycle.ts'
import { closestNames } from '../../interface/suggest.ts'
import type { JobStore } from '../../storage/jobs/job-store.ts'
import {
  infoOf,
  JOBS_OPEN_MAX,
  type Job,
  type JobEffect,
  type JobEvent,
  NEW_JOB,
  newJobsState,
  type Outcome,
  openJobs,
  sameWork,
  stepJobs,
  summaryOf
} from './job-core.ts'
import type { JobKind } from './job-kind.ts'
import { readJobs, toStored } from './stored-jobs.ts'

/** Text of people and of errors, which may quote a file. */
const MESSAGE_CHARS_MAX = 400
/** Work that does not notice its end is left behind: the next start goes on from its checkpoint. */
const STOP_MS_MAX = 5000
/** Ids are for people to type; they are guarded like all else that units give. */
const ID_CHARS = 8

export interface JobsComponents {
  readonly clock: Clock
  readonly random: Random
  readonly log: Logger
  readonly store: JobStore
  readonly events: NodeEvents & { emit<N extends EventName>(name: N, data: EventData<N>): void }
  readonly kinds: readonly JobKind[]
}

export class Jobs implements LumosJobs, Startable {
  readonly #components: JobsComponents
  readonly #kinds: ReadonlyMap<string, JobKind>
  readonly #state: ReturnType<typeof newJobsState>
  /** Those that run now. */
  readonly #running = new Map<string, { readonly abort: AbortController; readonly over: Promise<void> }>()

  constructor(components: JobsComponents) {
    this.#components = components
    this.#kinds = new Map(components.kinds.map(kind => [kind.name, kind]))
    const rules = components.kinds.map(
      ({ name, runningMax, checkpoint }) => [name, { runningMax, resumes: checkpoint !== undefined }] as const
    )
    this.#state = newJobsState(new Map(rules))
  }

  /** Takes up what an earlier start of the node left. */
  start(): void {
    const { store, log } = this.#components
    const jobs = readJobs(store, log)
    this.#step({ type: 'restored', jobs, atMs: this.#nowMs() })
  }

  /** Ends what runs; it goes on after the next start, where its kind can. */
  async stop(): Promise<void> {
    this.#step({ type: 'stopping' })
    const { promise: late, resolve } = Promise.withResolvers<void>()
    const timer = this.#components.clock.setTimer(resolve, STOP_MS_MAX)
    await Promise.race([late, Promise.all([...this.#running.values()].map(({ over }) => over))])
    timer.cancel()
  }

  list(): JobSummary[] {
    return [...this.#state.jobs.values()].map(summaryOf)
  }

  get(id: string): JobInfo {
    const job = this.#state.jobs.get(id)
    if (job !== undefined) return infoOf(job)
    throw new LumosError('JOB_UNKNOWN', `This node knows no job "${id.slice(0, ID_CHARS * 2)}".`, {
      hint: 'See what there is: lumos-node job list'
    })
  }

  begin(name: string, given: unknown): JobInfo {
    const kind = this.#kindOf(name)
    const input = kind.input.safeParse(given)
    if (!input.success) throw new InvalidInputError(`${name}: ${z.prettifyError(input.error)}`)
    const key = kind.key(input.data)
    const same = sameWork(this.#state, name, key)
    if (same !== undefined) return infoOf(same)
    if (!this.#state.open) throw new LumosError('NODE_NOT_RUNNING', 'This node takes no jobs now.')
    if (openJobs(this.#state).length >= JOBS_OPEN_MAX) {
      throw new LumosError(
        'OVERLOADED',
        `This node has ${JOBS_OPEN_MAX} jobs under way, which is its limit.`,
        {
          hint: 'Wait for one, or give one up: lumos-node job cancel JOB'
        }
      )
    }
    const atMs = this.#nowMs()
    const id = this.#newId()
    const summary = kind.summary(input.data).slice(0, MESSAGE_CHARS_MAX)
    const job: Job = { ...NEW_JOB, id, kind: name, key, input: given, summary, createdAtMs: atMs }
    this.#store(job)
    this.#step({ type: 'begun', job, atMs })
    return this.get(id)
  }

  cancel(id: string): JobInfo {
    this.get(id)
    this.#step({ type: 'cancelled', id, atMs: this.#nowMs() })
    return this.get(id)
  }

  async *watch(id: string, { signal }: AbortOptions = {}): AsyncGenerator<JobInfo> {
    // Before looking, so that no change falls in between.
    const changes = this.#components.events.subscribe({ names: ['job.*'], signal })
    let job = this.get(id)
    yield job
    if (hasEnded(job.state)) return
    for await (const change of changes) {
      if (change.type === 'event' && (change.data as EventData<'job.changed'>).jobId !== id) continue
      job = this.get(id)
      yield job
      if (hasEnded(job.state)) return
    }
  }

  #step(event: JobEvent): void {
    const { clock, random } = this.#components
    for (const effect of stepJobs(this.#state, event, clock.monotonicMs(), random).effects)
      this.#carryOut(effect)
  }

  #carryOut(effect: JobEffect): void {
    const { store, events } = this.#components
    if (effect.type === 'store') this.#tryStored(() => this.#store(effect.job))
    else if (effect.type === 'forget') this.#tryStored(() => store.forget(effect.id))
    else if (effect.type === 'run') this.#run(effect.job)
    else if (effect.type === 'abort') {
      this.#running.get(effect.id)?.abort.abort(new CancelledError('The job was given up.'))
    } else {
      const { id: jobId, kind, state, progress } = effect.job
      if (effect.type === 'changed') events.emit('job.changed', { jobId, kind, state })
      else events.emit('job.progress', { jobId, kind, progress: progress! })
    }
  }

  /** The state on disk is the older one then: after a restart, the same work is done again at worst. */
  #tryStored(write: () => void): void {
    try {
      write()
    } catch (err) {
      this.#components.log.warn({ err }, 'the state of a job is not stored')
    }
  }

  #run(job: Job): void {
    const { id } = job
    const abort = new AbortController()
    // Not before the job is among those that run.
    const over = Promise.resolve()
      .then(() => this.#outcomeOf(job, abort.signal))
      .then(outcome => {
        this.#running.delete(id)
        this.#step({ type: 'ended', id, outcome, atMs: this.#nowMs() })
      })
    this.#running.set(id, { abort, over })
  }

  async #outcomeOf({ id, kind: name, input, checkpoint }: Job, signal: AbortSignal): Promise<Outcome> {
    try {
      const kind = this.#kindOf(name)
      // What an older version stored may not fit; without a checkpoint the work begins anew.
      const kept = kind.checkpoint?.safeParse(checkpoint)
      const result: unknown =
        (await kind.run(kind.input.parse(input), {
          id,
          checkpoint: kept?.success ? kept.data : undefined,
          signal,
          progress: progress => this.#step({ type: 'progressed', id, progress: bounded(progress) }),
          save: saved => this.#save(id, saved)
        })) ?? null
      toStored({ ...this.#state.jobs.get(id)!, result })
      return { type: 'done', result }
    } catch (thrown) {
      const { code, message, hint } = toLumosError(thrown)
      if (code === 'INTERNAL')
        this.#components.log.error({ err: thrown, job: id, kind: name }, 'a job failed')
      const said = { code, message: message.slice(0, MESSAGE_CHARS_MAX) }
      if (hint === undefined) return { type: 'failed', error: said }
      return { type: 'failed', error: { ...said, hint: hint.slice(0, MESSAGE_CHARS_MAX) } }
    }
  }

  #save(id: string, checkpoint: unknown): void {
    const job = this.#state.jobs.get(id)
    // A node that has stopped waiting for this work may have closed its home.
    if (job === undefined || !this.#running.has(id) || !this.#state.open) return
    // Work that ends the node each time, and before that saves what it had, has not moved on.
    if (isDeepStrictEqual(checkpoint, job.checkpoint)) return
    this.#store({ ...job, checkpoint, restarts: 0 })
    this.#step({ type: 'saved', id, checkpoint })
  }

  #store(job: Job): void {
    this.#components.store.store({ id: job.id, job: toStored(job) })
  }

  /** @throws {LumosError} `INVALID_INPUT` */
  #kindOf(name: string): JobKind {
    const kind = this.#kinds.get(name)
    if (kind !== undefined) return kind
    const closest = closestNames(name, this.#kinds.keys())
    throw new InvalidInputError(`There is no kind of job "${name.slice(0, 64)}".`, {
      hint: `Kinds: ${(closest.length > 0 ? closest : [...this.#kinds.keys()]).join(', ')}.`
    })
  }

  #newId(): string {
    for (;;) {
      const id = Math.floor(this.#components.random() * 36 ** ID_CHARS)
        .toString(36)
        .padStart(ID_CHARS, '0')
      if (!this.#state.jobs.has(id)) return id
    }
  }

  #nowMs(): number {
    return Math.round(this.#components.clock.wallMs())
  }
}

const bounded = (progress: JobProgress): JobProgress => ({
  ...progress,
  message: progress.message.slice(0, MESSAGE_CHARS_MAX)
})
