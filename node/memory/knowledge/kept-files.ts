/**
 * Files in the documents of a space, in the thread of memory.
 *
 * A writer has all pieces of its version of a file in slots of its own, those included that another writer has too, and drops
 * only its own. So whichever version of a file counts is whole: where others were added apart, after a removal, and where
 * a writer is excluded. A version is written in this order: pieces, the file, and then what it no longer has.
 */

import { isDeepStrictEqual } from 'node:util'
import type { MemoryChange, MemoryFileInfo, MemoryValue } from '../../../interface/memory.ts'
import { refOf } from '../space/author.ts'
import { wrongKind } from '../space/kinds.ts'
import { getsOn } from '../space/parts.ts'
import type { Space } from '../space/space.ts'
import type { Spaces } from '../space/spaces.ts'
import { type DocModel, writerName } from '../types.ts'
import {
  type FileFact,
  hashOf,
  type Piece,
  type Place,
  type PutFile,
  partsOfKey,
  pieceKey,
  toFile,
  toPiece
} from './file-fact.ts'
import type { ReadPiece } from './read/pieces.ts'
import { toReadPieces } from './read-pieces.ts'

/** An update has 240 KiB; what a change takes is known up to the heads of its encoding. */
const WRITE_BYTES_MAX = 200 * 1024
const CHANGE_BYTES = 64

export function files(all: Spaces, space: Space, doc: string): MemoryFileInfo[] {
  const model = modelOf(all, space, doc)
  if (model === undefined) return []
  const found: MemoryFileInfo[] = []
  for (const name of model.names()) {
    if (partsOfKey(name) !== undefined) continue
    const [item] = model.items(name)
    const file = toFile(item?.value)
    if (file === undefined) continue
    const { cid, bytes, type, title, modified, root, added, pieces } = file
    getsOn(all.parts)
    const whole = pieces.every(([hash]) => model.get(pieceKey(name, hash)) !== undefined)
    const writer = item!.writer!
    found.push({
      ...{ name, cid, bytes, type, title, modified, root, added, writer, whole },
      pieces: pieces.length
    })
  }
  return found.sort((a, b) => (a.name < b.name ? -1 : 1))
}

/**
 * The file of this name, where the version that counts is one that this device has written itself, all of it. What only
 * another writer states proves nothing: it may name the CID of this file with pieces of its own.
 */
export function wholeFile(all: Spaces, space: Space, doc: string, name: string): FileFact | null {
  const model = modelOf(all, space, doc)
  const file = toFile(model?.get(name))
  if (model === undefined || file === undefined) return null
  const self = selfIn(all, space)
  const own = toFile(ownValue(model, self, name))
  if (own === undefined || !isDeepStrictEqual(contentOf(own), contentOf(file))) return null
  const isWhole = file.pieces.every(
    ([hash]) => counts(model, name, hash) && isPiece(ownValue(model, self, pieceKey(name, hash)), hash)
  )
  return isWhole ? file : null
}

/** All but what differs from device to device. */
const contentOf = ({ cid, bytes, type, by, title, pieces }: FileFact) => ({
  cid,
  bytes,
  type,
  by,
  title,
  pieces
})

/** @returns how many pieces there are, and how many of them were written. */
export function putFile(
  all: Spaces,
  space: Space,
  doc: string,
  { name, content, ...about }: PutFile
): { pieces: number; written: number; isNew: boolean } {
  const read = toReadPieces(content)
  const model = modelOf(all, space, doc)
  const own = ownPieces(all, space, model, name)
  const isNew = toFile(model?.get(name)) === undefined
  const keys = new Set<string>()
  const changes: MemoryChange[] = []
  const list: Place[] = []
  for (const one of read) {
    const { piece, place } = placed(one)
    const key = pieceKey(name, place[0])
    list.push(place)
    if (keys.has(key)) continue
    keys.add(key)
    if (!isPiece(own.get(key), place[0]) || !counts(model, name, place[0]))
      changes.push({ type: 'set', key, value: { ...piece } })
  }
  const written = changes.length
  const file = { ...about, added: all.parts.clock.wallMs(), pieces: list }
  changes.push({ type: 'set', key: name, value: file as unknown as MemoryValue })
  for (const key of own.keys()) if (!keys.has(key)) changes.push({ type: 'unset', key, own: true })
  try {
    write(all, space, doc, changes)
  } catch (thrown) {
    dropUnlisted(all, space, doc, name)
    throw thrown
  }
  return { pieces: list.length, written, isNew }
}

