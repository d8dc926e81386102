/** Answers requests of peers. */

export { Serving } from './serving.ts'
export { YieldWatch } from './yield-watch.ts'
