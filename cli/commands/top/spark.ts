/** Small pictures of numbers, in one row of a terminal. */

const BLOCKS = '▁▂▃▄▅▆▇█'
/** By how much ink they have, for terminals without more. */
const SIGNS = '_.:-=+*#'

/** The last `width` values, each as high as it is of `max`. */
export function sparkline(values: readonly number[], width: number, max: number, utf8: boolean): string {
  const levels = utf8 ? BLOCKS : SIGNS
  const last = values.slice(-width).map(value => {
    const part = max <= 0 ? 0 : Math.min(1, Math.max(0, value / max))
    return levels[Math.round(part * (levels.length - 1))]!
  })
  return last.join('').padStart(width)
}
