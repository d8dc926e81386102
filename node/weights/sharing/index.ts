/** One download for a whole mesh. */

export { isShared, type ObtainShared, Sharing } from './sharing.ts'
