/** SHA-256 of what an answer says, in a form that each client can make of the JSON or the bytes that it got. */

import { createHash } from 'node:crypto'
import type { DoneChunk, InferenceChunk } from '../../interface/chunks.ts'

export class ContentDigest {
  readonly #hash = createHash('sha256')
  #isWhole = true

  /** Nothing where they cannot be read. */
  static async of(chunks: AsyncIterable<InferenceChunk>): Promise<ContentDigest | undefined> {
    const digest = new ContentDigest()
    try {
      for await (const chunk of chunks) digest.add(chunk)
      return digest
    } catch {
      return undefined
    }
  }

  /** Of each piece, in order: its text, its reasoning, the arguments of its calls of tools, its bytes; nothing between. */
  add(chunk: InferenceChunk): void {
    if (chunk.type === 'text') this.#hash.update(chunk.text)
    else if (chunk.type === 'data') this.#hash.update(chunk.bytes)
    else if (chunk.type === 'output') this.#isWhole = false
    else if (chunk.type === 'delta') {
      this.#hash.update(chunk.text ?? '').update(chunk.reasoning ?? '')
      for (const { arguments: words = '' } of chunk.toolCalls ?? []) this.#hash.update(words)
    }
  }

  /** In hex; nothing of an answer that is one output. No more may follow. */
  end(): string | undefined {
    return this.#isWhole ? this.#hash.digest('hex') : undefined
  }
}

/** The end of an answer with its digest: what another device says of that is not taken over. */
export function ended(
  { contentSha256: _, ...done }: DoneChunk,
  digest: ContentDigest | undefined
): DoneChunk {
  const contentSha256 = digest?.end()
  return contentSha256 === undefined ? done : { ...done, contentSha256 }
}
