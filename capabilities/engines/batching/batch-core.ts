/**
 * Which of the items that wait for a model make its next batch, as a deterministic core.
 *
 * The item whose turn it is belongs to the batch; those nearest to it in length fill the places that are left, so that
 * little of a batch is filling. A request has its turns at the pace of whole batches: a long one does not hold up the
 * short one that comes after it, and a stream of short ones does not hold up the long one.
 */

/** Of a batch, its filling may be as much as what it holds: beyond that, two runs are less work. */
const FILLED_MAX = 2

export interface BatchLimits {
  readonly items: number
  /** The length of the longest item, times the number of items. One item alone may be longer. */
  readonly padded: number
}

/** What waits for a run. */
export interface Waiting {
  readonly id: number
  readonly request: number
  readonly length: number
  /** In batches; of the same turn, the one that came first goes first. */
  readonly turn: number
}

export interface BatchState {
  /** The shortest first. */
  waiting: Waiting[]
  /** That were run. */
  batches: number
}

export const newBatches = (): BatchState => ({ waiting: [], batches: 0 })

export interface Added {
  readonly request: number
  /** The id of its first item; each next one has the next. */
  readonly firstId: number
  readonly lengths: readonly number[]
}

/** Changes `state` in place, as all of these do. */
export function addItems(
  state: BatchState,
  { request, firstId, lengths }: Added,
  { items }: BatchLimits
): void {
  const added = lengths.map((length, at) => ({
    ...{ id: firstId + at, request, length },
    turn: state.batches + Math.floor(at / items)
  }))
  state.waiting = [...state.waiting, ...added].sort((a, b) => a.length - b.length || a.id - b.id)
}

/** What a request has waiting is not wanted any more. */
export function dropRequest(state: BatchState, request: number): void {
  state.waiting = state.waiting.filter(item => item.request !== request)
}

/** Takes the next batch out of those that wait, the shortest first. Empty where none waits. */
export function nextBatch(state: BatchState, { items, padded }: BatchLimits): Waiting[] {
  const { waiting } = state
  const head = headOf(waiting)
  if (head === undefined) return []
  let [from, to, sum] = [head, head + 1, waiting[head]!.length]
  while (to - from < items) {
    const [shorter, longer] = [waiting[from - 1], waiting[to]]
    const longest = waiting[to - 1]!.length
    const shorterFills = shorter === undefined ? Number.POSITIVE_INFINITY : longest - shorter.length
    const longerFills =
      longer === undefined ? Number.POSITIVE_INFINITY : (longer.length - longest) * (to - from)
    const next = shorterFills <= longerFills ? shorter : longer
    if (next === undefined) break
    const all = (to - from + 1) * Math.max(longest, next.length)
    if (all > padded || all > FILLED_MAX * (sum + next.length)) break
    sum += next.length
    if (next === shorter) from--
    else to++
  }
  state.batches++
  return waiting.splice(from, to - from)
}

/** The place of the item whose turn it is. */
function headOf(waiting: readonly Waiting[]): number | undefined {
  let head: number | undefined
  for (const [at, { turn, id }] of waiting.entries()) {
    const best = head === undefined ? undefined : waiting[head]!
    if (best === undefined || turn < best.turn || (turn === best.turn && id < best.id)) head = at
  }
  return head
}
