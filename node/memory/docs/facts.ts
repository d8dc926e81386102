/**
 * Facts: of each key, the value that was said last. Two devices that set one key at once end with the same one of both values;
 * where they said the same, nothing shows. `unset` counts like a value.
 */

import { InvalidInputError } from '../../../interface/errors.ts'
import type { DocContent, MemoryChange, MemoryValue } from '../../../interface/memory.ts'
import type { Draft } from './draft.ts'
import { deviceOf } from './entries.ts'
import type { SlotBody } from './slot.ts'
import type { SlotKind } from './slot-doc.ts'
import type { Slots } from './slots.ts'
import { checkKey, checkValue, flawOf, isMemoryKey } from './value.ts'

interface Fact extends SlotBody {
  /** Undefined: unset. */
  readonly value: MemoryValue | undefined
}

/** `[clock, key, value]`, and `[clock, key]` where it is unset. */
function parse(parts: readonly unknown[]): Fact | undefined {
  const [clock, key, value] = parts
  if (typeof clock !== 'number' || !isMemoryKey(key)) return undefined
  if (parts.length === 2) return { clock, key, value: undefined }
  return parts.length === 3 && flawOf(value) === undefined
    ? { clock, key, value: value as MemoryValue }
    : undefined
}

function change(change: MemoryChange, draft: Draft<Fact>): undefined {
  if (change.type === 'set') {
    checkKey(change.key)
    checkValue(change.value)
    draft.put(change.key, change.value)
  } else if (change.type === 'unset') {
    checkKey(change.key)
    // What only this writer has said needs no slot that says it is gone.
    if (change.own !== true && draft.othersOf(change.key).length > 0) draft.put(change.key)
    else draft.drop(change.key)
  } else throw new InvalidInputError(`Facts know "set" and "unset", not "${change.type}".`)
}

const factOf = (slots: Slots<Fact>, key: string): MemoryValue | undefined => slots.of(key).at(-1)?.body.value

function* facts(slots: Slots<Fact>): Iterable<[string, MemoryValue]> {
  for (const key of [...slots.keys()].sort()) {
    const value = factOf(slots, key)
    if (value !== undefined) yield [key, value]
  }
}

export const factsKind = (): SlotKind<Fact> => ({
  kind: 'facts',
  parse,
  change,
  pieces: facts,
  content: (slots): DocContent => ({ kind: 'facts', facts: Object.fromEntries(facts(slots)) }),
  names: slots => slots.keys(),
  items: (slots, key) => {
    const slot = slots.of(key).at(-1)
    if (slot?.body.value === undefined) return []
    return [{ value: slot.body.value, writer: deviceOf(slots.writerOf(slot.client)), at: null }]
  },
  get: factOf,
  value: ({ value }) => value,
  count: slots => [...slots.keys()].filter(key => factOf(slots, key) !== undefined).length,
  named: key => key
})
