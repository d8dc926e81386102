/**
 * DAG-CBOR for control bodies: one value, one encoding.
 *
 * Written here rather than taken from a library because every call of the mesh
 * passes through it four times, and because what a peer sends must be bounded
 * while it is read: depth, no repeated or unsorted keys, no indefinite lengths,
 * no padding of integers, no tags. What this decodes, `@ipld/dag-cbor` decodes to
 * the same value, and both encode alike; a property test says so.
 */

/** Kinds of value: the upper three bits of a head. */
export const MAJOR = { uint: 0, negative: 1, bytes: 2, text: 3, array: 4, map: 5 } as const

/** Heads that are whole values, and the one of numbers that are no integers. */
export const HEAD = { false: 0xf4, true: 0xf5, null: 0xf6, float64: 0xfb } as const

/** Up to here a loop over characters beats a call out of JavaScript; most ids are 36 characters. */
export const LOOPED_TEXT = 64
