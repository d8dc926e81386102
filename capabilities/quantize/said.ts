/** What the process that quantises says while it works: one line of JSON each, on a pipe of their own. */

export const SAYS_FD = 3
/** What came of the file. */
export const GRAPH_FD = 4

export type Said =
  /** Of weights that are done. */
  | { readonly bytes: number }
  /** Last: how many tensors became smaller. */
  | { readonly tensors: number }
  /** Last, in place of a graph. */
  | { readonly code: string; readonly message: string }
