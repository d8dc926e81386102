/**
 * Memory without a network: what the thread of memory does for the feature and for sync. Each call that names a space
 * takes its name here or its id; those of sync take ids only.
 *
 * Sync passes bytes. It never decides whether an envelope, a charter or a checkpoint counts: `accept`, `acceptCharters`
 * and `takeCheckpoint` check all that a peer can lie about, in one place.
 */

import type { ErrorCode } from '../../../interface/errors.ts'
import type { AbortOptions } from '../../../interface/lifecycle.ts'
import type { Role } from '../../../interface/membership.ts'
import type { Memory, MemoryChanged, MemoryFileInfo, SpaceRight } from '../../../interface/memory.ts'
import type { CarriedKey } from '../../../protocols/memory/messages.ts'
import type { FileFact, PutFile } from '../knowledge/file-fact.ts'
import type { Embedded, EngineQuery, EngineSearch, Unembedded } from '../recall/types.ts'
import type { Head, WriterId } from '../types.ts'

/** A device of the mesh as this node knows it now. A revoked device has no right in any space. */
export interface EngineMember {
  readonly peerId: string
  readonly role: Role
  readonly revoked: boolean
}

/** What two devices compare first: equal states need nothing sent. */
export interface SpaceState {
  readonly space: string
  /** Of the charter in force: `version` counts from 1, `hash` is SHA-256 of its record. */
  /** Its newest key is here, or it is to be forgotten. */
  readonly isReadable: boolean
  readonly charter: { readonly version: number; readonly hash: Uint8Array }
  readonly heads: readonly Head[]
  /** Of the readable content; compared where charter and heads are equal, else it means nothing. Hex. */
  readonly hash: string
  /** The newest checkpoint here: what is before its heads may not be here as envelopes. */
  readonly checkpoint: { readonly number: number; readonly heads: readonly Head[] } | null
}

/** Charters from the one asked for on, and the space's newest key, sealed to the device that asked. */
export interface CharterBundle {
  readonly records: readonly Uint8Array[]
  readonly key: Uint8Array | null
  /** That key for this device, or for those that it carries the space for. */
  readonly keys?: readonly CarriedKey[]
}

export interface Refused {
  readonly code: ErrorCode
  readonly writer: WriterId | null
  readonly message: string
}

export interface Accepted {
  /** On disk and applied, those included that waited for these. */
  readonly taken: number
  /** Envelopes that wait here for others that did not come yet: ask for what is missing. */
  readonly waiting: number
  /** What changed nothing. An envelope that is known already is not refused. */
  readonly refused: readonly Refused[]
}

export type EngineEvent =
  | { readonly type: 'changed'; readonly change: MemoryChanged }
  /** One envelope more is on disk and counts as delivered. `from`: the peer that gave it, null where it is ours. */
  | {
      readonly type: 'appended'
      readonly space: string
      readonly head: Head
      readonly from: string | null
    }
  /** A charter, a checkpoint or a space came or went: what peers may know of it is to be asked anew. */
  | { readonly type: 'space'; readonly space: string; readonly gone: boolean }
  /** A writer broke the rules, or (`MEMORY_DIVERGED`) equal heads gave unequal content. */
  | { readonly type: 'problem'; readonly space: string; readonly refused: Refused }

export interface MemoryEngine extends Omit<Memory, 'watch' | 'search' | 'addFile' | 'files' | 'removeFile'> {
  /** Null: the index does not have all of these spaces yet. Each call brings it on by some milliseconds. */
  search(query: EngineQuery, options?: AbortOptions): Promise<EngineSearch>
  /** Ids of these spaces; where none are named, of all that can be read. */
  searched(refs: readonly string[] | undefined, options?: AbortOptions): Promise<string[]>
  /** Texts of this space that have no vector by this model, which is its model from now on; null where there are none. */
  unembedded(space: string, model: string, limit: number, options?: AbortOptions): Promise<Unembedded | null>
  /** @returns false: none was taken. The index is full, or vectors of this space are by another model or of another length. */
  embedded(answer: Embedded, options?: AbortOptions): Promise<boolean>
  /** The index and all vectors leave memory; the next search makes them anew. */
  closeIndex(options?: AbortOptions): Promise<void>

