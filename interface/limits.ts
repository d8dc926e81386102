/** Bounds that the process of an engine needs too. It loads no schema library, so they stand apart from the schemas. */

/** All tensors of one request, or of one answer, together. */
export const TENSOR_BYTES_MAX = 64 * 1024 * 1024
