/** Answers requests of peers. */

export { Serving } from './serving.ts'
