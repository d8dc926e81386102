/** Where the media of an answer go: to files, or into a pipe. */

import { existsSync } from 'node:fs'
import { parse } from 'node:path'
import type { DataChunk, InferenceChunk } from '../../../interface/chunks.ts'
import { InvalidInputError, LumosError } from '../../../interface/errors.ts'
import type { SnakeCase } from '../../../interface/snake-case.ts'
import { definitionOf, type TaskName } from '../../../interface/tasks/index.ts'
import { fromTilde } from '../../../storage/home/home-path.ts'
import type { Meta } from '../../client.ts'
import type { Output } from '../../output.ts'
import { isThere, writeNewFile } from '../../output-file.ts'

type Pieces = AsyncGenerator<unknown, Meta>

export interface MediaOptions {
  readonly out?: string
  readonly force?: boolean
  readonly jsonl?: boolean
  readonly detach?: boolean
}

interface WrittenFile {
  readonly path: string
  readonly mime: string
  readonly bytes: number
}

/** Takes the media from the pieces of an answer, and leaves the rest. */
interface MediaSink {
  through(pieces: Pieces): Pieces
}

/** @throws {LumosError} `USAGE` where the media of the answer would have no place. */
export function mediaFor(
  task: TaskName,
  { out, force = false, jsonl = false, detach = false }: MediaOptions,
  output: Output
): MediaFiles | MediaPipe | undefined {
  const { dataBytesMax = 0, max } = definitionOf(task).pieces ?? {}
  if (out !== undefined) {
    if (dataBytesMax === 0) throw usage(`The answer of ${task} is no file.`, 'Leave --out away.')
    if (jsonl || detach) throw usage('--out goes with neither --jsonl nor --detach.')
    return new MediaFiles(out, force)
  }
  const isMediaAlone = dataBytesMax > 0 && max?.({}) === 0
  if (!isMediaAlone || jsonl || detach || output.json) return undefined
  if (output.isTerminal)
    throw usage(`The answer of ${task} is a file.`, 'Name it: --out FILE, or give it to a pipe.')
  return new MediaPipe(output)
}

const usage = (message: string, hint?: string): LumosError => new LumosError('USAGE', message, { hint })

/** A file for each part. The node bounds the bytes of an answer, so they are in memory until all are there. */
export class MediaFiles implements MediaSink {
  readonly #path: string
  readonly #force: boolean
  readonly #parts = new Map<number, { readonly mime: string; readonly pieces: Buffer[] }>()

  /** @throws {LumosError} before the mesh is asked, where a file of this name is there, or its folder is not. */
  constructor(named: string, force: boolean) {
    this.#path = fromTilde(named)
    this.#force = force
    const { dir } = parse(this.#path)
    if (dir !== '' && !existsSync(dir)) throw usage(`There is no folder ${dir}.`)
    if (force) return
    for (const path of [this.#path, numbered(this.#path, 1)]) if (existsSync(path)) throw isThere(path)
  }

  async *through(pieces: Pieces): Pieces {
    for (;;) {
      const next = await pieces.next()
      if (next.done) return next.value
      const piece = next.value as SnakeCase<InferenceChunk>
      if (piece.type === 'data') this.#add(piece)
      else yield piece
    }
  }

  #add({ part, mime, bytes }: SnakeCase<DataChunk>): void {
    const { pieces } = this.#parts.get(part) ?? {}
    if (pieces === undefined) this.#parts.set(part, { mime, pieces: [Buffer.from(bytes, 'base64')] })
    else pieces.push(Buffer.from(bytes, 'base64'))
  }

  /** One part gets the name that was given, and several get numbers behind it. */
  write(): readonly WrittenFile[] {
    if (this.#parts.size === 0)
      throw new InvalidInputError(`The answer has no media for ${this.#path}.`, {
        hint: `Its text goes to a file in place of --out: > ${this.#path}`
      })
    const parts = [...this.#parts].sort(([one], [other]) => one - other)
    return parts.map(([, { mime, pieces }], i) => {
      const path = parts.length === 1 ? this.#path : numbered(this.#path, i + 1)
      const content = Buffer.concat(pieces)
      writeNewFile(path, content, this.#force)
      return { path, mime, bytes: content.length }
    })
  }
}

/** `answer.wav` becomes `answer-1.wav`. */
function numbered(path: string, n: number): string {
  const { ext } = parse(path)
  return `${path.slice(0, path.length - ext.length)}-${n}${ext}`
}

/** The bytes of the first part as they come. Of others, it is said that they are there. */
class MediaPipe implements MediaSink {
  readonly #output: Output

  constructor(output: Output) {
    this.#output = output
  }

  async *through(pieces: Pieces): Pieces {
    let first: number | undefined
    for (;;) {
      const next = await pieces.next()
      if (next.done) return next.value
      const piece = next.value as SnakeCase<InferenceChunk>
      if (piece.type === 'data') first ??= piece.part
      if (piece.type === 'data' && piece.part === first)
        await this.#output.bytes(Buffer.from(piece.bytes, 'base64'))
      else yield piece
    }
  }
}

/** The answer for a program: where its media are, and its text where there is one. */
export async function printFiles(
  pieces: Pieces,
  files: MediaFiles,
  { task, model }: { readonly task: TaskName; readonly model?: string },
  output: Output
): Promise<Meta> {
  let text = ''
  for (;;) {
    const next = await pieces.next()
    if (next.done) {
      const { peer, route, duration_ms, answer } = next.value
      const beside = text === '' ? {} : { text }
      output.data(
        {
          task,
          model: model ?? null,
          files: files.write(),
          ...beside,
          meta: { peer, route, duration_ms, answer }
        },
        () => ''
      )
      return next.value
    }
    const piece = next.value as SnakeCase<InferenceChunk>
    if (piece.type === 'text' || piece.type === 'delta') text += piece.text ?? ''
  }
}

export function noteFiles(files: MediaFiles, output: Output): void {
  for (const { path, mime, bytes } of files.write()) output.note(`${path}: ${bytes} bytes of ${mime}.`)
}
