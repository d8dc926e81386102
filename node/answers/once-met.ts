/** A cut answer that is read before this node has met its peers: the rest may come with one of them. */

import type { ReadAnswerOptions } from '../../interface/answers.ts'
import type { InferenceChunk } from '../../interface/chunks.ts'
import type { Clock } from '../../interface/clock.ts'
import { pause } from '../network/deadline.ts'
import type { AnswerStore } from './answer-store.ts'
import type { KeptAnswer } from './kept-answer.ts'
import { chunksOfStored, unknown } from './opened.ts'
import type { StoredAnswer } from './stored-answers.ts'

/** While this node meets its peers, a reader has a cut answer looked for so often. */
const LOOK_AGAIN_MS = 500

export interface OnceMetComponents {
  readonly clock: Clock
  readonly store: AnswerStore
  /** What is kept of it; nothing where it was erased. */
  stored(): Promise<StoredAnswer | undefined>
  /** It, as it goes on; nothing where no device has the rest, or can make it. */
  recovered(): Promise<KeptAnswer | undefined>
  /** Whether that may change. */
  mayChange(stored: StoredAnswer): boolean
}

/** What is here at once, then the rest, or how the answer ended. */
export async function* onceMet(
  { clock, store, recovered, mayChange, ...components }: OnceMetComponents,
  name: string,
  stored: StoredAnswer,
  { from = stored.first, signal }: ReadAnswerOptions
): AsyncGenerator<InferenceChunk> {
  yield* chunksOfStored(store, name, stored, { from, follow: false })
  const at = Math.max(from, stored.next)
  let now: StoredAnswer | undefined = stored
  while (now !== undefined && mayChange(now)) {
    await pause(clock, LOOK_AGAIN_MS, signal)
    const live = await recovered()
    if (live !== undefined) return yield* live.read(at, { signal })
    now = await components.stored()
  }
  if (now === undefined) throw unknown()
  yield* chunksOfStored(store, name, now, { from: at })
}
