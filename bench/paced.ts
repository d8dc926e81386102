/** The engines that stand for language models where only the way of their words is measured. */

/** Of each word: 100 tokens a second, as a small model on a good processor. */
export const PACE_MS = 10
export const PACED = 'paced'

/** Models that nobody asked yet: one for each round. */
export const LATE = 'late'
export const LATE_MODELS = 5
/** Longer than first calls need to arrive. */
export const LOAD_MS = 500
