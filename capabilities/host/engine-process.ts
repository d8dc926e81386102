/**
 * One life of an engine's process, from fork to exit: what it says is checked,
 * and it is killed when it hangs, floods, or does not stop when told to.
 */

import type { ChildProcess } from 'node:child_process'
import type { Clock, Timer } from '../../interface/clock.ts'
import { CancelledError, EngineFailedError, type LumosError } from '../../interface/errors.ts'
import type { InferenceChunk, PreparedRequest } from '../../interface/inference.ts'
import type { AbortOptions, Logger } from '../../interface/lifecycle.ts'
import type { EngineSandbox } from '../../interface/node.ts'
import { EngineCall } from './engine-call.ts'
import type { EngineEnvironment } from './engine-environment.ts'
import { causeOf, type EngineSpec, launch } from './engine-launch.ts'
import { type FromEngine, fromPlainError, type ToEngine } from './engine-messages.ts'
import { engineSandbox } from './engine-sandbox.ts'
import { OutputTail } from './output-tail.ts'

/** No sign for this long, while there is work, means it hangs. A prompt on a slow board may take a minute. */
const STALL_MS = 120_000
/** A native run cannot be interrupted; this long it may go on after a cancel. */
const CANCEL_GRACE_MS = 2000
/** Time to exit after disconnecting; an idle process needs a few milliseconds. */
const EXIT_GRACE_MS = 1000

export interface EngineProcessOptions {
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
  readonly #calls = new Map<number, EngineCall>()
  /** Calls given up but not ended by the engine yet, each with the timer that ends its patience. */
  readonly #cancelled = new Map<number, Timer>()
  readonly #loaded = Promise.withResolvers<void>()
  readonly #exited = Promise.withResolvers<void>()
  #child: ChildProcess | undefined
  #state: 'starting' | 'loaded' | 'stopping' | 'dead' = 'starting'
  #memoryBytes = 0
  #lastCall = 0
  #settling: PromiseWithResolvers<void> | undefined
  #watchdog: Timer | undefined
  #signMs = 0

  constructor(options: EngineProcessOptions) {
    this.#options = options
    this.#output = new OutputTail(options.clock)
    // A failed start is reported by `start`; the rest of this class only needs to know when.
    this.#loaded.promise.catch(() => {})
  }

  get loaded(): boolean {
    return this.#state === 'loaded'
  }

  get memoryBytes(): number {
    return this.#memoryBytes
  }