/** Text of pieces that other devices have written stays with these until they remove the file, or the document is forgotten. */
export function removeFile(all: Spaces, space: Space, doc: string, name: string): boolean {
  const model = modelOf(all, space, doc)
  if (model === undefined || toFile(model.get(name)) === undefined) return false
  const dropped = [...ownPieces(all, space, model, name).keys()].map(
    key => ({ type: 'unset', key, own: true }) as const
  )
  write(all, space, doc, [{ type: 'unset', key: name }, ...dropped])
  return true
}

/** What an add that failed on its way has left. */
function dropUnlisted(all: Spaces, space: Space, doc: string, name: string): void {
  const model = modelOf(all, space, doc)
  const listed = new Set(toFile(model?.get(name))?.pieces.map(([hash]) => pieceKey(name, hash)))
  const left = [...ownPieces(all, space, model, name).keys()].filter(key => !listed.has(key))
  if (left.length > 0)
    write(
      all,
      space,
      doc,
      left.map(key => ({ type: 'unset', key, own: true }) as const)
    )
}

/** What this device has said under the keys of this file's pieces. */
function ownPieces(
  all: Spaces,
  space: Space,
  model: DocModel | undefined,
  name: string
): Map<string, MemoryValue> {
  const self = selfIn(all, space)
  const own = new Map<string, MemoryValue>()
  for (const key of model?.names() ?? []) {
    if (!key.startsWith(`${name}#`) || partsOfKey(key)?.name !== name) continue
    const value = ownValue(model!, self, key)
    if (value !== undefined) own.set(key, value)
  }
  return own
}

const selfIn = (all: Spaces, { life }: Space): string => writerName({ device: all.parts.key.peerId, life })

const ownValue = (model: DocModel, self: string, key: string): MemoryValue | undefined =>
  model.saidOf(key).find(({ writer }) => writer === self)?.value

/** In as few envelopes as it takes, in this order. Each is on disk at once or not at all, and goes to others in this order. */
function write(all: Spaces, space: Space, doc: string, changes: readonly MemoryChange[]): void {
  let batch: MemoryChange[] = []
  let bytes = 0
  const send = (): void => {
    // Each is as long as one call may be.
    getsOn(all.parts)
    all.author.write(space, doc, 'facts', batch)
    batch = []
    bytes = 0
  }
  for (const change of changes) {
    const takes = CHANGE_BYTES + Buffer.byteLength(JSON.stringify(change))
    if (batch.length > 0 && bytes + takes > WRITE_BYTES_MAX) send()
    batch.push(change)
    bytes += takes
  }
  send()
  all.tending.grown(space)
}

function modelOf(all: Spaces, space: Space, doc: string): DocModel | undefined {
  const [found] = all.documents.named(space, refOf(space, doc))
  if (found === undefined) return undefined
  if (found.kind !== 'facts') throw wrongKind(doc, found.kind, 'facts')
  return all.documents.open(space, found.name, found.kind).model
}

function placed([text, heading, from, to]: ReadPiece): { piece: Piece; place: Place } {
  const piece = heading === null ? { text } : { text, heading }
  return { piece, place: [hashOf(piece), from, to] }
}

/** Whether the piece is there, and as its hash says: another writer may have said something else later. */
const counts = (model: DocModel | undefined, name: string, hash: string): boolean =>
  isPiece(model?.get(pieceKey(name, hash)), hash)

function isPiece(value: MemoryValue | undefined, hash: string): boolean {
  const piece = toPiece(value)
  return piece !== undefined && hashOf(piece) === hash
}
