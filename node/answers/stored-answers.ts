/** Answers as their files have them. */

import type { InferenceChunk } from '../../interface/chunks.ts'
import { answerRecords } from '../../storage/answers/answer-file.ts'
import type { AnswerPlace } from './live-answer.ts'
import { type AnswerRecord, chunksOf, decodeRecord } from './records.ts'

/** What a reader gets of a file in one go, or a record of it more: decoding more would hold up the node. */
const LOAD_CHUNKS = 1024

/** What a file says, its chunks aside. */
export interface StoredAnswer extends Omit<AnswerRecord, 'chunks'> {
  readonly head: NonNullable<AnswerRecord['head']>
  readonly first: number
  readonly next: number
  /** Devices that have answered. */
  readonly peers: ReadonlySet<string>
}

/** How an answer ends that no device goes on with. */
export const CUT = 'STREAM_INTERRUPTED'

/** Whether the device that answered was lost, or this one was, and no other has gone on. */
export const isCut = ({ end }: StoredAnswer): boolean => end === undefined || end.error?.code === CUT

export class StoredAnswers {
  readonly #place: AnswerPlace

  constructor(place: AnswerPlace) {
    this.#place = place
  }

  /** Nothing where there is no file, or it opens for another key. */
  async stored(name: string): Promise<StoredAnswer | undefined> {
    let first: number | undefined
    let next = 0
    const peers = new Set<string>()
    let stored: Omit<AnswerRecord, 'chunks'> = {}
    for (const { chunks, ...rest } of await this.#records(name)) {
      first ??= chunks?.first
      if (chunks !== undefined) next = chunks.first + chunks.count
      if (rest.route !== undefined) peers.add(rest.route.peerId)
      stored = { ...stored, ...defined(rest) }
    }
    const { head } = stored
    return head && { ...stored, head, first: first ?? 0, next, peers }
  }

  /** Some chunks from this index on. */
  async chunks(name: string, from: number): Promise<InferenceChunk[]> {
    const found: InferenceChunk[] = []
    for (const { chunks } of await this.#records(name)) {
      if (found.length >= LOAD_CHUNKS) break
      if (chunks === undefined || chunks.first + chunks.count <= from) continue
      for (const chunk of chunksOf(chunks)) if (chunk.index >= from) found.push(chunk)
    }
    return found
  }

  async #records(name: string): Promise<AnswerRecord[]> {
    const { directory, key } = this.#place
    try {
      return (await answerRecords(directory, name, key)).map(decodeRecord)
    } catch (thrown) {
      if ((thrown as NodeJS.ErrnoException).code !== 'ENOENT') throw thrown
      return []
    }
  }
}

const defined = <T extends object>(value: T): Partial<T> =>
  Object.fromEntries(Object.entries(value).filter(([, member]) => member !== undefined)) as Partial<T>
