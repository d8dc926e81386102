/**
 * One life of an engine's process, from fork to exit: what it says is checked,
 * and it is killed when it hangs, floods, or does not stop when told to.
 */

import type { ChildProcess } from 'node:child_process'
import type { Duplex } from 'node:stream'
import type { Clock } from '../../interface/clock.ts'
import { CancelledError, EngineFailedError, type LumosError } from '../../interface/errors.ts'
import type { InferenceChunk, PreparedRequest } from '../../interface/inference.ts'
import type { AbortOptions, Logger } from '../../interface/lifecycle.ts'
import type { EngineSandbox } from '../../interface/node.ts'
import { isRecord } from '../../interface/record.ts'
import { EngineCall } from './engine-call.ts'
import { EngineCalls } from './engine-calls.ts'
import { CHANNEL_FD, EngineChannel } from './engine-channel.ts'
import type { EngineEnvironment } from './engine-environment.ts'
import { FROM_ENGINE, TO_ENGINE } from './engine-frames.ts'
import { causeOf, type EngineSpec, launch } from './engine-launch.ts'
import { type FromEngine, fromPlainError, type ToEngine } from './engine-messages.ts'
import { EngineReports, type EngineReportsOptions } from './engine-reports.ts'
import { engineSandbox } from './engine-sandbox.ts'
import { OutputTail } from './output-tail.ts'
import { STALL_MS, StallWatch } from './stall-watch.ts'

/** Time to exit after the channel was closed, by either side; an idle process needs a few milliseconds. */
const EXIT_GRACE_MS = 1000

export interface EngineProcessOptions extends Pick<EngineReportsOptions, 'tuning' | 'onMemory'> {
  readonly clock: Clock
  readonly log: Logger
  readonly spec: EngineSpec
  readonly env: EngineEnvironment
  readonly sandbox?: EngineSandbox | undefined
  /** Called once, when the process can no longer be used, unless `stop` was asked for. */
  onLost(): void
}

export class EngineProcess {
  readonly #options: EngineProcessOptions
  readonly #output: OutputTail
  readonly #calls: EngineCalls
  readonly #reports: EngineReports
  readonly #watch: StallWatch
  readonly #loaded = Promise.withResolvers<void>()
  readonly #exited = Promise.withResolvers<void>()
  #child: ChildProcess | undefined
  #channel: EngineChannel<ToEngine, FromEngine> | undefined
  #state: 'starting' | 'loaded' | 'stopping' | 'dead' = 'starting'

