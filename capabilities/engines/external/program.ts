/**
 * A program that is an engine: it is started, says hello, loads, and answers requests over its stdin and stdout. What it
 * writes is bounded, and one word that it must not say ends it.
 */

import { type ChildProcess, spawn } from 'node:child_process'
import type { Clock } from '../../../interface/clock.ts'
import { EngineFailedError, LumosError } from '../../../interface/errors.ts'
import type { InferenceRequest } from '../../../interface/inference.ts'
import { boundToParent } from '../../host/engine-sandbox.ts'
import { OutputTail } from '../../host/output-tail.ts'
import { endGroup } from '../../host/process-group.ts'
import { BEHIND_BYTES_MAX, ProgramCall } from './call.ts'
import { type Hello, readHello } from './hello.ts'
import { encodeMessage, type Message, MessageReader, PROTOCOL } from './messages.ts'
import { toWire } from './names.ts'

/** Python on a slow board takes two seconds to start; libraries are loaded with `load`, which has two minutes. */
const HELLO_MS = 20_000
/** Between the end of its stdin and its own. */
export const EXIT_MS = 1000
/** Of what it wrote, in an error. */
const TYPE_CHARS_MAX = 80
/** A report that no request asked for counts as much as a page of output, so a flood of them is one. */
const REPORT_COST_BYTES = 1024

export interface ProgramOptions {
  readonly clock: Clock
  readonly command: string
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string>>
  readonly cwd?: string
  /** It is the first of a group of processes, which ends as one. */
  readonly ownGroup?: boolean
  /** What it writes to stderr. */
  readonly stderr: 'inherit' | ((printed: Buffer) => void)
  /** Called once, when the program can no longer be used, unless it was closed. */
  onLost(reason: EngineFailedError): void
  /** It has said what memory it takes beside that of its processes. */
  onMemory?(bytes: number): void
}

export class Program {
  readonly #options: ProgramOptions
  readonly #reports: OutputTail
  readonly #calls = new Map<number, ProgramCall>()
  readonly #hello = Promise.withResolvers<Hello>()
  readonly #loaded = Promise.withResolvers<void>()
  readonly #exited = Promise.withResolvers<void>()
  #child: ChildProcess | undefined
  #state: 'starting' | 'known' | 'loading' | 'loaded' | 'over' = 'starting'
  #lastId = 0

