/** Drives a program as a node would, and says of each rule of the protocol whether it keeps it. */

import { Answer } from '../../../interface/answer.ts'
import type { Clock } from '../../../interface/clock.ts'
import { EngineFailedError, LumosError } from '../../../interface/errors.ts'
import type { PreparedRequest } from '../../../interface/inference.ts'
import { prepare } from '../../../interface/prepare.ts'
import { isTaskName, type TaskName } from '../../../interface/tasks/index.ts'
import type { Hello } from './hello.ts'
import { fromWire } from './names.ts'
import { EXIT_MS, Program } from './program.ts'
import { BASE_ENVIRONMENT } from './program-settings.ts'
import { sampleOf } from './samples.ts'

/** What a node waits for at most without a sign. A program that loads a large model answers its first request late. */
const ANSWER_MS = 120_000
/** A node waits so long for the end of a request that it has cancelled, and kills the program then. */
const CANCEL_MS = 2000
/** Of one check: what a node reads of stderr in ten seconds before it takes it for a flood. */
const STDERR_BYTES_MAX = 1024 * 1024
/** Of it, shown with a failed check: a stack trace. */
const STDERR_KEPT_BYTES = 2048

export interface ProgramCheck {
  readonly check: string
  /** `skipped`: it could not be tried, and the note says why. */
  readonly result: 'ok' | 'failed' | 'skipped'
  readonly note: string | null
  /** Of a failed check: what the program wrote to stderr last. */
  readonly stderr: string | null
  readonly durationMs: number
}

export interface CheckOptions {
  readonly clock: Clock
  readonly command: string
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string>>
  /** Asked instead of a sample; without `input`, all tasks of its hello get one. */
  readonly task?: string | undefined
  readonly input?: unknown
  readonly params?: Readonly<Record<string, unknown>> | undefined
  /** Of a program that opens models: where one is, and which of its files. */
  readonly folder?: string | undefined
  readonly files?: readonly string[]
  readonly device?: string | undefined
  readonly onCheck?: (check: ProgramCheck) => void
}

/** A check that cannot be tried. */
class Skipped extends Error {}

/** @returns each check, in the order in which it was tried. The program has ended then. */
export async function checkProgram(options: CheckOptions): Promise<ProgramCheck[]> {
  const check = new Check(options)
  await check.run()
  return check.results
}

class Check {
  readonly results: ProgramCheck[] = []
  readonly #options: CheckOptions
  readonly #program: Program
  #stderrBytes = 0
  #stderr = Buffer.alloc(0)
  #hello: Hello | undefined

