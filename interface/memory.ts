/**
 * The memory of agents: spaces of documents that every device which should have them keeps, edits offline and merges.
 *
 * A space has an id, members with rights, and a key. Its documents are Yjs documents. What one device writes is a chain
 * of signed, encrypted envelopes; equal sets of accepted envelopes give equal content on every device.
 */

import * as z from 'zod'
import type { AbortOptions } from './lifecycle.ts'
import type { MemoryFiles } from './memory-files.ts'
import type { DocKind } from './memory-kinds.ts'
import type { MemorySearching } from './memory-search.ts'

export type { AddedFile, MemoryFile, MemoryFileInfo, MemorySource } from './memory-files.ts'
export { DOC_KINDS, DocKind } from './memory-kinds.ts'
export type { MemorySearch, MemorySearchOptions } from './memory-search.ts'

/** What people type. */
const NAME = /^[a-zA-Z0-9][\w.-]{0,63}$/
const isNamed = { error: 'must be letters, digits, `.`, `_` or `-`, 64 at most' }

export const SpaceName = z.string().regex(NAME, isNamed)
export const DocName = z.string().regex(NAME, isNamed)
/** 128 random bits of the founding device, in base32: what a space is, whatever its name here. */
export const SpaceId = z.string().regex(/^[a-z2-7]{26}$/)

/** A key of facts, an id of entries and tasks. Never `__proto__`, `constructor` or `prototype`. */
export const MemoryKey = z
  .string()
  .min(1)
  .max(256)
  .refine(key => !['__proto__', 'constructor', 'prototype'].includes(key), { error: 'is reserved' })

/** Plain JSON, `MEMORY_DEPTH_MAX` deep at most; no key of it is reserved. */
export type MemoryValue = null | boolean | number | string | MemoryValue[] | { [key: string]: MemoryValue }

/** An entry of a journal, a message of a thread. `at` is the writer's clock in ms, shown and never used to order. */
export interface MemoryEntry {
  readonly id: string
  readonly value: MemoryValue
  /** PeerId of the device that wrote it. */
  readonly writer: string
  readonly at: number
}

export interface MemoryTask {
  readonly id: string
  readonly title: string
  /** `done` wins over `open` where both were set at once. */
  readonly state: 'open' | 'done' | 'dropped'
  readonly assignee: string | null
  readonly writer: string
  readonly at: number
}

/** One change, as its caller means it. The kind of the document says which there are. */
export type MemoryChange =
  | { readonly type: 'set'; readonly key: string; readonly value: MemoryValue }
  /** `own`: only what this device has said goes, and what another one has said before counts again. */
  | { readonly type: 'unset'; readonly key: string; readonly own?: true }
  | { readonly type: 'append'; readonly id?: string; readonly value: MemoryValue }
  | { readonly type: 'remove'; readonly id: string }
  | {
      readonly type: 'task'
      readonly id?: string
      readonly title?: string
      readonly state?: MemoryTask['state']
      readonly assignee?: string | null
    }
  /** Of notes: at UTF-16 position `at`, `remove` units go and `insert` comes. */
  | { readonly type: 'edit'; readonly at: number; readonly remove: number; readonly insert: string }
  /** Of notes: what stands there once is replaced. It is found when it is written, whatever has come before it since. */
  | { readonly type: 'replace'; readonly find: string; readonly insert: string }
  /** Of notes, alone: all of their text. Only what differs is written. */
  | { readonly type: 'text'; readonly text: string }
  /** Of `raw`: a Yjs update (V1) of this device's own client. */
  | { readonly type: 'update'; readonly update: Uint8Array }

/**
 * Rights in a space: `carry` may keep what is encrypted and pass it on, without a key; `read` may also read, `write` also
 * write, `own` also share, compact and exclude.
 */
export const SPACE_RIGHTS = ['carry', 'read', 'write', 'own'] as const
export type SpaceRight = (typeof SPACE_RIGHTS)[number]

/** What of a space a device keeps: `newest` has the snapshot that an owner signed last, and what was written since. */
export const SPACE_PARTS = ['all', 'newest'] as const
export type SpacePart = (typeof SPACE_PARTS)[number]

/** The holder of a right: a device by its PeerId, or each device of a role of the mesh. */
export interface SpaceGrant {
  readonly to: { readonly peerId: string } | { readonly role: 'admin' | 'member' | 'edge' | 'guest' }
  readonly right: SpaceRight
}

export interface SpaceInfo {
  readonly name: string
  readonly id: string
  /** Of this device. */
  readonly right: SpaceRight
  readonly shared: boolean
  readonly grants: readonly SpaceGrant[]
  /**
   * SHA-256, hex, of the canonical DAG-CBOR of its readable content: equal on devices that have the same. Null where this
   * device cannot read it.
   */
  readonly hash: string | null
  /** 0 where this device cannot read the space, like `entries`. */
  readonly docs: number
  readonly entries: number
  readonly bytes: number
  /** What this device keeps of the log: it can read all documents either way. */
  readonly part: SpacePart
  /** Changes that are here one by one, and those that are not: a snapshot stands for them. */
  readonly log: { readonly here: number; readonly inSnapshot: number }
  /** PeerIds of connected devices that have it too, and whether each has all that this one has. */
  readonly peers: readonly { readonly peerId: string; readonly inStep: boolean }[]
}

