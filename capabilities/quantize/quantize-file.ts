/** Quantises one ONNX file in a process of its own, which sees that file and nothing else of this device. */

import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createWriteStream } from 'node:fs'
import { rm, stat } from 'node:fs/promises'
import { basename, dirname } from 'node:path'
import { type Readable, Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { fileURLToPath } from 'node:url'
import type { Clock, Timer } from '../../interface/clock.ts'
import { LumosError } from '../../interface/errors.ts'
import type { AbortOptions } from '../../interface/lifecycle.ts'
import { isRecord } from '../../interface/record.ts'
import { QUANTIZER } from '../entries.ts'
import { engineSandbox, startOf } from '../host/engine-sandbox.ts'
import { GRAPH_FD, SAYS_FD } from './said.ts'

/** Of protobuf; larger graphs keep their weights in files beside them. */
const GRAPH_BYTES_MAX = 2 ** 31 - 1
/** Node with this code, and nothing read yet. */
const MEMORY_BYTES_MIN = 256 * 1024 * 1024
/** The file, one tensor in full numbers at a time, and a quarter of the file: a graph may be one tensor. */
const MEMORY_TIMES = 3
/** A tensor of a gigabyte takes seconds, on a slow board ten times that. */
const STALL_MS = 120_000
const WHY_CHARS_MAX = 300
const LINE_CHARS_MAX = 4096

export interface QuantizeOptions extends AbortOptions {
  readonly clock: Clock
  /** Called with the bytes of weights that are done. */
  onBytes?(bytes: number): void
}

export interface QuantizedFile {
  readonly bytes: number
  readonly sha256: string
  /** How many tensors became smaller. */
  readonly tensors: number
}

/**
 * @param target must not be there; it is removed where this fails.
 * @throws {LumosError} `NOT_SUPPORTED` where nothing in it can be quantised, `MODEL_INVALID`, `ENGINE_FAILED`.
 */
export async function quantizeFile(
  source: string,
  target: string,
  { clock, signal, onBytes }: QuantizeOptions
): Promise<QuantizedFile> {
  signal?.throwIfAborted()
  const { size } = await stat(source)
  if (size > GRAPH_BYTES_MAX)
    throw new LumosError('NOT_SUPPORTED', `It cannot be quantised: a graph of more than 2 GiB is not read.`)
  const child = await start(source, MEMORY_BYTES_MIN + MEMORY_TIMES * size)
  const end = (): void => void child.kill('SIGKILL')
  let late: Timer | undefined
  const working = (): void => {
    late?.cancel()
    late = clock.setTimer(end, STALL_MS)
  }
  signal?.addEventListener('abort', end)
  if (signal?.aborted) end()
  working()
  try {
    const [said, { bytes, sha256 }] = await Promise.all([
      last(child.stdio[SAYS_FD] as Readable, done => {
        working()
        onBytes?.(done)
      }),
      written(child.stdio[GRAPH_FD] as Readable, target, size, working),
      once(child, 'exit')
    ])
    signal?.throwIfAborted()
    if (said === undefined)
      throw new LumosError('ENGINE_FAILED', 'The process that quantises has ended before it was done.')
    return { bytes, sha256, tensors: said }
  } catch (err) {
    await rm(target, { force: true })
    signal?.throwIfAborted()
    throw err
  } finally {
    late?.cancel()
    signal?.removeEventListener('abort', end)
    end()
  }
}

async function start(source: string, memoryBytesMax: number) {
  const { command, args, options } = startOf(await engineSandbox(), {
    args: [fileURLToPath(QUANTIZER), basename(source), String(memoryBytesMax)],
    folder: dirname(source),
    files: [source],
    code: [dirname(fileURLToPath(QUANTIZER))],
    env: {}
  })
  const child = spawn(command, args, {
    ...options,
    env: {},
    stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe']
  })
  // A failed start also rejects the wait for its exit.
  child.on('error', () => {})
  return child
}

/** What it says in the end: how many tensors became smaller; nothing where it ended without a word. */
async function last(says: Readable, onBytes: (bytes: number) => void): Promise<number | undefined> {
  let tensors: number | undefined
  for await (const line of linesOf(says)) {
    const said = parsed(line)
    if (!isRecord(said)) break
    if (typeof said.bytes === 'number') onBytes(said.bytes)
    if (typeof said.tensors === 'number') tensors = said.tensors
    if (typeof said.code === 'string')
      throw new LumosError(
        said.code === 'NOT_SUPPORTED' ? 'NOT_SUPPORTED' : 'MODEL_INVALID',
        String(said.message).slice(0, WHY_CHARS_MAX)
      )
  }
  return tensors
}

/** It reads files of others, and may send a line without an end. */
async function* linesOf(says: Readable): AsyncGenerator<string> {
  let rest = ''
  for await (const part of says.setEncoding('utf8')) {
    const lines = `${rest}${part}`.split('\n')
    rest = lines.pop()!
    yield* lines
    if (rest.length > LINE_CHARS_MAX) return
  }
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch {
    return undefined
  }
}

/** @param most bytes: weights become smaller. */
async function written(
  from: Readable,
  target: string,
  most: number,
  onPart: () => void
): Promise<{ bytes: number; sha256: string }> {
  const hash = createHash('sha256')
  let bytes = 0
  const bounded = new Transform({
    transform(part: Buffer, _, done) {
      bytes += part.length
      onPart()
      if (bytes > most) return done(new LumosError('ENGINE_FAILED', 'What came of it is larger than it was.'))
      hash.update(part)
      done(null, part)
    }
  })
  await pipeline(from, bounded, createWriteStream(target, { flags: 'wx' }))
  return { bytes, sha256: hash.digest('hex') }
}
