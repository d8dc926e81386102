/** Rows of `memory.db`. */

export interface SpaceRow {
  readonly id: number
  readonly name: Uint8Array
  readonly sealed: Uint8Array
  readonly life: string
  readonly gone: number
}

export interface WriterRow {
  readonly id: number
  readonly device: string
  readonly life: string
  readonly client: number
  readonly seq: number
  readonly hash: Uint8Array
  readonly clock: number
  readonly frozen: number | null
}

export interface EnvelopeRow {
  readonly id: number
  readonly writer: number
  readonly seq: number
  readonly hash: Uint8Array
  readonly clock: number
  readonly tag: Uint8Array
  readonly head: Uint8Array
  readonly signature: Uint8Array
  readonly box: Uint8Array | null
}

/** What one writer has in the snapshot of a document. */
export interface LiveRow {
  readonly writer: number
  readonly bytes: number
}

export interface DocRow {
  readonly tag: Uint8Array
  readonly sealed: Uint8Array
  readonly snapshot: Uint8Array | null
  readonly upto: number
  readonly entries: number
  readonly bytes: number
  readonly hash: Uint8Array | null
}

/** What is said of a document without opening it. */
export interface DocFacts extends Pick<DocRow, 'tag' | 'entries' | 'bytes'> {
  readonly hash: Uint8Array
}
