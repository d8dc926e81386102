/**
 * The other end of an engine host: a process of its own, in which one engine
 * runs, so that a native run blocks, and a crash ends, nothing but itself.
 */

import { writeFileSync } from 'node:fs'
import { Socket } from 'node:net'
import { constants, setPriority } from 'node:os'
import { Worker } from 'node:worker_threads'
import { systemClock } from '../../interface/clock.ts'
import { EngineFailedError } from '../../interface/errors.ts'
import type { InferenceChunk, PreparedRequest } from '../../interface/inference.ts'
import type { Engine } from './engine.ts'
import { CHANNEL_FD, EngineChannel } from './engine-channel.ts'
import { LOW_PRIORITY } from './engine-environment.ts'
import { FROM_ENGINE, TO_ENGINE } from './engine-frames.ts'
import {
  type EngineModule,
  type FromEngine,
  type ToEngine,
  toPlainError,
  WATCH_NODE,
  WINDOW_CHUNKS
} from './engine-messages.ts'

/** How often memory is reported: seldom enough to cost nothing. */
const MEMORY_INTERVAL_MS = 5000

/** How often the watcher looks for the node: an orphan ends within two seconds. */
const WATCH_INTERVAL_MS = 500
/** The watcher holds a number. With less, a thread of Node does not start. */
const WATCHER_LIMITS = { maxOldGenerationSizeMb: 16, maxYoungGenerationSizeMb: 1 }

/** A call that is worked on here. */
interface ServedCall {
  readonly controller: AbortController
  /** Chunks that may be sent before the node says that it has taken some. */
  window: number
  /** The window has opened, or the call was cancelled. */
  onChange?: () => void
}

const calls = new Map<number, ServedCall>()
let engine: Engine

const channel = new EngineChannel<FromEngine, ToEngine>(new Socket({ fd: CHANNEL_FD }), {
  sends: FROM_ENGINE,
  receives: TO_ENGINE,
  onMessage,
  onBroken: err => {
    throw err
  },
  // Without its node an engine has no work.
  onClosed: () => process.exit(0)
})
// Ctrl-C reaches every process of a terminal. The node drains its requests
// first and then closes the channel, so an engine must outlive the signal.
process.on('SIGINT', () => {})
process.on('SIGTERM', () => {})

preferForOutOfMemory()
giveWay()
if (process.argv.at(-1) === WATCH_NODE) watchNode()

/** Threads that are made later have the priority of this one. It cannot be raised again without rights of an administrator. */
function giveWay(): void {
  if (!process.argv.includes(LOW_PRIORITY)) return
  try {
    setPriority(constants.priority.PRIORITY_BELOW_NORMAL)
  } catch {
    // Where the system does not allow it, the engine serves without.
  }
}

/** When memory runs out, Linux ends this process before any other. */
function preferForOutOfMemory(): void {
  if (process.platform !== 'linux') return
  try {
    writeFileSync('/proc/self/oom_score_adj', '1000')
  } catch {
    // Some containers have no writable /proc; the engine serves without.
  }
}

/**
 * A native run blocks this thread, so the end of the channel is not seen: a thread of its own ends the process once
 * the node is gone. On Windows the parent's job does that.
 */
function watchNode(): void {
  if (process.platform === 'win32') return
  const watcher = `
    const pause = new Int32Array(new SharedArrayBuffer(4))
    while (process.ppid === ${process.ppid}) Atomics.wait(pause, 0, 0, ${WATCH_INTERVAL_MS})
    process.kill(process.pid, 'SIGKILL')`
  const thread = new Worker(watcher, { eval: true, env: {}, resourceLimits: WATCHER_LIMITS })
  thread.unref()
}

function onMessage(message: ToEngine): void {
  switch (message.type) {
    case 'load':
      return void load(message)
    case 'infer':
      return void infer(message.call, message.request)
  }
  const call = calls.get(message.call)
  if (message.type === 'cancel') call?.controller.abort()
  else if (call !== undefined) call.window += message.chunks
  call?.onChange?.()
}

async function load({ module, settings, threads }: Extract<ToEngine, { type: 'load' }>): Promise<void> {
  // The native half of onnxruntime 1.30 takes one for empty. Without it, its libraries keep the bits in a Uint16Array.
  Reflect.deleteProperty(globalThis, 'Float16Array')
  try {
    const { createEngine }: EngineModule = await import(module)
    const keep = (best: number): void => channel.send({ type: 'tuned', threads: best })
    engine = createEngine(settings, { known: threads, keep })
    await engine.load()
    reportMemory()
    channel.send({ type: 'loaded' })
  } catch (err) {
    channel.send({ type: 'failed', error: toPlainError(err) })
  }
}

async function infer(id: number, request: PreparedRequest): Promise<void> {
  const call: ServedCall = { controller: new AbortController(), window: WINDOW_CHUNKS }
  const { signal } = call.controller
  calls.set(id, call)
  try {
    let chunks: InferenceChunk[] = []
    for await (const chunk of engine.infer(request, { signal })) {
      while (call.window === 0) await changeOf(call)
      call.window--
      chunks.push(chunk)
      // Text goes out at once. An output waits for the `done` right behind it:
      // one message less is a tenth of a small call.
      if (chunk.type === 'output' && chunks.length === 1) continue

      channel.send({ type: 'chunks', call: id, chunks })
      chunks = []
      if (chunk.type === 'done') return
    }
    throw new EngineFailedError('The engine ended without finishing its answer.')
  } catch (err) {
    channel.send({ type: 'error', call: id, error: toPlainError(err) })
  } finally {
    calls.delete(id)
  }
}

/** @throws when the call was cancelled. */
async function changeOf(call: ServedCall): Promise<void> {
  await new Promise<void>(resolve => {
    call.onChange = resolve
  })
  call.controller.signal.throwIfAborted()
}

function reportMemory(): void {
  channel.send({ type: 'memory', bytes: process.memoryUsage.rss() + engine.memoryBytes })
  systemClock.setTimer(reportMemory, MEMORY_INTERVAL_MS)
}
