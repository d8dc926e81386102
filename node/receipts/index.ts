/** What this device signs of its answers, and whether what another has signed counts. */

export { Signing } from './signing.ts'
export { verifyReceipts } from './verify.ts'
