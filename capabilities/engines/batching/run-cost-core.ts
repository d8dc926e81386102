/**
 * What a run of a model costs, learned from its runs, as a deterministic core: a part that each run takes, and a part for
 * each unit in it. So it is known how large a batch pays, and nothing is run for the sake of measuring.
 */

/** A batch may be so large that what each run takes is this part of it: beyond that, hardly anything is saved. */
const OVERHEAD_SHARE = 0.05
/** A run cannot be interrupted, and a process that does not end a cancelled one within two seconds is killed. */
const RUN_MS_MAX = 500
/** Older runs count less, the last thirty or so most: a machine is busy at times. */
const KEPT = 0.97
/** From run to run a batch may grow so much. */
const GROWTH = 2
/** With less variation of their sizes, runs do not tell one part from the other. */
const VARIATION_MIN = 0.01

/** Sums over runs, of their units and times. */
export interface RunCost {
  runs: number
  units: number
  ms: number
  squares: number
  products: number
  /** Items in them. */
  items: number
  /** Units of the largest run. */
  largest: number
}

export const newRunCost = (): RunCost => ({
  ...{ runs: 0, units: 0, ms: 0, squares: 0, products: 0, items: 0, largest: 0 }
})

export interface Run {
  readonly units: number
  readonly items: number
  readonly ms: number
}

/** Changes `cost` in place. */
export function addRun(cost: RunCost, { units, items, ms }: Run): void {
  cost.runs = cost.runs * KEPT + 1
  cost.units = cost.units * KEPT + units
  cost.ms = cost.ms * KEPT + ms
  cost.squares = cost.squares * KEPT + units * units
  cost.products = cost.products * KEPT + units * ms
  cost.items = cost.items * KEPT + items
  cost.largest = Math.max(cost.largest, units)
}

/** Units that the next run may have. Nothing is known before the first run, which holds one item. */
export function unitsThatPay(cost: RunCost): number {
  if (cost.runs === 0) return 0
  const inTime = cost.ms > 0 ? (RUN_MS_MAX * cost.units) / cost.ms : Number.POSITIVE_INFINITY
  return Math.min(paying(cost), inTime, GROWTH * cost.largest)
}

function paying(cost: RunCost): number {
  const { runs, units, ms, squares, products } = cost
  const variation = runs * squares - units * units
  if (variation < VARIATION_MIN * units * units) return Number.POSITIVE_INFINITY
  const perUnit = (runs * products - units * ms) / variation
  // Runs of no units leave it no number, which no limit would hold.
  if (!(perUnit > 0)) return Number.POSITIVE_INFINITY
  const perRun = (ms - perUnit * units) / runs
  // Two items at least: were they never run together, it would not be seen when that begins to pay.
  return Math.max(perRun / (OVERHEAD_SHARE * perUnit), (2 * units) / cost.items)
}
