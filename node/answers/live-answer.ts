/** An answer that is not at its end, and its file. */

import type { InferenceChunk } from '../../interface/chunks.ts'
import { AnswerFile } from '../../storage/answers/answer-file.ts'
import type { KeptAnswer } from './kept-answer.ts'
import { encodeRecord, groupOf } from './records.ts'

export interface AnswerPlace {
  readonly directory: string
  /** Of this device. */
  readonly key: Uint8Array
}

export class LiveAnswer {
  readonly name: string
  readonly answer: KeptAnswer
  /** Resolves when nothing more is written. */
  readonly over: Promise<void>
  readonly #place: AnswerPlace
  readonly #done: () => void
  #file: AnswerFile | undefined
  #routed: KeptAnswer['route']
  /** It is over the limits, or the disk refuses it. */
  unkept = false

  constructor(name: string, answer: KeptAnswer, place: AnswerPlace) {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.name = name
    this.answer = answer
    this.over = promise
    this.#done = resolve
    this.#place = place
    this.#routed = answer.route
  }

  get hasFile(): boolean {
    return this.#file !== undefined
  }

  get bytes(): number {
    return this.#file?.bytes ?? 0
  }

  /** To go on with a file that is there. */
  async reopen(): Promise<void> {
    const { directory, key } = this.#place
    this.#file = await AnswerFile.reopen(directory, this.name, key)
  }

  /** @param last whether these are the last chunks. */
  async append(chunks: readonly InferenceChunk[], last: boolean): Promise<void> {
    const { head, route, state, failure } = this.answer
    const { directory, key } = this.#place
    const isNew = this.#file === undefined
    this.#file ??= await AnswerFile.create(directory, this.name, key)
    // Without an end it may still be gone on with: see `own-answers.ts`.
    const ends = last && state !== 'interrupted' && state !== 'running'
    const error = failure === undefined ? null : { code: failure.code, message: failure.message }
    await this.#file.append(
      encodeRecord({
        head: isNew ? head : undefined,
        route: route === this.#routed && !isNew ? undefined : route && plain(route),
        chunks: groupOf(chunks),
        end: ends ? { state, error } : undefined
      })
    )
    this.#routed = route
  }

  async close(): Promise<void> {
    const file = this.#file
    this.#file = undefined
    await file?.close().catch(() => {})
  }

  ended(): void {
    this.#done()
  }
}

const plain = ({ peerId, task, model }: NonNullable<KeptAnswer['route']>) => ({ peerId, task, model })
