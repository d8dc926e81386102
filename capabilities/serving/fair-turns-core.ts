/**
 * Whose turn it is: this device's, then that of the peer which has had the least time of slots. Time counts and not
 * requests, so a peer that asks for long answers gets no more than one that asks for short ones.
 */

/** The asker of the node's own requests. */
export const OWN = ''

interface Waiting {
  readonly asker: string
  readonly sinceMs: number
}

interface Asker {
  running: number
  /** When it took each slot that it has: the sum, whichever of them it gives back first. */
  takenMs: number
  /** Time of slots that it has had, as far as it counts. */
  usedMs: number
  /** When it asked or had a slot last. */
  seenMs: number
}

/** One that asks again within this time is remembered. */
const KNOWN_MS = 60_000
/** A peer that asked within this time wants a part of the queue. */
const SHARING_MS = 5000
/** A peer that asked for little may catch up by so much, before the others have their turns again. */
const SAVED_MS_MAX = 30_000

export interface FairTurns {
  /** Ids of those who wait. */
  readonly queue: Map<number, Waiting>
  /**
   * The same for each who asks; ids in order of arrival: a `Set` iterates so, and any of them leaves it cheaply.
   * Of two who have had as much, the first here is next.
   */
  readonly lines: Map<string, Set<number>>
  /** Those who wait or have a slot, and those who had one lately. */
  readonly askers: Map<string, Asker>
}

export const newFairTurns = (): FairTurns => ({ queue: new Map(), lines: new Map(), askers: new Map() })

export function enqueue(turns: FairTurns, id: number, asker: string, nowMs: number): void {
  const { queue, lines } = turns
  askerOf(turns, asker, nowMs)
  queue.set(id, { asker, sinceMs: nowMs })
  const line = lines.get(asker)
  if (line === undefined) lines.set(asker, new Set([id]))
  else line.add(id)
}

/** It asks. @returns how many share the queue with it: those who asked lately. */
export function sharing(turns: FairTurns, asker: string, nowMs: number): number {
  askerOf(turns, asker, nowMs).seenMs = nowMs
  let count = 0
  for (const [name, { seenMs }] of turns.askers) if (name !== OWN && nowMs - seenMs <= SHARING_MS) count++
  return count
}

export function dequeue(turns: FairTurns, id: number): void {
  const { queue, lines } = turns
  const asker = queue.get(id)?.asker
  if (asker === undefined) return
  queue.delete(id)
  const line = lines.get(asker)!
  line.delete(id)
  if (line.size === 0) lines.delete(asker)
}

/** A slot is taken. */
export function taken(turns: FairTurns, asker: string, nowMs: number): void {
  const one = askerOf(turns, asker, nowMs)
  one.running++
  one.takenMs += nowMs
  const line = turns.lines.get(asker)
  // Behind those who have had as much.
  if (line !== undefined && turns.lines.delete(asker)) turns.lines.set(asker, line)
}

/** A slot is given back. The time that it was held counts, whether or not it was worked in. */
export function freed(turns: FairTurns, asker: string, nowMs: number): void {
  const one = turns.askers.get(asker)!
  const takenMs = one.takenMs / one.running
  one.takenMs -= takenMs
  one.running--
  one.usedMs += nowMs - takenMs
  one.seenMs = nowMs
}

/** @param serviceMs what a request that runs will have taken. */
export function nextAsker({ lines, askers }: FairTurns, serviceMs: number): string | undefined {
  if (lines.has(OWN)) return OWN
  let next: string | undefined
  let leastMs = Number.POSITIVE_INFINITY
  for (const asker of lines.keys()) {
    const hadMs = hadBy(askers.get(asker)!, serviceMs)
    if (hadMs < leastMs) {
      next = asker
      leastMs = hadMs
    }
  }
  return next
}

/** Whether a peer that has no slot would be next: it waits for what runs now, and for none of those who wait. */
export function isNext({ lines, askers }: FairTurns, asker: string, serviceMs: number): boolean {
  const one = askers.get(asker)
  if (one === undefined || one.running > 0 || lines.has(asker) || lines.has(OWN)) return false
  return [...lines.keys()].every(other => hadBy(askers.get(other)!, serviceMs) > one.usedMs)
}

/** How many turns it takes until this one has a slot: those before it in its own line, and as many of each other one. */
export function placeIn(
  { queue, lines, askers }: FairTurns,
  id: number,
  serviceMs: number
): number | undefined {
  const asker = queue.get(id)?.asker
  if (asker === undefined) return undefined
  const rank = [...lines.get(asker)!].indexOf(id) + 1
  if (asker === OWN) return rank
  const hadMs = hadBy(askers.get(asker)!, serviceMs)
  let place = rank
  let isAfter = false
  for (const [other, { size }] of lines) {
    const otherMs = hadBy(askers.get(other)!, serviceMs)
    const isFirst = otherMs < hadMs || (otherMs === hadMs && !isAfter)
    if (other === asker) isAfter = true
    else if (other === OWN) place += size
    else place += Math.min(size, isFirst ? rank : rank - 1)
  }
  return place
}

/** Where no more may wait: the newest of the peer with most waiting, if that leaves it no worse off than `asker`. */
export function displacedBy({ lines }: FairTurns, asker: string): number | undefined {
  let longest: Set<number> | undefined
  for (const [other, line] of lines) {
    if (other !== OWN && line.size > (longest?.size ?? 0)) longest = line
  }
  if (longest === undefined) return undefined
  if (asker !== OWN && longest.size < (lines.get(asker)?.size ?? 0) + 2) return undefined
  return [...longest].at(-1)
}

const hadBy = ({ running, usedMs }: Asker, serviceMs: number): number => usedMs + running * serviceMs

/** One that was away has had at most `SAVED_MS_MAX` less than the least of those who are there, and a new one as much. */
function askerOf({ lines, askers }: FairTurns, name: string, nowMs: number): Asker {
  const known = askers.get(name)
  if (known !== undefined && (known.running > 0 || lines.has(name))) return known
  let leastMs = Number.POSITIVE_INFINITY
  for (const [other, { running, usedMs, seenMs }] of askers) {
    if (running > 0 || lines.has(other)) {
      if (other !== OWN) leastMs = Math.min(leastMs, usedMs)
    } else if (nowMs - seenMs > KNOWN_MS && other !== name) askers.delete(other)
  }
  const floorMs = leastMs === Number.POSITIVE_INFINITY ? 0 : leastMs
  if (known !== undefined) {
    known.usedMs = Math.max(known.usedMs, floorMs - SAVED_MS_MAX)
    return known
  }
  const asker = { running: 0, takenMs: 0, usedMs: floorMs, seenMs: nowMs }
  askers.set(name, asker)
  return asker
}
