/**
 * Reads files in a process of its own, one after the other: what a file is made to do to its reader, it does there. The process
 * starts with the first file and ends when there has been none for a while. One that has read a PDF reads nothing else.
 */

import { type ChildProcess, spawn } from 'node:child_process'
import type { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { engineSandbox, startConfined } from '../../../capabilities/index.ts'
import type { Clock, Timer } from '../../../interface/clock.ts'
import { type ErrorCode, LumosError, OverloadedError } from '../../../interface/errors.ts'
import type { AbortOptions } from '../../../interface/lifecycle.ts'
import { isRecord } from '../../../interface/record.ts'
import { READER_CODE, READER_PROCESS } from './entries.ts'
import { CONTENT_BYTES_MAX, READ_MS_MAX, READER_BYTES_MAX, TITLE_CHARS_MAX } from './limits.ts'
import { ANSWER_FD, encodeMessage, type Message, MessageReader } from './read/messages.ts'

/** The files of a folder come one after the other; a process costs 60 MB. */
const IDLE_MS = 5000
/** Files that wait are in memory, with up to 24 MiB each. */
const WAITING_MAX = 8
const RETRY_AFTER_MS = 1000
/** Of V8, below the limit of the whole process. */
const HEAP_MB_MAX = 384
const REFUSALS: ReadonlySet<unknown> = new Set<ErrorCode>([
  'MEDIA_TYPE_UNSUPPORTED',
  'INVALID_INPUT',
  'INPUT_TOO_LARGE'
])
const WHY_CHARS_MAX = 300

export interface FileText {
  readonly type: string
  readonly by: 'page' | 'line'
  readonly title: string | null
  readonly encoding: string | null
  /** Pieces as JSON, unread: a list of `[text, heading or null, first, last]`. */
  readonly content: Uint8Array
}

export interface FileReaderOptions {
  readonly clock: Clock
  /** For tests of files that cost too much. */
  readonly memoryBytesMax?: number
  readonly readMsMax?: number
}

interface Running {
  readonly child: ChildProcess
  settle(message: Message): void
  fail(error: Error): void
}

export class FileReader {
  readonly #options: FileReaderOptions
  #running: Running | undefined
  #idle: Timer | undefined
  #last: Promise<unknown> = Promise.resolve()
  #waiting = 0

  constructor(options: FileReaderOptions) {
    this.#options = options
  }

  /** @throws {LumosError} `MEDIA_TYPE_UNSUPPORTED`, `INVALID_INPUT`, `INPUT_TOO_LARGE`, `OVERLOADED` */
  async read(name: string, bytes: Uint8Array, options: AbortOptions = {}): Promise<FileText> {
    if (this.#waiting === WAITING_MAX)
      throw new OverloadedError(`${WAITING_MAX} files wait to be read, which is the most.`, RETRY_AFTER_MS)
    this.#waiting++
    const reading = this.#last.then(() => this.#read(name, bytes, options))
    this.#last = reading.catch(() => {})
    try {
      return await reading
    } finally {
      this.#waiting--
    }
  }

  close(): void {
    this.#idle?.cancel()
    this.#end(new LumosError('CANCELLED', 'The node is stopping.'))
  }

  async #read(name: string, bytes: Uint8Array, { signal }: AbortOptions): Promise<FileText> {
    signal?.throwIfAborted()
    this.#idle?.cancel()
    const { clock, readMsMax = READ_MS_MAX } = this.#options
    this.#running ??= await this.#start()
    signal?.throwIfAborted()
    const running = this.#running
    const { promise, resolve, reject } = Promise.withResolvers<Message>()
    running.settle = resolve
    running.fail = reject
    const late = clock.setTimer(
      () => this.#end(tooMuch(`takes longer than ${readMsMax / 1000} s to read`)),
      readMsMax
    )
    const onAbort = (): void => this.#end(signal!.reason)
    signal?.addEventListener('abort', onAbort)
    for (const part of encodeMessage({ name }, bytes)) running.child.stdin!.write(part)
    try {
      const file = toFile(await promise)
      // Of a hostile file nothing stays for the next one; its library takes 60 MB, too.
      if (file.by === 'page') this.#end()
      return file
    } finally {
      late.cancel()
      signal?.removeEventListener('abort', onAbort)
      this.#idle = clock.setTimer(() => this.#end(), IDLE_MS)
    }
  }

  async #start(): Promise<Running> {
    const { memoryBytesMax = READER_BYTES_MAX } = this.#options
    const { command, args, options } = startConfined(await engineSandbox(), {
      args: [`--max-old-space-size=${HEAP_MB_MAX}`, fileURLToPath(READER_PROCESS), String(memoryBytesMax)],
      folder: '/',
      code: READER_CODE.map(url => fileURLToPath(url)),
      env: {}
    })
    const child = spawn(command, args, { ...options, env: {}, stdio: ['pipe', 'ignore', 'ignore', 'pipe'] })
    const running: Running = { child, settle() {}, fail() {} }
    const lost = (): void => {
      if (this.#running === running) this.#running = undefined
      running.fail(
        tooMuch(`takes more than ${memoryBytesMax / 1024 / 1024} MiB to read, or breaks its reader`)
      )
    }
    const messages = new MessageReader(CONTENT_BYTES_MAX)
    const answers = child.stdio[ANSWER_FD] as Readable
    answers.on('data', (part: Buffer) => {
      try {
        for (const message of messages.push(part)) running.settle(message)
      } catch {
        this.#end(tooMuch('has more text than a file may'))
      }
    })
    // What it was still to be told is lost with it.
    child.stdin!.on('error', () => {})
    child.on('exit', lost)
    child.on('error', lost)
    return running
  }

  #end(reason?: Error): void {
    const running = this.#running
    this.#running = undefined
    if (running === undefined) return
    if (reason !== undefined) running.fail(reason)
    running.child.kill('SIGKILL')
  }
}

const tooMuch = (why: string): LumosError => new LumosError('INPUT_TOO_LARGE', `It ${why}.`)

/** The process may be what a file has made of it: each word of it is checked. */
function toFile({ head, body }: Message): FileText {
  if (isRecord(head) && REFUSALS.has(head.code))
    throw new LumosError(head.code as ErrorCode, String(head.message).slice(0, WHY_CHARS_MAX))
  const isFile = isRecord(head) && isWord(head.type) && (head.by === 'page' || head.by === 'line')
  if (!isFile) throw new LumosError('INVALID_INPUT', 'It cannot be read.')
  const { type, by, title, encoding } = head
  return {
    type: type as string,
    by: by as 'page' | 'line',
    title: typeof title === 'string' ? title.trim().slice(0, TITLE_CHARS_MAX).toWellFormed() || null : null,
    encoding: isWord(encoding) ? encoding : null,
    content: body
  }
}

const isWord = (value: unknown): value is string =>
  typeof value === 'string' && /^[\w./+-]{1,64}$/.test(value)
