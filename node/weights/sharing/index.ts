/** One download for a whole mesh. */

export { isShared, Sharing } from './sharing.ts'
