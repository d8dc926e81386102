/** What the thread that hashes weights is asked, and what it answers. */

/** A file of a directory, as far as its link needs it. */
export interface LinkedFile {
  readonly path: string
  readonly cid: string
  readonly bytes: number
  /** Of its nodes and leaves; left out, it follows from `bytes`. */
  readonly dagBytes?: number | undefined
}

/** A DAG above leaves that are there. */
export interface Dag {
  readonly cid: string
  /** Of all its nodes and leaves: the size in a link to it. */
  readonly dagBytes: number
  /** Inner nodes, none for a file of one leaf. */
  readonly nodes: readonly { readonly cid: string; readonly bytes: Uint8Array }[]
}

/** `digests`: of all leaves, in order. */
export interface Hashed {
  readonly sha256: string
  readonly digests: Uint8Array
}

type Question =
  /** All of a file in one pass. `copyTo` must not be there. */
  | { type: 'hash'; path: string; bytes: number; copyTo?: string | undefined }
  /** The SHA-256 in hex of a file that comes, once it is there. `there`: a 1 for each leaf that is. */
  | { type: 'follow'; path: string; bytes: number; there: Uint8Array }
  /** The SHA-256 of a leaf that is there, of the file of question `of`. One that was expected to be another does not count. */
  | { type: 'leaf'; of: number; leaf: number; expected: Uint8Array | undefined }
  | { type: 'digests'; path: string; bytes: number; leaves: readonly number[] }
  | { type: 'file'; bytes: number; digests: Uint8Array }
  | { type: 'directory'; files: readonly LinkedFile[] }
  | { type: 'cancel' }

export type Ask = Question & { readonly id: number }
export type Reply = { readonly id: number } & (
  | { read: number }
  | { value: unknown }
  | { error: { message: string; code?: string } }
)
