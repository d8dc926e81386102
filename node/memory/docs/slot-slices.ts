/** A long state in parts: a journal of a million entries is opened by many short steps, and not by one long one. */

import { UpdateReader, UpdateWriter } from './bytes.ts'
import { HAS_ORIGIN, REF } from './scan.ts'

/** Slots of one step: some ten milliseconds. */
export const SLICE = 8192

/** Updates that make the same document, applied in this order. @param state one that `checkSlotState` has let pass. */
export function* slicesOf(state: Uint8Array): Generator<Uint8Array> {
  const input = new UpdateReader(state)
  for (let clients = input.uint(); clients > 0; clients--) {
    const count = input.uint()
    const client = input.uint()
    let clock = input.uint()
    for (let done = 0; done < count; ) {
      const [from, start] = [input.at, clock]
      const most = Math.min(count, done + SLICE)
      const structs = most - done
      for (; done < most; done++) clock += lengthOf(input)
      const out = new UpdateWriter().uint(1).uint(structs).uint(client).uint(start)
      yield out.raw(state.subarray(from, input.at)).uint(0).finish()
    }
  }
  yield new UpdateWriter().uint(0).raw(state.subarray(input.at)).finish()
}

/** Reads one struct. */
function lengthOf(input: UpdateReader): number {
  const info = input.byte()
  input.uint()
  if ((info & HAS_ORIGIN) > 0) input.uint()
  else input.text()
  if ((info & ~HAS_ORIGIN) !== REF.binary) return input.uint()
  input.bytes()
  return 1
}
