/** A whole answer with its pieces before it, for callers that show how far it is. */

import type { SsePiece } from './sse.ts'

/** A reader that is slower than the pieces come misses some: the whole has them all. */
const WAITING_MAX = 64

/** The pieces as `item`, and at the end the answer as `whole`. */
export async function* piecesAndWhole(
  call: (onPiece: (piece: unknown) => void) => Promise<unknown>
): AsyncGenerator<SsePiece> {
  const waiting: unknown[] = []
  let wake = Promise.withResolvers<void>()
  const whole = call(piece => {
    if (waiting.length < WAITING_MAX) waiting.push(piece)
    wake.resolve()
  }).finally(() => wake.resolve())
  let isOver = false
  const over = whole.then(
    () => (isOver = true),
    () => (isOver = true)
  )
  while (!isOver || waiting.length > 0) {
    await Promise.race([wake.promise, over])
    wake = Promise.withResolvers<void>()
    for (const data of waiting.splice(0)) yield { event: 'item', data }
  }
  yield { event: 'whole', data: await whole }
}
