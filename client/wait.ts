/** The time of the client: how long it waits, and how long before it connects again. */

/** Resolves after that time, or as soon as the signal aborts. */
export type Wait = (ms: number, signal?: AbortSignal) => Promise<void>

export const systemWait: Wait = (ms, signal) =>
  new Promise(resolve => {
    const done = () => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, ms)
    signal?.addEventListener('abort', done)
    if (signal?.aborted) done()
  })

const FIRST_MS = 250
/** Under the patience of a person who looks at a page. */
const LONGEST_MS = 10_000

/** Doubles with each failure. Half of it is chance, so that clients of a node that starts again come one by one. */
export function backoffMs(failures: number, chance: () => number = Math.random): number {
  const longest = Math.min(LONGEST_MS, FIRST_MS * 2 ** failures)
  return (longest / 2) * (1 + chance())
}
