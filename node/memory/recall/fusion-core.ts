/** One order of several: reciprocal rank fusion. */

/** As its authors have it (Cormack et al., 2009): how much less a second place counts than a first one. */
const FLATNESS = 60

export interface Fused {
  readonly id: number
  readonly score: number
}

/**
 * @param lists ids, the best first; none twice in one list.
 * @param at of an id, in ms, or null: of equal scores the newer comes first.
 */
export function fuse(lists: readonly (readonly number[])[], at: (id: number) => number | null): Fused[] {
  const scores = new Map<number, number>()
  for (const list of lists)
    list.forEach((id, place) => {
      scores.set(id, (scores.get(id) ?? 0) + 1 / (FLATNESS + place + 1))
    })
  return [...scores]
    .map(([id, score]) => ({ id, score, at: at(id) ?? Number.NEGATIVE_INFINITY }))
    .sort((a, b) => b.score - a.score || compare(b.at, a.at) || b.id - a.id)
    .map(({ id, score }) => ({ id, score }))
}

/** Two that are infinite are equal, and their difference is no number. */
const compare = (a: number, b: number): number => (a < b ? -1 : a > b ? 1 : 0)
