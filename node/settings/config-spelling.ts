/** Which setting a misspelt key was probably meant to be. */

import type { KnownSettings } from './config-schema.ts'

/** One slip for every three characters still counts as a slip. */
const CHARACTERS_PER_SLIP = 3

/** `; did you mean "…"?` when one known key is close, else nothing. */
export function suggestionFor(key: string, { byKey, sections }: KnownSettings): string {
  const slipsMax = Math.max(1, Math.floor(key.length / CHARACTERS_PER_SLIP))
  const [closest] = [...byKey.keys(), ...sections]
    .map(known => ({ known, slips: slipsBetween(key, known) }))
    .filter(({ slips }) => slips <= slipsMax)
    .sort((a, b) => a.slips - b.slips)
  return closest === undefined ? '' : `; did you mean "${closest.known}"?`
}

/** Characters added, left out, replaced or swapped with their neighbour; a forgotten section counts as one. */
function slipsBetween(given: string, known: string): number {
  if (known.endsWith(`.${given}`)) return 1

  // Optimal string alignment: row i holds the distances between the first i
  // characters of `given` and every beginning of `known`.
  const rows = [Array.from({ length: known.length + 1 }, (_, j) => j)]
  for (let i = 1; i <= given.length; i++) {
    const row = [i]
    for (let j = 1; j <= known.length; j++) {
      const replaced = rows[i - 1]![j - 1]! + (given[i - 1] === known[j - 1] ? 0 : 1)
      row[j] = Math.min(replaced, rows[i - 1]![j]! + 1, row[j - 1]! + 1)
      if (i > 1 && j > 1 && given[i - 1] === known[j - 2] && given[i - 2] === known[j - 1]) {
        row[j] = Math.min(row[j]!, rows[i - 2]![j - 2]! + 1)
      }
    }
    rows.push(row)
  }
  return rows[given.length]![known.length]!
}
