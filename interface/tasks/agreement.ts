/** Whether answers of two devices to one input say the same: arithmetic differs between processors, words do not. */

import { isRecord } from '../record.ts'
import type { TaskDefinition } from './definition.ts'

/** Weights in 8 bits give scores that differ by a few hundredths between processors. */
export const NEAR = 0.05
const NEAR_SHARE = 0.02
/** Of their length: vectors of the same weights in 8 bits are a tenth of it apart at most, and those of two texts far more. */
const NEAR_VECTORS = 0.15

export const isNear = (one: number, other: number): boolean =>
  Object.is(one, other) || Math.abs(one - other) <= Math.max(NEAR, NEAR_SHARE * Math.abs(one))

/** @param params as the schema of the task returns them. */
export const agreementOf =
  ({ agrees = saysTheSame }: TaskDefinition, params: unknown = {}) =>
  (one: unknown, other: unknown): boolean =>
    agrees(one, other, params as never)

/** Numbers are near, and all else is equal. */
export function saysTheSame(one: unknown, other: unknown): boolean {
  if (typeof one === 'number' && typeof other === 'number') return isNear(one, other)
  if (one instanceof Uint8Array && other instanceof Uint8Array) return Buffer.compare(one, other) === 0
  if (Array.isArray(one) && Array.isArray(other))
    return one.length === other.length && one.every((item, i) => saysTheSame(item, other[i]))
  if (!isRecord(one) || !isRecord(other)) return one === other
  const keys = Object.keys(one)
  return (
    keys.length === Object.keys(other).length &&
    keys.every(key => Object.hasOwn(other, key) && saysTheSame(one[key], other[key]))
  )
}

/** Numbers of float32 in little-endian. */
export function floatsOf(bytes: Uint8Array): number[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  return Array.from({ length: Math.floor(bytes.byteLength / 4) }, (_, i) => view.getFloat32(i * 4, true))
}

/** Whether what lies between two vectors is short beside them. */
export function areNear(one: readonly number[], other: readonly number[]): boolean {
  if (one.length !== other.length) return false
  let apart = 0
  let oneLong = 0
  let otherLong = 0
  for (const [i, a] of one.entries()) {
    const b = other[i]!
    apart += (a - b) ** 2
    oneLong += a ** 2
    otherLong += b ** 2
  }
  return apart <= NEAR_VECTORS ** 2 * Math.max(oneLong, otherLong)
}
