/**
 * Journals and threads: entries by id, each of its writer. Nothing is overwritten.
 *
 * A journal is in the order in which things were said. In a thread, what a device says without having heard of others stays
 * together: two conversations that went on apart follow each other, and are not mixed.
 *
 * An entry is its id and its value: the same said twice is there once, and two values under one id are both there.
 * `remove` hides what its writer knew of; the text of another writer stays in the document until that one removes it.
 */

import { InvalidInputError } from '../../../interface/errors.ts'
import type { MemoryEntry, MemoryValue } from '../../../interface/memory.ts'
import { encode } from '../../../protocols/wire/cbor/encode.ts'
import type { Draft } from './draft.ts'
import { type Entry, EntryOrder, inOrder } from './entry-order.ts'
import type { Slot } from './slot.ts'
import type { SlotKind } from './slot-doc.ts'
import type { Slots } from './slots.ts'
import { checkKey, checkValue, flawOf, isMemoryKey } from './value.ts'

type EntriesKind = 'journal' | 'thread'

/** `[clock, id, at, run, value]`, and `[clock, id]` where it is removed. */
function parse(kind: EntriesKind, parts: readonly unknown[]): Entry | undefined {
  const [clock, key, at, run, value] = parts
  if (typeof clock !== 'number' || !isMemoryKey(key)) return undefined
  if (parts.length === 2) return { clock, key, value: undefined, at: 0, run: clock }
  if (parts.length !== 5 || !Number.isSafeInteger(at) || (at as number) < 0) return undefined
  if (!isClock(run, clock) || (kind === 'journal' && run !== clock)) return undefined
  if (flawOf(value) !== undefined) return undefined
  return { clock, key, value: value as MemoryValue, at: at as number, run }
}

const isClock = (clock: unknown, most: number): clock is number =>
  Number.isSafeInteger(clock) && (clock as number) > 0 && (clock as number) <= most

const sameValue = (a: Slot<Entry>, b: Slot<Entry>): boolean =>
  Buffer.from(encode(a.body.value)).equals(encode(b.body.value))

/** Of slots of one id, the newest last: those that show. */
function shown(slots: readonly Slot<Entry>[]): Slot<Entry>[] {
  const kept = slots.slice(slots.findLastIndex(({ body }) => body.value === undefined) + 1)
  return kept.length < 2
    ? kept
    : kept.filter((slot, i) => !kept.slice(0, i).some(other => sameValue(other, slot)))
}

function allShown(slots: Slots<Entry>): Slot<Entry>[] {
  const all: Slot<Entry>[] = []
  for (const key of slots.keys()) all.push(...shown(slots.of(key)))
  return all
}

const entryOf = (slots: Slots<Entry>, { body, client }: Slot<Entry>): MemoryEntry => ({
  id: body.key,
  value: body.value!,
  writer: deviceOf(slots.writerOf(client)),
  at: body.at
})

function append(draft: Draft<Entry>, id: string, value: MemoryValue, at: number, run: number): void {
  checkKey(id)
  checkValue(value)
  const known = draft.of(id)
  if (known.length > 0) {
    const same = shown(known).some(slot => Buffer.from(encode(slot.body.value)).equals(encode(value)))
    if (same) return
    throw new InvalidInputError(
      `The id "${id}" has another value already, or was removed: entries are not changed.`
    )
  }
  draft.put(id, at, run, value)
}

function remove(draft: Draft<Entry>, id: string): void {
  checkKey(id)
  if (shown(draft.of(id)).length === 0) return
  if (draft.othersOf(id).length > 0) draft.put(id)
  else draft.drop(id)
}

/** What a journal or a thread of one document is: it keeps which entry is last. */
export function entriesKind(kind: EntriesKind): SlotKind<Entry> {
  let last = { run: 0, client: 0 }
  const order = new EntryOrder()
  const pieces = (slots: Slots<Entry>, entries: readonly Slot<Entry>[]): Iterable<unknown> =>
    entries.values().map(slot => {
      const { id, writer, at, value } = entryOf(slots, slot)
      return [id, writer, at, value]
    })
  return {
    kind,
    parse: parts => parse(kind, parts),
    added: (slot, isOnly) => {
      order.added(slot, isOnly)
      const { body, client } = slot
      if (body.run > last.run || (body.run === last.run && client > last.client))
        last = { run: body.run, client }
    },
    change: (change, draft, at) => {
      if (change.type === 'remove') {
        remove(draft, change.id)
        return undefined
      }
      if (change.type !== 'append') {
        throw new InvalidInputError(`A ${kind} knows "append" and "remove", not "${change.type}".`)
      }
      const { client, clock } = draft.by
      const id = change.id ?? draft.freshId()
      append(draft, id, change.value, at, kind === 'thread' && last.client === client ? last.run : clock)
      return id
    },
    dropped: () => order.changed(),
    pieces: slots => pieces(slots, order.begin(allShown(slots))),
    later: slots => {
      const later = order.later()
      return later === undefined ? undefined : pieces(slots, later)
    },
    content: slots => ({ kind, entries: inOrder(allShown(slots)).map(slot => entryOf(slots, slot)) }),
    names: slots => slots.keys(),
    items: (slots, key) => shown(slots.of(key)).map(slot => entryOf(slots, slot)),
    get: (slots, key) => shown(slots.of(key))[0]?.body.value,
    count: slots => {
      let count = 0
      for (const key of slots.keys()) count += shown(slots.of(key)).length
      return count
    },
    named: key => key
  }
}

/** Of PEERID.LIFE what people see. */
export const deviceOf = (writer: string): string => writer.slice(0, writer.indexOf('.'))