export interface DocInfo {
  readonly name: string
  readonly kind: DocKind
  readonly entries: number
  readonly bytes: number
}

/** What has changed in a document: by this device or by another one. */
export interface MemoryChanged {
  readonly space: string
  readonly doc: string
  readonly writer: string
  /** Keys and ids that were touched, 100 at most; more: none, read it anew. */
  readonly keys: readonly string[] | null
}

/** What was written when, by which device. */
export interface MemoryHistoryItem {
  readonly writer: string
  readonly seq: number
  readonly at: number
  readonly doc: string
  /** Keys and ids that were written, the first 100. Of what a device took back of its own, and of notes, there are none. */
  readonly keys: readonly string[]
}

/** `exact` has all that can be read; `markdown` is for people, and leaves raw documents out. */
export const EXPORT_FORMATS = ['exact', 'markdown'] as const
export type ExportFormat = (typeof EXPORT_FORMATS)[number]

/** A document as it is read: the field of its kind, JSON. */
export type DocContent =
  | { readonly kind: 'facts'; readonly facts: Readonly<Record<string, MemoryValue>> }
  | {
      readonly kind: 'journal' | 'thread'
      readonly entries: readonly MemoryEntry[]
      /** How many came before those that were asked for. */
      readonly earlier?: number
    }
  | { readonly kind: 'tasks'; readonly tasks: readonly MemoryTask[] }
  | { readonly kind: 'notes'; readonly text: string }
  | { readonly kind: 'raw'; readonly update: Uint8Array }

export interface ReadDocOptions extends AbortOptions {
  /** Where two devices made several documents of one name at once: which of them. */
  readonly kind?: DocKind | undefined
  /** Of a journal or a thread, so many of the newest entries. */
  readonly last?: number | undefined
}

/**
 * `node.memory`: each call names a space by its name here or its id. What a write returns was acknowledged: it is on disk.
 *
 * Each throws {@link LumosError} `MEMORY_NOT_FOUND`, `MEMORY_DENIED` (this device's right does not allow it), `MEMORY_FULL`
 * (quota or disk), `INVALID_INPUT`.
 */
export interface Memory extends MemoryFiles, MemorySearching {
  spaces(options?: AbortOptions): Promise<SpaceInfo[]>
  space(ref: string, options?: AbortOptions): Promise<SpaceInfo>
  create(name: string, options?: AbortOptions): Promise<SpaceInfo>
  docs(space: string, options?: AbortOptions): Promise<DocInfo[]>
  read(space: string, doc: string, options?: ReadDocOptions): Promise<DocContent>
  /** One fact; of entries and tasks, the one of this id. */
  get(space: string, doc: string, key: string, options?: AbortOptions): Promise<MemoryValue | undefined>
  /**
   * All or nothing, one envelope. Makes the document where it is not there.
   *
   * @param kind null: that of the document that is there, else that of the first change, where `append` makes a journal.
   */
  write(
    space: string,
    doc: string,
    kind: DocKind | null,
    changes: readonly MemoryChange[],
    options?: AbortOptions
  ): Promise<{ seq: number; ids: readonly string[] }>
  history(
    space: string,
    options?: AbortOptions & { doc?: string; limit?: number }
  ): Promise<MemoryHistoryItem[]>
  /** Each change from now on, until the loop is left; a subscriber that is slow gets `keys: null`. */
  watch(space: string, options?: AbortOptions & { doc?: string }): AsyncIterable<MemoryChanged>
  /** `right` null takes it away; the key of the space is rotated then. */
  share(
    space: string,
    to: SpaceGrant['to'],
    right: SpaceRight | null,
    options?: AbortOptions
  ): Promise<SpaceInfo>
  /** Nothing that this writer wrote counts any longer, here and on each device of the space. */
  exclude(space: string, peerId: string, options?: AbortOptions): Promise<SpaceInfo>
  /** A choice of this device alone. With `newest`, what the signed snapshot has in it leaves the log at once. */
  hold(space: string, part: SpacePart, options?: AbortOptions): Promise<SpaceInfo>
  /** A signed snapshot takes the place of what every member has. */
  compact(space: string, options?: AbortOptions): Promise<{ bytesBefore: number; bytesAfter: number }>
  /** Checks all signatures, chains and hashes anew, and rebuilds each document from its log. */
  verify(space: string, options?: AbortOptions): Promise<{ envelopes: number; problems: readonly string[] }>
  /** The document goes, or the space: from this device, and from each that is reachable or returns. */
  forget(space: string, options?: AbortOptions & { doc?: string }): Promise<void>
  /** The space as one file of bytes, readable content only; `import` makes a new space of it, of a new id and generation. */
  export(space: string, options?: AbortOptions & { format?: ExportFormat }): Promise<Uint8Array>
  /** `leftOut`: raw documents, whose changes belong to the devices that made them. Nothing is made where it throws. */
  import(
    name: string,
    bytes: Uint8Array,
    options?: AbortOptions & { format?: ExportFormat }
  ): Promise<SpaceInfo & { readonly leftOut: readonly string[] }>
}
