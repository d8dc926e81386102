/**
 * The other end of an engine host: a process of its own, in which one engine
 * runs, so that a native run blocks, and a crash ends, nothing but itself.
 */

import { writeFileSync } from 'node:fs'
import { Worker } from 'node:worker_threads'
import { systemClock } from '../../interface/clock.ts'
import { EngineFailedError } from '../../interface/errors.ts'
import type { InferenceChunk, PreparedRequest } from '../../interface/inference.ts'
import type { Engine } from './engine.ts'
import {
  type EngineModule,
  type FromEngine,
  type ToEngine,
  toPlainError,
  WATCH_NODE
} from './engine-messages.ts'
import { checkSize } from './engine-output.ts'

/** How often memory is reported: seldom enough to cost nothing. */
const MEMORY_INTERVAL_MS = 5000

/** How often the watcher looks for the node: an orphan ends within two seconds. */
const WATCH_INTERVAL_MS = 500
/** The watcher holds a number. With less, a thread of Node does not start. */
const WATCHER_LIMITS = { maxOldGenerationSizeMb: 16, maxYoungGenerationSizeMb: 1 }

const calls = new Map<number, AbortController>()
let engine: Engine

process.on('message', (message: ToEngine) => {
  switch (message.type) {
    case 'load':
      void load(message.module, message.settings)
      break
    case 'infer':
      void infer(message.call, message.request)
      break
    case 'cancel':
      calls.get(message.call)?.abort()
  }
})

// Without its node an engine has nobody to work for.
process.on('disconnect', () => process.exit(0))
// Ctrl-C reaches every process of a terminal. The node drains its requests
// first and then disconnects, so an engine must outlive the signal.
process.on('SIGINT', () => {})
process.on('SIGTERM', () => {})

preferForOutOfMemory()
if (process.argv.at(-1) === WATCH_NODE) watchNode()

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
 * A native run blocks this thread, so 'disconnect' is not seen: a thread of its own ends the process once
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

async function load(module: string, settings: unknown): Promise<void> {
  try {
    const { createEngine }: EngineModule = await import(module)
    engine = createEngine(settings)
    await engine.load()
    reportMemory()
    send({ type: 'loaded' })
  } catch (err) {
    send({ type: 'failed', error: toPlainError(err) })
  }
}

async function infer(call: number, request: PreparedRequest): Promise<void> {
  const controller = new AbortController()
  calls.set(call, controller)
  try {
    let chunks: InferenceChunk[] = []
    for await (const chunk of engine.infer(request, { signal: controller.signal })) {
      chunks.push(checkSize(chunk))
      // Text goes out at once. An output waits for the `done` right behind it:
      // one message less is a tenth of a small call.
      if (chunk.type === 'output' && chunks.length === 1) continue

      const room = send({ type: 'chunks', call, chunks })
      chunks = []
      // Between sends, a `cancel` gets its chance to be read.
      if (!room) await new Promise(resolve => setImmediate(resolve))
      if (chunk.type === 'done') return
    }
    throw new EngineFailedError('The engine ended without finishing its answer.')
  } catch (err) {
    send({ type: 'error', call, error: toPlainError(err) })
  } finally {
    calls.delete(call)
  }
}

function send(message: FromEngine): boolean {
  // The callback takes the error of a node that has just gone; 'disconnect' follows.
  return process.send?.(message, undefined, undefined, () => {}) ?? false
}

function reportMemory(): void {
  send({ type: 'memory', bytes: process.memoryUsage.rss() })
  systemClock.setTimer(reportMemory, MEMORY_INTERVAL_MS)
}
