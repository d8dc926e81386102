/**
 * Where checkpoints lie in a space. A thread has two maps of facts: `langgraph.XX` has a small record of each checkpoint and
 * of each task's writes, `langgraph.XX.data` the texts that the records name. A record is written after its texts, so no
 * device has one without them. Threads share 256 such pairs, because a space has 4,096 documents at most.
 */

import { createHash } from 'node:crypto'
import { type BlobRef, isBlobRef } from './blobs.ts'

export interface Place {
  readonly thread: string
  readonly ns: string
  /** Of the checkpoint. */
  readonly id: string
}

/** What a thread was at one moment. `body` names its channels. */
export interface CheckpointRecord extends Place {
  readonly parent: string | null
  readonly body: BlobRef
}

/** What a task has written on top of a checkpoint. `slot`: `writes`, or the index of a special one. */
export interface WritesRecord extends Place {
  readonly task: string
  readonly slot: string
  readonly path: string
  readonly body: BlobRef
}

export interface ThreadRecords {
  readonly checkpoints: readonly CheckpointRecord[]
  readonly writes: readonly WritesRecord[]
}

const INDEX_DOC = /^langgraph\.[0-9a-f]{2}$/
const DIGEST_CHARS = 32

const digest = (...parts: readonly string[]): string =>
  createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, DIGEST_CHARS)

export const prefixOf = (thread: string): string => digest(thread)
export const indexDocOf = (thread: string): string => `langgraph.${prefixOf(thread).slice(0, 2)}`
export const dataDocOf = (thread: string): string => `${indexDocOf(thread)}.data`
export const isIndexDoc = (doc: string): boolean => INDEX_DOC.test(doc)

export const checkpointKey = ({ thread, ns, id }: Place): string =>
  `${prefixOf(thread)}.checkpoint.${digest(ns, id)}`
export const writesKey = ({ thread, ns, id, task, slot }: Omit<WritesRecord, 'path' | 'body'>): string =>
  `${prefixOf(thread)}.writes.${digest(ns, id, task, slot)}`

/** Records of all threads of an index. What another program wrote there, under whatever key, is no record. */
export function recordsIn(facts: Readonly<Record<string, unknown>>): ThreadRecords {
  const found = Object.entries(facts).flatMap(([key, value]) => readRecord(key, value) ?? [])
  return {
    checkpoints: found.filter(record => 'parent' in record),
    writes: found.filter(record => 'task' in record)
  }
}

export function readRecord(key: string, value: unknown): CheckpointRecord | WritesRecord | undefined {
  const record = value as Partial<CheckpointRecord & WritesRecord> | null
  if (typeof record !== 'object' || !record || !isBlobRef(record.body)) return undefined
  const { thread, ns, id, parent, task, slot, path, body } = record
  if (typeof thread !== 'string' || typeof ns !== 'string' || typeof id !== 'string') return undefined
  if (typeof task === 'string' && typeof slot === 'string' && typeof path === 'string') {
    const writes = { thread, ns, id, task, slot, path, body }
    return writesKey(writes) === key ? writes : undefined
  }
  if (parent !== null && typeof parent !== 'string') return undefined
  const checkpoint = { thread, ns, id, parent, body }
  return checkpointKey(checkpoint) === key ? checkpoint : undefined
}

/**
 * The newest first. Ids of checkpoints hold the time of the device that made them, and clocks differ: so what follows a
 * checkpoint counts as newer than it, whatever the id says. Of two branches the one with the larger id comes first.
 */
export function newestFirst(records: readonly CheckpointRecord[]): CheckpointRecord[] {
  const byId = new Map(records.map(record => [record.id, record]))
  const ranks = new Map<string, { id: string; depth: number }>()
  for (const { id } of records) rank(id, byId, ranks)
  return records.toSorted((a, b) => {
    const [one, other] = [ranks.get(a.id)!, ranks.get(b.id)!]
    return compare(other.id, one.id) || other.depth - one.depth || compare(b.id, a.id)
  })
}

/** The largest id from the root to this checkpoint. Parents may be missing; where a liar has made a circle, it is cut. */
function rank(
  id: string,
  byId: ReadonlyMap<string, CheckpointRecord>,
  ranks: Map<string, { id: string; depth: number }>
): void {
  const path: string[] = []
  const seen = new Set<string>()
  for (let at: string | null = id; at !== null && !ranks.has(at) && !seen.has(at); ) {
    const record = byId.get(at)
    if (record === undefined) break
    seen.add(at)
    path.push(at)
    at = record.parent
  }
  for (const at of path.reverse()) {
    const above = ranks.get(byId.get(at)!.parent ?? '')
    ranks.set(at, {
      id: above !== undefined && above.id > at ? above.id : at,
      depth: (above?.depth ?? 0) + 1
    })
  }
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)