  /**
   * Devices of the mesh that this node is in: at the start, and whenever one comes, goes or is revoked. A space belongs to
   * the mesh that it was first shared in, and no device of another mesh has a right in it. `mesh` null: local spaces only.
   */
  setMembers(mesh: string | null, members: readonly EngineMember[]): Promise<void>
  /** Ends when the function that it gives is called. Listeners must not throw. */
  onEvent(listener: (event: EngineEvent) => void): () => void

  /** States of the spaces that this peer may read or carry. Empty for a stranger and a revoked device. */
  statesFor(peerId: string, options?: AbortOptions): Promise<SpaceState[]>
  /** Of each space of this mesh: those of these peers that may read or carry it. Spaces that none of them may are left out. */
  sharers(peerIds: readonly string[], options?: AbortOptions): Promise<string[][]>
  /** The peer's right in this space; null also where the space is not here. */
  rightOf(space: string, peerId: string, options?: AbortOptions): Promise<SpaceRight | null>
  /** @param from version: 1 for a device that does not have the space. */
  charters(space: string, from: number, forPeer: string, options?: AbortOptions): Promise<CharterBundle>
  /**
   * Makes the space where it is not here and this device may read it. @returns whether something is new.
   *
   * @throws {LumosError} `MEMORY_INVALID`, `MEMORY_FORGED`, `MEMORY_DENIED`, `MEMORY_FULL` (spaces per node).
   */
  acceptCharters(space: string, bundle: CharterBundle, from: string, options?: AbortOptions): Promise<boolean>

  /** Envelopes that a device of these heads does not have, those first that others depend on; at least one if any. */
  envelopesAfter(
    space: string,
    heads: readonly Head[],
    bytesMax: number,
    options?: AbortOptions
  ): Promise<Uint8Array[]>
  /** In any order, repeated, or with holes. Never throws for what an envelope says: see `refused`. */
  accept(
    space: string,
    envelopes: readonly Uint8Array[],
    from: string,
    options?: AbortOptions
  ): Promise<Accepted>
  /** What the peer stated at sync: it has all up to these heads. Compaction waits for that. */
  acknowledge(space: string, peerId: string, heads: readonly Head[], options?: AbortOptions): Promise<void>
  /**
   * What the peer stated. Where charter, checkpoint and heads are equal to ours in this moment and the hash is not, that is
   * reported as `MEMORY_DIVERGED`, and the space is rebuilt from its log. @returns false only where it is still unequal.
   */
  compare(peerId: string, state: SpaceState, options?: AbortOptions): Promise<boolean>

  /** The newest checkpoint, as its signed record. */
  checkpoint(space: string, options?: AbortOptions): Promise<Uint8Array | null>
  /** Pieces of checkpoints go by their SHA-256 and are `PIECE_BYTES_MAX` long at most. */
  piece(space: string, hash: Uint8Array, options?: AbortOptions): Promise<Uint8Array | null>
  putPieces(space: string, pieces: readonly Uint8Array[], options?: AbortOptions): Promise<void>
  /** Takes it, or says which pieces must be put before: call it again then. */
  takeCheckpoint(
    space: string,
    record: Uint8Array,
    from: string,
    options?: AbortOptions
  ): Promise<{ missing: readonly Uint8Array[] }>

  files(space: string, doc: string, options?: AbortOptions): Promise<MemoryFileInfo[]>
  /** Null where it is not there, not all of it, or not as this device has written it. */
  wholeFile(space: string, doc: string, name: string, options?: AbortOptions): Promise<FileFact | null>
  putFile(
    space: string,
    doc: string,
    file: PutFile,
    options?: AbortOptions
  ): Promise<{ pieces: number; written: number; isNew: boolean }>
  removeFile(space: string, doc: string, name: string, options?: AbortOptions): Promise<boolean>

  close(): Promise<void>
}
