/**
 * Updates of facts, entries and tasks: which slots their writer adds, and which of its own it drops.
 *
 * Each writer has a `Y.Array` of its own, named after it, and only appends to it; a slot is one binary item. So nothing
 * ever merges inside Yjs, deleted runs collapse to one struct, and each update has exactly one form: what has another one
 * is refused before Yjs sees it.
 */

import { UpdateReader, UpdateWriter } from './bytes.ts'
import { invalid } from './invalid.ts'
import { CLOCK_MAX, UPDATE_BYTES_MAX } from './limits.ts'
import { HAS_ORIGIN, REF } from './scan.ts'

export interface SlotUpdate {
  /** Struct clock of the first slot that is added. */
  readonly start: number
  readonly added: readonly Uint8Array[]
  /** Struct clocks, rising. */
  readonly dropped: readonly number[]
}

/** Neither structs nor deletions: nothing to sign. No other update is as short. */
export const EMPTY_UPDATE: Uint8Array = Uint8Array.of(0, 0)
export const isEmpty = ({ byteLength }: Uint8Array): boolean => byteLength <= EMPTY_UPDATE.byteLength

export function encodeSlotUpdate(writer: string, client: number, update: SlotUpdate): Uint8Array {
  const out = new UpdateWriter()
  out.uint(update.added.length > 0 ? 1 : 0)
  if (update.added.length > 0) out.uint(update.added.length).uint(client).uint(update.start)
  update.added.forEach((slot, i) => {
    const clock = update.start + i
    if (clock === 0) out.byte(REF.binary).uint(1).text(writer)
    else
      out
        .byte(REF.binary | HAS_ORIGIN)
        .uint(client)
        .uint(clock - 1)
    out.bytes(slot)
  })
  const runs = runsOf(update.dropped)
  out.uint(runs.length > 0 ? 1 : 0)
  if (runs.length > 0) out.uint(client).uint(runs.length)
  for (const [clock, length] of runs) out.uint(clock).uint(length)
  return out.finish()
}

/**
 * @param start where the writer's own structs end now.
 * @throws {LumosError} `MEMORY_INVALID` unless it is exactly what {@link encodeSlotUpdate} makes.
 */
export function decodeSlotUpdate(
  bytes: Uint8Array,
  writer: string,
  client: number,
  start: number
): SlotUpdate {
  if (bytes.byteLength > UPDATE_BYTES_MAX) {
    throw invalid(`has ${bytes.byteLength} bytes; the limit is ${UPDATE_BYTES_MAX}`)
  }
  const input = new UpdateReader(bytes)
  const added = input.uint() === 0 ? [] : readStructs(input, client, start)
  const dropped: number[] = []
  if (input.uint() > 0) {
    if (input.uint() !== client) throw invalid('deletes what another writer wrote')
    for (let runs = input.count('deletions'); runs > 0; runs--) addRun(dropped, input, start)
  }
  input.end()
  const update = { start, added, dropped }
  if (!Buffer.from(encodeSlotUpdate(writer, client, update)).equals(bytes)) {
    throw invalid('has another form than the one that its kind of document has')
  }
  return update
}

function readStructs(input: UpdateReader, client: number, start: number): Uint8Array[] {
  const count = input.count('structs')
  if (input.uint() !== client) throw invalid('writes as another writer')
  if (input.uint() !== start) throw invalid('does not begin where its writer ended')
  const added: Uint8Array[] = []
  for (let i = 0; i < count; i++) {
    const info = input.byte()
    if (info === (REF.binary | HAS_ORIGIN)) {
      input.uint()
      input.uint()
    } else if (info === REF.binary) {
      input.uint()
      input.text()
    } else throw invalid(`holds a struct of kind ${info}`)
    added.push(input.bytes())
  }
  return added
}

/** A run holds clocks of slots that are there, so it is never longer than the structs of its writer. */
function addRun(dropped: number[], input: UpdateReader, end: number): void {
  const clock = input.uint()
  const length = input.uint()
  if (length === 0 || clock + length > end) throw invalid('deletes what is not there')
  if (clock <= (dropped.at(-1) ?? -1)) throw invalid('has deletions out of order')
  // Slots take bytes: as many as can be in one document of one writer.
  if (dropped.length + length > UPDATE_BYTES_MAX) throw invalid('deletes more slots than an update may')
  for (let i = 0; i < length; i++) dropped.push(clock + i)
}

function runsOf(clocks: readonly number[]): [clock: number, length: number][] {
  const runs: [number, number][] = []
  for (const clock of clocks) {
    const last = runs.at(-1)
    if (last !== undefined && last[0] + last[1] === clock) last[1]++
    else runs.push([clock, 1])
  }
  return runs
}

/** @throws {LumosError} `MEMORY_INVALID` unless `bytes` is the state of arrays as above. @returns how many slots it has. */
export function checkSlotState(bytes: Uint8Array): number {
  let slots = 0
  const input = new UpdateReader(bytes)
  const ends = new Map<number, number>()
  for (let clients = input.count('clients'); clients > 0; clients--) {
    const count = input.count('structs')
    const client = input.uint()
    if (ends.has(client) || input.uint() !== 0) throw invalid('does not begin where its writer began')
    const array = checkArray(input, client, count)
    slots += array.slots
    ends.set(client, array.end)
  }
  for (let clients = input.count('clients'); clients > 0; clients--) {
    const end = ends.get(input.uint()) ?? 0
    for (let runs = input.count('deletions'); runs > 0; runs--) {
      if (input.uint() + input.uint() > end) throw invalid('deletes what is not there')
    }
  }
  input.end()
  return slots
}

function checkArray(input: UpdateReader, client: number, count: number): { end: number; slots: number } {
  let clock = 0
  let slots = 0
  for (let i = 0; i < count; i++) {
    const info = input.byte()
    if ((info & HAS_ORIGIN) > 0 !== clock > 0) throw invalid('breaks the array of its writer')
    if (clock === 0) {
      if (input.uint() !== 1) throw invalid('has an array inside another')
      input.text()
    } else if (input.uint() !== client || input.uint() !== clock - 1) {
      throw invalid('breaks the array of its writer')
    }
    const kind = info & ~HAS_ORIGIN
    if (kind === REF.binary) {
      input.bytes()
      clock++
      slots++
    } else if (kind === REF.deleted) clock += input.uint()
    else throw invalid(`holds a struct of kind ${info}`)
    if (clock > CLOCK_MAX) throw invalid(`counts beyond ${CLOCK_MAX}`)
  }
  return { end: clock, slots }
}