  constructor(options: ProgramOptions) {
    this.#options = options
    this.#reports = new OutputTail(options.clock)
    for (const { promise } of [this.#hello, this.#loaded]) promise.catch(() => {})
  }

  get loaded(): boolean {
    return this.#state === 'loaded'
  }

  /** Resolves once the process has ended. */
  get exited(): Promise<void> {
    return this.#exited.promise
  }

  /** Starts it. @throws {EngineFailedError} when it does not say hello as it must. */
  async start(): Promise<Hello> {
    const { command, args, env, cwd, ownGroup = false, stderr, clock } = this.#options
    const bound = boundToParent(command, args)
    const child = spawn(bound.command, bound.args, {
      ...{ env, cwd, detached: ownGroup },
      stdio: ['pipe', 'pipe', stderr === 'inherit' ? 'inherit' : 'pipe']
    })
    this.#child = child
    const reader = new MessageReader((message, bytes) => this.#accept(message, bytes))
    child.stdout!.on('data', (chunk: Buffer) => {
      if (this.#state === 'over') return
      try {
        reader.push(chunk)
      } catch (err) {
        this.#lose((err as Error).message)
      }
    })
    // Written to a program that has just ended; 'exit' follows.
    child.stdin!.on('error', () => {})
    if (stderr !== 'inherit') child.stderr!.on('data', stderr)
    child.on('error', ({ message }) => this.#lose(`could not be started: ${message}`))
    child.on('exit', (code, signal) => {
      this.#exited.resolve()
      const end = () => this.#lose(`ended by itself (${signal ?? `code ${code}`})`)
      // What it wrote last may say why. A process that it started may hold its stdout open.
      const timer = clock.setTimer(end, EXIT_MS)
      child.on('close', () => {
        timer.cancel()
        end()
      })
    })
    const patience = clock.setTimer(() => this.#lose(`said no hello in ${HELLO_MS / 1000} s`), HELLO_MS)
    return await this.#hello.promise.finally(() => patience.cancel())
  }

  /** Has it load its model. @throws {LumosError} when it says that it cannot. */
  async load(what: object): Promise<void> {
    if (this.#state === 'known') this.#state = 'loading'
    this.send({ type: 'load', protocol: PROTOCOL, ...what })
    await this.#loaded.promise
  }

  /** @returns the answer as it comes; `cancel` ends it early. */
  ask({ task, input, params, budgetMs }: Pick<InferenceRequest, 'task' | 'input' | 'params' | 'budgetMs'>): {
    readonly id: number
    readonly call: ProgramCall
  } {
    if (!this.loaded) throw new EngineFailedError('The program is not loaded.')
    const id = ++this.#lastId
    const call = new ProgramCall(() => this.#flow())
    this.#calls.set(id, call)
    this.#flow()
    // How long a model stays loaded is the node's business.
    const { keepAlive: _, ...asked } = params
    const request = { task, input: toWire(input), params: toWire(asked), budget_ms: Math.ceil(budgetMs) }
    this.send({ type: 'infer', id, ...request })
    return { id, call }
  }

  /** The reader of that request has left. */
  cancel(id: number, reason: unknown): void {
    const call = this.#calls.get(id)
    if (call === undefined || call.givenUp) return
    call.giveUp(reason)
    this.send({ type: 'cancel', id })
  }

  send(message: object): void {
    const { stdin } = this.#child!
    if (this.#state === 'over' || stdin!.destroyed) return
    for (const part of encodeMessage(message)) stdin!.write(part)
  }

  /** Ends its stdin, and kills it where that does not end it. @returns whether it ended by itself. */
  async close(): Promise<boolean> {
    this.#over(new EngineFailedError('The program is closed.'))
    const { promise: late, resolve } = Promise.withResolvers<boolean>()
    const timer = this.#options.clock.setTimer(() => resolve(false), EXIT_MS)
    this.#child?.stdin?.end()
    this.#child?.stdout?.resume()
    const ended = await Promise.race([this.#exited.promise.then(() => true), late])
    timer.cancel()
    this.#kill()
    return ended
  }

  /** @throws {EngineFailedError} when the program must not say that now. */
  #accept(message: Message, bytes: number): void {
    if (this.#state === 'over') return
    const { type, id } = message
    if (id !== undefined) this.#acceptOf(message, bytes)
    else if (type === 'hello' && this.#state === 'starting') {
      const hello = readHello(message)
      this.#state = 'known'
      this.#hello.resolve(hello)
    } else if (type === 'loaded' && this.#state === 'loading') {
      this.#state = 'loaded'
      this.#loaded.resolve()
    } else if (type === 'failed' && this.#state === 'loading') {
      const reason = String(message.message ?? 'it did not say why')
      this.#over(new LumosError('MODEL_INVALID', `The program did not load: ${reason}`))
      this.#kill()
    } else if (type === 'memory') this.#acceptMemory(message.bytes)
    else {
      const said = JSON.stringify(type).slice(0, TYPE_CHARS_MAX)
      throw new EngineFailedError(`wrote a message of type ${said}, which has no place here`)
    }
  }

  #acceptMemory(bytes: unknown): void {
    if (!(Number.isSafeInteger(bytes) && Number(bytes) >= 0))
      throw new EngineFailedError('told a memory that is no number')
    if (!this.#reports.count(REPORT_COST_BYTES)) throw new EngineFailedError('flooded its node with reports')
    this.#options.onMemory?.(Number(bytes))
  }

  #acceptOf(message: Message, bytes: number): void {
    const id = message.id as number
    const call = this.#calls.get(id)
    if (call === undefined) {
      throw new EngineFailedError(
        `wrote of request ${JSON.stringify(id).slice(0, TYPE_CHARS_MAX)}, which it does not have`
      )
    }
    if (call.behind && message.type !== 'done') {
      const reason = `The reader of this answer is more than ${BEHIND_BYTES_MAX} bytes behind.`
      this.cancel(id, new LumosError('OVERLOADED', reason))
    }
    if (call.push(message, bytes)) this.#calls.delete(id)
    this.#flow()
  }

  /**
   * Slow readers hold up the program while it works for no other request. While it does, one that falls too far behind is
   * ended by itself.
   */
  #flow(): void {
    const stdout = this.#child!.stdout!
    const isFull = this.#calls.size > 0 && [...this.#calls.values()].every(({ full }) => full)
    if (isFull !== stdout.isPaused()) isFull ? stdout.pause() : stdout.resume()
  }

  #lose(what: string): void {
    if (this.#state === 'over') return
    const reason = new EngineFailedError(`The program ${what}.`)
    this.#over(reason)
    this.#kill()
    this.#options.onLost(reason)
  }

  #over(reason: unknown): void {
    if (this.#state === 'over') return
    this.#state = 'over'
    this.#hello.reject(reason)
    this.#loaded.reject(reason)
    for (const call of this.#calls.values()) call.fail(reason)
    this.#calls.clear()
    if (this.#child?.pid === undefined) this.#exited.resolve()
  }

  #kill(): void {
    const pid = this.#child?.pid
    if (pid === undefined) return
    if (this.#options.ownGroup) endGroup(pid)
    this.#child!.kill('SIGKILL')
  }
}
