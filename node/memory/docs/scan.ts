/**
 * Reads a Yjs update (V1) without Yjs, which allocates what a length states, recurses as deep as bytes say, and throws after it
 * has changed the document. What passes here is within bounds, and has no more structs than bytes.
 */

import type { UpdateReader } from './bytes.ts'
import { invalid } from './invalid.ts'
import { CLOCK_MAX, MEMORY_DEPTH_MAX, ROOT_NAME_MAX, UPDATE_UNITS_MAX } from './limits.ts'
import { flawOf, isMemoryKey, RESERVED } from './value.ts'

/** Struct references of Yjs: https://github.com/yjs/yjs/blob/v13.6.33/src/structs/Item.js */
export const REF = { gc: 0, deleted: 1, binary: 3, string: 4, embed: 5, format: 6, type: 7, any: 8 } as const
/** The struct names the one to its left; else it names its parent. */
export const HAS_ORIGIN = 0x80
const HAS_RIGHT = 0x40
const HAS_KEY = 0x20
/** Array, map, text, XML element, XML fragment, XML text. Not hooks. */
const TYPES: ReadonlySet<number> = new Set([0, 1, 2, 3, 4, 6])
const XML_ELEMENT = 3

export interface StructId {
  readonly client: number
  readonly clock: number
}

export interface Struct {
  readonly ref: number
  readonly client: number
  readonly clock: number
  readonly length: number
  readonly origin: StructId | null
  readonly right: StructId | null
  /** The name of a root, an id, or null where the neighbour says it. */
  readonly parent: string | StructId | null
  readonly key: string | null
}

export interface DeleteRun extends StructId {
  readonly length: number
}

export interface Scan {
  readonly structs: readonly Struct[]
  readonly deletes: readonly DeleteRun[]
  /** Where the deletions begin. */
  readonly structBytes: number
}

/** @throws {LumosError} `MEMORY_INVALID` */
export function scanUpdate(input: UpdateReader, refs: ReadonlySet<number>): Scan {
  const structs: Struct[] = []
  const clients = new Set<number>()
  for (let count = input.count('clients'); count > 0; count--) {
    let left = input.count('structs')
    const client = input.uint()
    if (clients.has(client)) throw invalid('names a client twice')
    clients.add(client)
    let clock = input.uint()
    for (; left > 0; left--) {
      const struct = readStruct(input, client, clock, refs)
      clock += struct.length
      if (clock > CLOCK_MAX) throw invalid(`counts beyond ${CLOCK_MAX}`)
      structs.push(struct)
    }
  }
  const structBytes = input.at
  const deletes: DeleteRun[] = []
  for (let count = input.count('clients'); count > 0; count--) {
    const client = input.uint()
    for (let runs = input.count('deletions'); runs > 0; runs--) {
      const run = { client, clock: input.uint(), length: input.uint() }
      if (run.length === 0 || run.clock + run.length > CLOCK_MAX) throw invalid('deletes what cannot be')
      deletes.push(run)
    }
  }
  input.end()
  return { structs, deletes, structBytes }
}

function readStruct(input: UpdateReader, client: number, clock: number, refs: ReadonlySet<number>): Struct {
  const info = input.byte()
  const ref = info & 0x1f
  if (!refs.has(ref)) throw invalid(`holds a struct of kind ${ref}`)
  if (ref === REF.gc) {
    if (info !== ref) throw invalid('has an unknown form of struct')
    return {
      ref,
      client,
      clock,
      length: units(input.uint()),
      origin: null,
      right: null,
      parent: null,
      key: null
    }
  }
  const origin = (info & HAS_ORIGIN) > 0 ? readId(input) : null
  const right = (info & HAS_RIGHT) > 0 ? readId(input) : null
  const placed = origin !== null || right !== null
  const parent = placed ? null : readParent(input)
  const key = !placed && (info & HAS_KEY) > 0 ? input.text() : null
  if (key !== null && !isMemoryKey(key)) throw invalid('has a key that is reserved or too long')
  return { ref, client, clock, length: readContent(input, ref), origin, right, parent, key }
}

const readId = (input: UpdateReader): StructId => ({ client: input.uint(), clock: input.uint() })

function readParent(input: UpdateReader): string | StructId {
  const isRoot = input.uint()
  if (isRoot > 1) throw invalid('has an unknown kind of parent')
  if (isRoot === 0) return readId(input)
  const name = input.text()
  if (name.length > ROOT_NAME_MAX || RESERVED.has(name))
    throw invalid('has a name that is reserved or too long')
  return name
}

/** Deleted content states its length without having it. */
function units(length: number): number {
  if (length === 0) throw invalid('holds nothing')
  return length
}

/** @returns its length in units of clock. */
function readContent(input: UpdateReader, ref: number): number {
  switch (ref) {
    case REF.deleted:
      return units(input.uint())
    case REF.binary:
      input.bytes()
      return 1
    case REF.string:
      return units(input.text().length)
    case REF.embed:
      readJson(input)
      return 1
    case REF.format:
      if (!isMemoryKey(input.text())) throw invalid('has a key that is reserved or too long')
      readJson(input)
      return 1
    case REF.type: {
      const type = input.uint()
      if (!TYPES.has(type)) throw invalid(`holds a type of kind ${type}`)
      if (type === XML_ELEMENT && RESERVED.has(input.text())) throw invalid('has a name that is reserved')
      return 1
    }
    default: {
      const count = units(input.count('values'))
      for (let i = 0; i < count; i++) readAny(input, 0)
      return count
    }
  }
}

function readJson(input: UpdateReader): void {
  let flaw: string | undefined
  try {
    flaw = flawOf(JSON.parse(input.text()))
  } catch (err) {
    throw invalid('holds what is no JSON', err)
  }
  if (flaw !== undefined) throw invalid(`holds a value that is not allowed: ${flaw}`)
}

/** Kinds of value: https://github.com/dmonad/lib0/blob/main/encoding.js#L690 */
function readAny(input: UpdateReader, depth: number): void {
  if (depth > MEMORY_DEPTH_MAX) throw invalid(`is nested more than ${MEMORY_DEPTH_MAX} deep`)
  const kind = input.byte()
  switch (kind) {
    case 127: // undefined
    case 126: // null
    case 121: // false
    case 120: // true
      return
    case 125:
      input.int()
      return
    case 124:
      input.skip(4)
      return
    case 123:
    case 122:
      input.skip(8)
      return
    case 119:
      input.text()
      return
    case 118:
      for (let members = input.count('members'); members > 0; members--) {
        if (RESERVED.has(input.text())) throw invalid('has a key that is reserved')
        readAny(input, depth + 1)
      }
      return
    case 117:
      for (let items = input.count('items'); items > 0; items--) readAny(input, depth + 1)
      return
    case 116:
      input.bytes()
      return
    default:
      throw invalid(`holds a value of kind ${kind}`)
  }
}

/** @throws {LumosError} `MEMORY_INVALID` unless all structs are of `client`, go on at `start`, and are within bounds. */
export function checkOwn(structs: readonly Struct[], client: number, start: number): number {
  let clock = start
  for (const struct of structs) {
    if (struct.client !== client) throw invalid('writes as another writer')
    if (struct.clock !== clock) throw invalid('does not begin where its writer ended')
    clock += struct.length
  }
  if (clock - start > UPDATE_UNITS_MAX)
    throw invalid(`takes ${clock - start} units; the limit is ${UPDATE_UNITS_MAX}`)
  return clock
}
