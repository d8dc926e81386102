/** What a fact or an entry may hold: plain JSON, so that every device and every program reads the same. */

import { InvalidInputError } from '../../../interface/errors.ts'
import type { MemoryValue } from '../../../interface/memory.ts'
import { MEMORY_DEPTH_MAX, MEMORY_KEY_MAX } from './limits.ts'

/** They would set what an object inherits, in programs that copy members without care. */
export const RESERVED: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype'])

export function flawOf(value: unknown, depth = 0): string | undefined {
  switch (typeof value) {
    case 'boolean':
      return undefined
    case 'number':
      return Number.isFinite(value) ? undefined : `${value} is not JSON`
    case 'string':
      return value.isWellFormed() ? undefined : 'a text holds half a character'
    case 'object':
      break
    default:
      return `a ${typeof value} is not JSON`
  }
  if (value === null) return undefined
  if (depth === MEMORY_DEPTH_MAX) return `it is nested more than ${MEMORY_DEPTH_MAX} deep`
  if (Array.isArray(value)) return firstFlaw(value, depth)
  const prototype = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== null) return 'it holds an object that is not plain'
  for (const key of Object.keys(value)) {
    if (RESERVED.has(key)) return `"${key}" is reserved`
    if (!key.isWellFormed()) return 'a key holds half a character'
  }
  return firstFlaw(Object.values(value), depth)
}

function firstFlaw(values: readonly unknown[], depth: number): string | undefined {
  for (const value of values) {
    const flaw = flawOf(value, depth + 1)
    if (flaw !== undefined) return flaw
  }
  return undefined
}

/** What `MemoryKey` says, without a schema: it is asked of each slot when a document is opened. */
export const isMemoryKey = (key: unknown): key is string =>
  typeof key === 'string' &&
  key.length > 0 &&
  key.length <= MEMORY_KEY_MAX &&
  !RESERVED.has(key) &&
  key.isWellFormed()

/** @throws {InvalidInputError} */
export function checkKey(key: string): void {
  if (!isMemoryKey(key)) {
    throw new InvalidInputError('A key or id of memory has 1 to 256 characters and is no reserved word.')
  }
}

/** @throws {InvalidInputError} */
export function checkValue(value: MemoryValue): void {
  const flaw = flawOf(value)
  if (flaw !== undefined) throw new InvalidInputError(`A value of memory must be plain JSON: ${flaw}.`)
}
