/** Mutations that keep a control body well-formed, so that they reach what lies behind the decoder. */

import type { Random } from '../../interface/clock.ts'
import { decode } from '../../protocols/wire/cbor/decode.ts'
import { encodeControl } from '../../protocols/wire/control.ts'

const HOSTILE: readonly unknown[] = [
  ...[0, 1, -1, 2 ** 31, 2 ** 32, Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER, 1.5, -0.25],
  ...['', '\u0000', 'é', '../../x', '__proto__', 'x'.repeat(1024), '/ip4/0.0.0.0/tcp/0', '😀'.repeat(40)],
  ...[null, true, false, [], {}, [[[[[]]]]], { constructor: {} }, new Uint8Array(0), new Uint8Array(64)]
]
const KEYS = ['__proto__', 'constructor', 'version', 'toString', '', 'x'.repeat(200)]

type Box = Record<string, unknown> | unknown[]

/** The same body with one value of it replaced, removed, repeated or renamed. */
export function mutatedControl(bytes: Uint8Array, random: Random): Uint8Array {
  try {
    return encodeControl(mutatedValue(decode(bytes), random))
  } catch {
    // Not every seed is well-formed, and not every value can be written.
    return bytes
  }
}

/** `value` itself, changed. */
export function mutatedValue(value: unknown, random: Random): unknown {
  const below = (n: number) => Math.floor(random() * n)
  const boxes = boxesIn(value)
  if (boxes.length === 0) return HOSTILE[below(HOSTILE.length)]
  const box = boxes[below(boxes.length)]!
  const keys = Object.keys(box)
  const key = keys[below(keys.length)] ?? '0'
  const at = box as Record<string, unknown>
  switch (below(5)) {
    case 0:
      delete at[key]
      if (Array.isArray(box)) box.splice(0, box.length, ...box.filter(item => item !== undefined))
      break
    case 1:
      at[key] = boxes[below(boxes.length)] === value ? {} : structuredClone(boxes[below(boxes.length)])
      break
    case 2:
      if (Array.isArray(box)) for (let n = below(100); n > 0; n--) box.push(structuredClone(box[0] ?? 0))
      else
        Object.defineProperty(at, KEYS[below(KEYS.length)]!, {
          value: at[key],
          enumerable: true,
          configurable: true,
          writable: true
        })
      break
    default:
      at[key] = HOSTILE[below(HOSTILE.length)]
  }
  return value
}

function boxesIn(value: unknown): Box[] {
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return []
  return [value as Box, ...Object.values(value).flatMap(boxesIn)]
}