  constructor(options: CheckOptions) {
    this.#options = options
    const { clock, command, args, folder: cwd } = options
    const env = { ...BASE_ENVIRONMENT, ...options.env }
    this.#program = new Program({
      ...{ clock, command, args, env, cwd, ownGroup: true },
      stderr: printed => {
        this.#stderrBytes += printed.length
        this.#stderr = Buffer.concat([this.#stderr, printed]).subarray(-STDERR_KEPT_BYTES)
      },
      onLost: () => {}
    })
  }

  async run(): Promise<void> {
    await this.#step('says hello', async () => {
      this.#hello = await this.#program.start()
      return `${this.#hello.tasks.join(', ')}; slots: ${this.#hello.slots}`
    })
    if (this.#hello !== undefined) {
      await this.#step('loads', () => this.#within(ANSWER_MS, this.#load()))
      if (this.#program.loaded) await this.#asks(this.#hello)
    }
    await this.#step('ends with its stdin', async () => {
      if (!(await this.#program.close())) throw new EngineFailedError(`It still ran after ${EXIT_MS} ms.`)
    })
    await this.#step('writes little to stderr', async () => {
      if (this.#stderrBytes > STDERR_BYTES_MAX)
        throw new EngineFailedError(`It wrote ${this.#stderrBytes} bytes.`)
    })
  }

  #load(): Promise<void> {
    const { folder = null, files = [], device = null } = this.#options
    return this.#program.load({ model: 'check', folder, files, runtime: null, device })
  }

  async #asks({ tasks, slots }: Hello): Promise<void> {
    const { task: only } = this.#options
    for (const task of tasks.filter(one => only === undefined || one === only)) {
      await this.#step(`answers ${task}`, () => this.#answer(this.#request(task)))
    }
    const known = tasks.find(one =>
      only === undefined ? isTaskName(one) && sampleOf(one) !== undefined : one === only
    )
    const ask = async () => {
      if (known === undefined) throw new Skipped('no input: give --task and --input')
      return await this.#answer(this.#request(known))
    }
    const refuses = async (task: string, input: unknown) => {
      const { call } = this.#program.ask({ task: task as TaskName, input, params: {}, budgetMs: ANSWER_MS })
      const refused = await this.#within(ANSWER_MS, ended(call)).catch((err: unknown) => err)
      if (!(refused instanceof LumosError)) throw new EngineFailedError('It answered, and wrote no error.')
      if (!this.#program.loaded) throw refused
      return refused.code
    }
    await this.#step('refuses a task that it does not have', () => refuses('no-such-task', {}))
    await this.#step('refuses an input that it cannot read', () =>
      refuses(known ?? tasks[0]!, { nothing: true })
    )
    await this.#step('passes over what a later version says', async () => {
      this.#program.send({ type: 'a-later-message', more: { than: 'it knows' } })
      await ask()
    })
    await this.#step('ends a request that is cancelled', async () => {
      if (known === undefined) throw new Skipped('no input: give --task and --input')
      const { id, call } = this.#program.ask(this.#request(known))
      this.#program.cancel(id, new LumosError('CANCELLED', 'The check has left.'))
      await this.#within(CANCEL_MS, call.settled)
    })
    await this.#step(`answers ${slots} at once`, async () => {
      await Promise.all(Array.from({ length: slots }, ask))
    })
  }

  #request(task: string): PreparedRequest {
    if (!isTaskName(task)) throw new Skipped('this node does not know the task')
    const { input = sampleOf(task), params = {} } = this.#options
    if (input === undefined) throw new Skipped('no input: give --task and --input')
    const asked = { input: fromWire(input), params: fromWire(params) as Record<string, unknown> }
    return prepare({ id: 'check', task, ...asked, budgetMs: ANSWER_MS })
  }

  /** Asks, and holds the answer to the form of its task. */
  async #answer(request: PreparedRequest): Promise<string> {
    const { call } = this.#program.ask(request)
    const answer = new Answer(request, what => new EngineFailedError(`It ${what}.`))
    let chunks = 0
    const read = async () => {
      while (!answer.ended) {
        answer.accept(await call.next())
        chunks++
      }
    }
    await this.#within(ANSWER_MS, read())
    return `${chunks} chunks`
  }

  async #within<T>(timeMs: number, work: Promise<T>): Promise<T> {
    const { promise: late, reject } = Promise.withResolvers<never>()
    const timer = this.#options.clock.setTimer(
      () => reject(new EngineFailedError(`It did not do that in ${timeMs / 1000} s.`)),
      timeMs
    )
    return await Promise.race([work, late]).finally(() => timer.cancel())
  }

  async #step(check: string, work: () => Promise<unknown>): Promise<void> {
    const { clock, onCheck } = this.#options
    const startedMs = clock.monotonicMs()
    const done = await work().then(
      note => ({ result: 'ok' as const, note: typeof note === 'string' ? note : null }),
      (err: Error) => ({
        result: err instanceof Skipped ? ('skipped' as const) : ('failed' as const),
        note: err.message
      })
    )
    const stderr = done.result === 'failed' ? this.#stderr.toString().trim() || null : null
    const result = { check, ...done, stderr, durationMs: Math.round(clock.monotonicMs() - startedMs) }
    this.results.push(result)
    onCheck?.(result)
  }
}

/** Resolves when all of an answer has come. @throws what the program refused it with. */
async function ended(call: { next(): Promise<{ readonly type: string }> }): Promise<void> {
  while ((await call.next()).type !== 'done');
}
