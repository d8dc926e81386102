/** Serves a model by a program of the owner. It stands between the two in a process of its own: the node never reads what a program writes. */

import { systemClock } from '../../../interface/clock.ts'
import { EngineFailedError, LumosError } from '../../../interface/errors.ts'
import type { InferenceChunk, InferenceRequest } from '../../../interface/inference.ts'
import type { AbortOptions } from '../../../interface/lifecycle.ts'
import type { Engine } from '../../host/engine.ts'
import type { EngineModule } from '../../host/engine-messages.ts'
import { groupBytesWithout } from '../../host/process-group.ts'
import { checkFiles } from '../model-files.ts'
import { Program } from './program.ts'

/** A node that sees the end of a process reads no more of its channel: what failed calls say goes first. */
const LAST_WORDS_MS = 100

/** What `createEngine` is given. */
export interface ExternalSettings {
  readonly command: string
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string>>
  /** Those that the settings promise of it. */
  readonly tasks: readonly string[]
  readonly slots: number
  /** In lower-case hex, by file. */
  readonly hashes: Readonly<Record<string, string>>
  readonly stored?: boolean | undefined
  /** What its `load` says: the model, and where its files are. */
  readonly load: { readonly model: string; readonly files: readonly string[] }
}

class ExternalEngine implements Engine {
  readonly #settings: ExternalSettings
  #program: Program | undefined
  /** As the program says it: what it takes of a card is in no process. */
  #toldBytes = 0

  constructor(settings: ExternalSettings) {
    this.#settings = settings
  }

  get loaded(): boolean {
    return this.#program?.loaded ?? false
  }

  get memoryBytes(): number {
    return Math.max(groupBytesWithout(process.pid), this.#toldBytes)
  }

  async load(): Promise<void> {
    const { command, args, env, tasks, slots, hashes, stored, load } = this.#settings
    const [first] = load.files
    if (first !== undefined) await checkFiles(first, hashes, load.files, stored)
    const program = new Program({
      ...{ clock: systemClock, command, args, env, stderr: 'inherit' },
      onLost: reason => this.#end(program, reason),
      onMemory: bytes => {
        this.#toldBytes = bytes
      }
    })
    const hello = await program.start()
    const missing = tasks.filter(task => !hello.tasks.includes(task))
    if (missing.length > 0) throw promised(`${missing.join(', ')}, and it does ${hello.tasks.join(', ')}`)
    if (slots > hello.slots) throw promised(`${slots} slots, and it has ${hello.slots}`)
    await program.load(load)
    this.#program = program
  }

  /** The process ends with its program, and the node starts both anew. The calls have failed by then, and say why. */
  #end(program: Program, { message }: EngineFailedError): void {
    if (program !== this.#program) return
    console.error(message)
    systemClock.setTimer(() => process.exit(1), LAST_WORDS_MS)
  }

  async close(): Promise<void> {
    await this.#program?.close()
  }

  async *infer(request: InferenceRequest, { signal }: AbortOptions = {}): AsyncGenerator<InferenceChunk> {
    signal?.throwIfAborted()
    if (this.#program === undefined) throw new EngineFailedError('The program is not loaded.')
    const program = this.#program
    const { id, call } = program.ask(request)
    const leave = (): void =>
      program.cancel(id, signal?.reason ?? new EngineFailedError('Its reader has left.'))
    signal?.addEventListener('abort', leave)
    try {
      let chunk: InferenceChunk
      do {
        chunk = await call.next()
        yield chunk
      } while (chunk.type !== 'done')
    } finally {
      signal?.removeEventListener('abort', leave)
      leave()
      // A slot is free once the program has really stopped.
      await call.settled
    }
  }
}

const promised = (what: string): LumosError =>
  new LumosError('MODEL_INVALID', `engines.external promises of this program ${what}.`)

export const createEngine: EngineModule['createEngine'] = settings =>
  new ExternalEngine(settings as ExternalSettings)
