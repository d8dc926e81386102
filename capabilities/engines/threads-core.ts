/**
 * How many threads a model is computed with, by measuring. They wait for one another: with as many as there are cores,
 * one other busy process makes a run take a hundred times as long. So more are taken only where they were seen to be
 * faster.
 */

/** Less is not worth a core. */
const GAIN_MIN = 1.15
/** More threads than this seldom make a model of a private mesh faster. */
const THREADS_MAX = 8

/** Threads that a graph may use on a device of so many cores: one core is left to the network. */
export const threadsMost = (cores: number): number => Math.max(1, Math.min(cores - 1, THREADS_MAX))

export interface ThreadsSearch {
  readonly most: number
  /** The fewest that are as fast as any; absent before the first measurement. */
  readonly best?: { readonly threads: number; readonly ms: number }
  /** What is to be measured next; absent at the end. */
  readonly next?: number
}

/** @param most at least 1. */
export const newThreadsSearch = (most: number): ThreadsSearch => ({ most, next: 1 })

/** @param ms what a run took with `search.next` threads. */
export function measuredThreads({ most, best, next }: ThreadsSearch, ms: number): ThreadsSearch {
  if (next === undefined || (best !== undefined && !(ms * GAIN_MIN <= best.ms)))
    return { most, ...(best && { best }) }
  const more = next * 2
  return { most, best: { threads: next, ms }, ...(more <= most && { next: more }) }
}
