/** What a request that waits for its turn is told: its place in the queue, and about how long it takes. */

import type { ProgressChunk } from '../../interface/chunks.ts'
import type { Clock } from '../../interface/clock.ts'
import { CancelledError } from '../../interface/errors.ts'
import type { PreparedRequest } from '../../interface/inference.ts'
import type { Admission, Turn } from './admission.ts'
import type { Work } from './work.ts'

/** A shorter wait is over before a person has read of it. */
const REPORTED_WAIT_MS = 500
/** How often the place is looked at: people read no faster. */
const LOOK_AGAIN_MS = 500

interface Queued {
  readonly admission: Admission
  readonly request: PreparedRequest
  readonly work: Work
  readonly askedBy: string | undefined
  readonly clock: Clock
}

/** Waits for the turn. Where that is long it reports each other place, and that the turn has come. Left before, it gives up the turn. */
export async function* queued(
  turn: Turn,
  { admission, request, work, askedBy, clock }: Queued
): AsyncGenerator<ProgressChunk> {
  if ((turn.place()?.waitMs ?? 0) < REPORTED_WAIT_MS) return await turn.admitted
  let isOver = false
  const over = turn.admitted.finally(() => {
    isOver = true
  })
  over.catch(() => {})
  const { index = 0 } = request.resume ?? {}
  const report = { type: 'progress', index, stage: 'queued' } as const
  let isLeft = true
  let said = ''
  try {
    while (!isOver) {
      const queue = turn.place()
      const words = `${queue?.place} ${queue?.of}`
      if (queue !== undefined && words !== said) {
        said = words
        yield { ...report, done: 0, queue }
      }
      await within(over, clock)
    }
    await over
    yield { ...report, done: 1 }
    isLeft = false
  } finally {
    if (isLeft) {
      work.abort(new CancelledError())
      // The turn may have come just before.
      over.then(() => admission.leave(undefined, askedBy)).catch(() => {})
    }
  }
}

/** Resolves when `over` has ended, or it is time to look again. */
function within(over: Promise<void>, clock: Clock): Promise<void> {
  return new Promise(resolve => {
    const timer = clock.setTimer(resolve, LOOK_AGAIN_MS)
    const end = () => {
      timer.cancel()
      resolve()
    }
    over.then(end, end)
  })
}
