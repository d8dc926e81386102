/**
 * Two checkpoints of owners that were apart for longer than their logs go back: each has something that only its snapshots have.
 * An owner that has both signs one of both. States of Yjs join in any order to the same, so nothing of either is lost, and
 * what was removed on one side stays removed.
 */

import { type Checkpoint, sealCheckpoint } from '../../../protocols/memory/checkpoint.ts'
import { equal, sha256 } from '../../../protocols/memory/envelope.ts'
import { joinSnapshots } from '../docs/index.ts'
import { type DocModel, writerName } from '../types.ts'
import type { Bases } from './bases.ts'
import type { DocName } from './batches.ts'
import { type Contents, contentsOf, sealContents } from './checkpoint-contents.ts'
import type { Documents } from './documents.ts'
import { getsOn, type Parts } from './parts.ts'
import { endOf } from './rights.ts'
import { numberAfter } from './rivals.ts'
import type { Space } from './space.ts'

const NONE: ReadonlySet<number> = new Set()

/** A document of a checkpoint, which opens and has the content that its owner signed. */
export type Checked = DocName & Pick<DocModel, 'live'>

interface Kept {
  readonly parts: Parts
  readonly bases: Bases
  readonly documents: Documents
}

/**
 * The later head of each writer; undefined where the two cannot be one: a chain is not the same in both, or goes on beyond
 * where an owner has ended it.
 */
export function headsOfBoth(
  { log }: Pick<Parts, 'log'>,
  space: Space,
  rival: Checkpoint
): Checkpoint['heads'] | undefined {
  const heads = new Map<string, Checkpoint['heads'][number]>()
  for (const { device, life, name, head } of space.writers.values()) {
    if (head.frozen !== undefined) return undefined
    if (head.seq > 0) heads.set(name, { device, life, seq: head.seq, hash: head.hash, clock: head.clock })
  }
  for (const head of rival.heads) {
    if (head.seq > endOf(space.charter.charter, head)) return undefined
    const name = writerName(head)
    const own = heads.get(name)
    if (own === undefined || own.seq < head.seq) heads.set(name, head)
    else {
      const same = own.seq === head.seq ? own : log.get(space.writers.get(name)!.id, head.seq)
      if (same !== undefined && !equal(same.hash, head.hash)) return undefined
    }
  }
  return [...heads.values()]
}

/** Its pieces are here, and were checked. @returns a record of this device, with the documents that it names. */
export function joined(
  { parts, bases, documents }: Kept,
  space: Space,
  rival: Checkpoint,
  heads: Checkpoint['heads']
): { record: Uint8Array; checked: Checked[] } {
  const { log, key, openDoc } = parts
  const epoch = space.charter.charter.epochs.length
  const docs: Checkpoint['docs'] = []
  const contents: Contents = []
  const checked: Checked[] = []
  for (const { name, kind, tag, theirs } of namesOfBoth(documents, space, rival)) {
    const own = documents.byTag(space, tag) && documents.open(space, name, kind).model.snapshot()
    const other = theirs && bases.assemble(space, theirs)
    const snapshot = own === undefined ? other! : other === undefined ? own : joinSnapshots(own, other)
    const model = openDoc(kind, snapshot, NONE)
    const live = [...model.live()]
    const pieces = bases.cut(space, snapshot)
    const hashes = pieces.map(piece => sha256(piece))
    for (const [n, piece] of pieces.entries()) log.putPiece(space.row, hashes[n]!, piece)
    docs.push({ tag, epoch, pieces: hashes })
    contents.push([name, kind, model.hash()])
    checked.push({ tag, name, kind, live: () => live })
    model.close()
    getsOn(parts)
  }
  const before = Math.max(rival.number, bases.of(space)?.checkpoint.number ?? 0)
  const number = numberAfter(before, key.peerId, heads)
  const sealed = sealContents(space, number, contents)
  const all = { space: space.name, number, heads, docs, epoch, sealed, by: key.peerId }
  return { record: sealCheckpoint(all, key).record, checked }
}

function namesOfBoth(
  documents: Documents,
  space: Space,
  rival: Checkpoint
): (DocName & { readonly theirs?: Checkpoint['docs'][number] })[] {
  const theirs = contentsOf(space, rival).map(([name, kind], n) => {
    const doc = rival.docs[n]!
    return { name, kind, tag: doc.tag, theirs: doc }
  })
  const own = documents.names(space).filter(({ tag }) => !theirs.some(one => equal(one.tag, tag)))
  return [...theirs, ...own].filter(({ tag }) => !space.isForgotten(tag))
}
