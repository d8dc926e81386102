/** What people and peers are told of a space. */

import { Role } from '../../../interface/membership.ts'
import type { DocContent, MemoryHistoryItem, SpaceInfo } from '../../../interface/memory.ts'
import { type Envelope, encodeEnvelope, openEnvelope, sha256 } from '../../../protocols/memory/envelope.ts'
import { encodeControl } from '../../../protocols/wire/control.ts'
import { keysIn } from '../docs/touched.ts'
import { refOf } from './author.ts'
import { nameOf, openBatch } from './batches.ts'
import { rightIn } from './rights.ts'
import type { Space } from './space.ts'
import type { Spaces } from './spaces.ts'

const HISTORY_PAGE = 256

export function infoOf(all: Spaces, space: Space): SpaceInfo {
  const { charter } = space.charter
  const docs = space.carried ? [] : all.contents.sized(space)
  return {
    name: space.localName,
    id: space.id,
    right: rightIn(charter, all.parts.key.peerId, all.parts.mesh) ?? (space.carried ? 'carry' : 'read'),
    shared: charter.grants.length > 0,
    grants: charter.grants.map(({ to, right }) => {
      const role = Role.safeParse(to)
      return { to: role.success ? { role: role.data } : { peerId: to }, right }
    }),
    hash: space.carried ? null : contentHash(all, space),
    docs: docs.length,
    entries: docs.reduce((sum, { entries }) => sum + entries, 0),
    bytes: all.parts.log.bytes(space.row),
    part: space.part,
    log: logOf(all, space),
    peers: []
  }
}

function logOf({ parts }: Spaces, { row, writers }: Space): SpaceInfo['log'] {
  const here = parts.log.count(row)
  let written = 0
  for (const { head } of writers.values()) written += head.seq
  return { here, inSnapshot: Math.max(0, written - here) }
}

/** Of all that can be read: names, kinds and contents, empty documents left out. Hex. */
export function contentHash(all: Spaces, space: Space): string {
  if (space.hash !== undefined) return space.hash
  const docs = all.contents
    .of(space)
    .map(({ name, kind, hash }) => [name, kind, hash] as const)
    .sort(([a, kind], [b, other]) => compare(a, b) || compare(kind, other))
  let hash = sha256('lumos/memory/content/1')
  for (const doc of docs) hash = sha256(hash, encodeControl(doc))
  space.hash = hex(hash)
  return space.hash
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

const compare = (one: string, other: string): number => (one < other ? -1 : one > other ? 1 : 0)

/** Of entries the last ones, and how many there are before them: what is not asked for leaves the thread not. */
export function newest(content: DocContent, last: number | undefined): DocContent {
  if (last === undefined || !('entries' in content)) return content
  const earlier = Math.max(0, content.entries.length - last)
  return { ...content, entries: content.entries.slice(earlier), earlier }
}

/** The newest first, as far back as the log goes. */
export function history(all: Spaces, space: Space, limit: number, doc?: string): MemoryHistoryItem[] {
  const ref = doc === undefined ? undefined : refOf(space, doc)
  const tags =
    ref === undefined ? undefined : new Set(all.documents.named(space, ref).map(({ tag }) => hex(tag)))
  const found: MemoryHistoryItem[] = []
  for (let before = Number.MAX_SAFE_INTEGER; ; ) {
    const rows = all.parts.log.newestFirst(space.row, before, HISTORY_PAGE)
    for (const row of rows) {
      // Its header says which document it is of: a box that is not asked for stays closed.
      if (row.box === null || tags?.has(hex(row.tag)) === false) continue
      const envelope = openEnvelope(encodeEnvelope(row)) as Envelope & { box: Uint8Array }
      const batch = openBatch(space, envelope)
      const { device: writer, seq } = envelope
      const keys = keysIn(batch.kind, batch.update)
      found.push({ writer, seq, at: batch.at, doc: nameOf(batch.doc), keys })
      if (found.length === limit) return found
    }
    if (rows.length < HISTORY_PAGE) return found
    before = rows.at(-1)!.id
  }
}
