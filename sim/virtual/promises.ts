/** What a virtual world promises, and the error that says which promise was broken. */

export const INVARIANTS = {
  S1: 'what was acknowledged is found after a crash',
  S3: 'an answer is a prefix of the whole one, and ends only when it is whole',
  S4: 'nobody outside the mesh is served',
  S5: 'nobody is served where its removal is known',
  S6: 'the number of a peer only grows',
  S9: 'every queue and table keeps its bound',
  S12: 'nothing is thrown that nobody expects',
  S13: 'retries stay within their budget',
  E1: 'each request ends exactly once',
  D1: 'a seed is one run, event by event',
  L1: 'all who are connected know the same manifests and removals',
  L3: 'no slot, call or request is stuck',
  L4: 'whoever is healed answers and is answered'
} as const
export type Invariant = keyof typeof INVARIANTS

export class BrokenInvariant extends Error {
  readonly invariant: Invariant

  constructor(invariant: Invariant, what: string, options?: ErrorOptions) {
    super(`${invariant} (${INVARIANTS[invariant]}): ${what}`, options)
    this.invariant = invariant
  }
}
