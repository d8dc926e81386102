/** The engine that stands for a language model where only the way of its words is measured. */

/** Of each word: 100 tokens a second, as a small model on a good processor. */
export const PACE_MS = 10
export const PACED = 'paced'