  constructor(options: EngineProcessOptions) {
    this.#options = options
    this.#output = new OutputTail(options.clock)
    this.#calls = new EngineCalls(options.clock, () => this.#kill('did not stop when told to'))
    const { tuning, onMemory } = options
    this.#reports = new EngineReports({ output: this.#output, tuning, onMemory })
    this.#watch = new StallWatch({
      clock: options.clock,
      isWaiting: () => this.#state === 'starting' || this.#calls.waiting,
      onStall: () => this.#kill(`gave no sign for ${STALL_MS / 1000} s`)
    })
    // A failed start is reported by `start`; the rest of this class only needs to know when.
    this.#loaded.promise.catch(() => {})
  }

  get loaded(): boolean {
    return this.#state === 'loaded'
  }

  get memoryBytes(): number {
    return this.#reports.memoryBytes
  }

  /** Starts the process, and loads the engine. */
  async start(): Promise<void> {
    const { spec, env, sandbox, tuning } = this.#options
    this.#watch.begin()
    const how = sandbox ?? (await engineSandbox())
    // Stopped, or given up on, meanwhile.
    if (this.#state !== 'starting') return await this.#loaded.promise

    this.#child = launch(how, spec, env)
    this.#child.on('exit', this.#onExit)
    this.#child.on('error', this.#onError)
    this.#child.stdout?.on('data', this.#onOutput)
    this.#child.stderr?.on('data', this.#onOutput)
    this.#channel = new EngineChannel(this.#child.stdio[CHANNEL_FD] as Duplex, {
      sends: TO_ENGINE,
      receives: FROM_ENGINE,
      onMessage: message => this.#accept(message),
      onBroken: ({ message }) => this.#kill(message),
      onClosed: this.#onClosed
    })

    const threads = tuning?.known
    this.#channel.send({
      ...{ type: 'load', module: spec.module.href, settings: spec.settings },
      ...(threads !== undefined && { threads })
    })
    await this.#loaded.promise
  }

  /** Ends all calls and the process. */
  async stop(): Promise<void> {
    if (this.#child === undefined) {
      this.#state = 'dead'
      this.#watch.end()
      return this.#loaded.reject(new CancelledError('The engine is stopping.'))
    }
    if (this.#state !== 'dead') {
      this.#state = 'stopping'
      const reason = new CancelledError('The engine is stopping.')
      this.#loaded.reject(reason)
      this.#calls.failAll(reason)
      this.#channel?.close()
      this.#expectExit(() => this.#child?.kill('SIGKILL'))
    }
    await this.#exited.promise
  }

  async *infer(request: PreparedRequest, { signal }: AbortOptions = {}): AsyncGenerator<InferenceChunk> {
    signal?.throwIfAborted()
    if (this.#state !== 'loaded')
      throw new EngineFailedError(`The engine of "${request.model}" is not running.`)

    const id = this.#calls.nextId()
    const call = new EngineCall(request, {
      onWait: () => this.#watch.begin(),
      onTaken: chunks => this.#channel?.send({ type: 'taken', call: id, chunks })
    })
    const onAbort = (): void => {
      call.fail(signal?.reason)
      this.#cancel(id)
    }
    this.#channel?.send({ type: 'infer', call: id, request })
    this.#calls.add(id, call)
    signal?.addEventListener('abort', onAbort)

    try {
      let chunk: InferenceChunk
      do {
        chunk = await call.next()
        yield chunk
      } while (chunk.type !== 'done')
    } finally {
      signal?.removeEventListener('abort', onAbort)
      this.#cancel(id)
    }
  }

  settled(): Promise<void> | undefined {
    return this.#calls.settled()
  }

  #cancel(id: number): void {
    if (this.#calls.cancel(id)) this.#channel?.send({ type: 'cancel', call: id })
  }

  /** @throws when the process said what it must not. */
  #accept(message: FromEngine): void {
    if (this.#state === 'dead' || this.#state === 'stopping') return
    const { log, spec } = this.#options
    // Memory is told by a process whose engine hangs, too.
    if (message.type !== 'memory') this.#watch.sign()
    switch (message.type) {
      case 'chunks': {
        const call = this.#calls.of(message.call)
        if (!Array.isArray(message.chunks) || message.chunks.length === 0) throw unknown()
        for (const chunk of message.chunks) call.push(chunk)
        if (call.ended) this.#calls.end(message.call)
        return
      }
      case 'error':
        if (!isRecord(message.error)) throw unknown()
        this.#calls.of(message.call).fail(fromPlainError(message.error, spec))
        this.#calls.end(message.call)
        return
      case 'memory':
      case 'tuned':
        this.#reports.accept(message)
        return
      case 'loaded':
        if (this.#state !== 'starting') throw unknown()
        this.#state = 'loaded'
        this.#loaded.resolve()
        return
      case 'failed':
        if (this.#state !== 'starting' || !isRecord(message.error)) throw unknown()
        // The log keeps the paths of this device, which peers are not told.
        log.warn({ model: spec.name, folder: spec.folder, reason: message.error.message }, 'engine refused')
        this.#die(fromPlainError(message.error, spec))
        this.#child?.kill('SIGKILL')
        return
      default:
        throw unknown()
    }
  }

  #onError = ({ message }: Error): void => this.#kill('could not be started', message)
  #onOutput = (printed: Buffer): void => {
    if (!this.#output.add(printed) && this.#state !== 'dead') this.#kill('flooded its output')
  }
  /** An engine that dies closes its channel, too, and 'exit' follows and says more. */
  #onClosed = (): void => {
    if (this.#state === 'starting' || this.#state === 'loaded') {
      this.#expectExit(() => this.#kill('closed its channel and did not exit'))
    }
  }

  #expectExit(otherwise: () => void): void {
    const patience = this.#options.clock.setTimer(otherwise, EXIT_GRACE_MS)
    this.#exited.promise.then(() => patience.cancel())
  }

  #onExit = (code: number | null, signal: string | null): void => {
    const { log, spec } = this.#options
    if (this.#state === 'starting' || this.#state === 'loaded') {
      const how = causeOf(code, signal)
      log.error({ model: spec.name, how, output: this.#output.text }, 'engine died')
      const hint = 'What it printed last is in the log of its device.'
      this.#die(new EngineFailedError(`The engine of "${spec.name}" died (${how}).`, { hint }))
    }
    this.#state = 'dead'
    this.#reports.memoryBytes = 0
    this.#channel?.close()
    this.#watch.end()
    this.#exited.resolve()
  }

  #kill(why: string, reason?: string): void {
    if (this.#state === 'dead') return
    const { log, spec } = this.#options
    log.error({ model: spec.name, why, reason, output: this.#output.text }, 'engine killed')
    this.#die(new EngineFailedError(`The engine of "${spec.name}" ${why}.`))
    // A process that could not even be forked never exits.
    if (this.#child?.pid === undefined) this.#exited.resolve()
    this.#child?.kill('SIGKILL')
  }

  /** Nothing more is expected of the process. */
  #die(reason: LumosError): void {
    const wasLoaded = this.#state === 'loaded'
    this.#state = 'dead'
    this.#loaded.reject(reason)
    this.#calls.failAll(reason)
    if (wasLoaded) this.#options.onLost()
  }
}

const unknown = (): EngineFailedError => new EngineFailedError('sent a message of unknown type')
