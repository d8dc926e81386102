/** Asking a peer for an inference, and answering peers that ask. */

export { InferenceClient } from './client.ts'
export { INFERENCE_PROTOCOL } from './codec.ts'
export { InferenceHandler } from './handler.ts'
export { PieceDigest } from './piece-digest.ts'
export { openReceipt, RECEIPT, requestDigest } from './receipt.ts'
export type { InferenceHandlerLimits } from './served-stream.ts'