  /** Starts the process, and loads the engine. */
  async start(): Promise<void> {
    const { spec, env, sandbox } = this.#options
    this.#watch()
    const how = sandbox ?? (await engineSandbox())
    // Stopped, or given up on, meanwhile.
    if (this.#state !== 'starting') return await this.#loaded.promise

    this.#child = launch(how, spec, env)
    this.#child.on('message', this.#onMessage)
    this.#child.on('exit', this.#onExit)
    this.#child.on('error', this.#onError)
    this.#child.stdout?.on('data', this.#onOutput)
    this.#child.stderr?.on('data', this.#onOutput)

    this.#send({ type: 'load', module: spec.module.href, settings: spec.settings })
    await this.#loaded.promise
  }

  /** Ends all calls and the process. */
  async stop(): Promise<void> {
    if (this.#child === undefined) {
      this.#state = 'dead'
      this.#watchdog?.cancel()
      return this.#loaded.reject(new CancelledError('The engine is stopping.'))
    }
    if (this.#state !== 'dead') {
      this.#state = 'stopping'
      const reason = new CancelledError('The engine is stopping.')
      this.#loaded.reject(reason)
      this.#failAll(reason)
      if (this.#child.connected) this.#child.disconnect()
      const patience = this.#options.clock.setTimer(() => this.#child?.kill('SIGKILL'), EXIT_GRACE_MS)
      this.#exited.promise.then(() => patience.cancel())
    }
    await this.#exited.promise
  }

  async *infer(request: PreparedRequest, { signal }: AbortOptions = {}): AsyncGenerator<InferenceChunk> {
    signal?.throwIfAborted()
    if (this.#state !== 'loaded')
      throw new EngineFailedError(`The engine of "${request.model}" is not running.`)

    const id = ++this.#lastCall
    const call = new EngineCall(request)
    const onAbort = (): void => {
      call.fail(signal?.reason)
      this.#cancel(id)
    }
    this.#calls.set(id, call)
    signal?.addEventListener('abort', onAbort)
    this.#watch()
    this.#send({ type: 'infer', call: id, request })

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
    if (this.#cancelled.size === 0) return undefined
    this.#settling ??= Promise.withResolvers()
    return this.#settling.promise
  }

  #cancel(id: number): void {
    if (!this.#calls.has(id) || this.#cancelled.has(id)) return
    this.#send({ type: 'cancel', call: id })
    const patience = this.#options.clock.setTimer(
      () => this.#kill('did not stop when told to'),
      CANCEL_GRACE_MS
    )
    this.#cancelled.set(id, patience)
  }

  /** The engine has ended this call, one way or another. */
  #ended(id: number): void {
    this.#calls.delete(id)
    this.#cancelled.get(id)?.cancel()
    if (this.#cancelled.delete(id) && this.#cancelled.size === 0) {
      this.#settling?.resolve()
      this.#settling = undefined
    }
  }

  #onMessage = (message: unknown): void => {
    if (this.#state === 'dead' || this.#state === 'stopping') return
    try {
      this.#accept(message as FromEngine)
    } catch (err) {
      this.#kill((err as Error).message)
    }
  }

  /** @throws when the process said what it must not. */
  #accept(message: FromEngine): void {
    const { log, spec } = this.#options
    // Memory is told by a process whose engine hangs, too.
    if (message.type !== 'memory') this.#signMs = this.#options.clock.monotonicMs()
    switch (message.type) {
      case 'chunks': {
        const call = this.#called(message.call)
        for (const chunk of message.chunks) call.push(chunk)
        if (call.ended) this.#ended(message.call)
        return
      }
      case 'error':
        this.#called(message.call).fail(fromPlainError(message.error, spec))
        this.#ended(message.call)
        return
      case 'memory':
        this.#memoryBytes = Number(message.bytes)
        return
      case 'loaded':
        if (this.#state === 'starting') this.#state = 'loaded'
        this.#loaded.resolve()
        return
      case 'failed':
        // The log keeps the paths of this device, which peers are not told.
        log.warn({ model: spec.name, folder: spec.folder, reason: message.error.message }, 'engine refused')
        this.#die(fromPlainError(message.error, spec))
        this.#child?.kill('SIGKILL')
        return
      default:
        throw new Error('sent a message of unknown type')
    }
  }

  #called(id: number): EngineCall {
    const call = this.#calls.get(id)
    if (call === undefined) throw new Error('spoke of a request that it does not have')
    return call
  }

  #onError = ({ message }: Error): void => this.#kill('could not be started', message)

  #onOutput = (printed: Buffer): void => {
    if (!this.#output.add(printed) && this.#state !== 'dead') this.#kill('flooded its output')
  }

  #onExit = (code: number | null, signal: string | null): void => {
    const { log, spec } = this.#options
    if (this.#state === 'starting' || this.#state === 'loaded') {
      const how = causeOf(code, signal)
      log.error({ model: spec.name, how, output: this.#output.text }, 'engine died')
      this.#die(new EngineFailedError(`The engine of "${spec.name}" died (${how}).`))
    }
    this.#state = 'dead'
    this.#memoryBytes = 0
    this.#watchdog?.cancel()
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
    this.#failAll(reason)
    if (wasLoaded) this.#options.onLost()
  }

  #failAll(reason: LumosError): void {
    for (const [id, call] of this.#calls) {
      call.fail(reason)
      this.#ended(id)
    }
  }

  #send(message: ToEngine): void {
    // The callback takes the error of a process that has just died; 'exit' follows.
    if (this.#child?.connected) this.#child.send(message, undefined, undefined, () => {})
  }

  /** Called when work begins. One timer serves all of it, and looks for the last sign when it fires. */
  #watch(): void {
    if (this.#calls.size <= 1) this.#signMs = this.#options.clock.monotonicMs()
    if (this.#watchdog === undefined) this.#arm(STALL_MS)
  }

  #arm(delayMs: number): void {
    this.#watchdog = this.#options.clock.setTimer(() => {
      this.#watchdog = undefined
      const silentMs = this.#options.clock.monotonicMs() - this.#signMs
      if (this.#calls.size === 0 && this.#state !== 'starting') return
      if (silentMs >= STALL_MS) this.#kill(`gave no sign for ${STALL_MS / 1000} s`)
      else this.#arm(STALL_MS - silentMs)
    }, delayMs)
  }
}
