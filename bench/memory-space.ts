/** What the parts of `memory` write, and how they wait for it. */

import { setTimeout } from 'node:timers/promises'
import type { LumosNode } from '../interface/node.ts'

export const EDITS = 'edits'
export const LOG = 'log'
/** As many as an agent that works through a list has on their way; they share commits. */
const WRITES_AT_ONCE = 100
const LOOK_EVERY_MS = 2

export const entryOf = (n: number): { id: string; value: string } => ({ id: `e${n}`, value: `entry ${n}` })

export const set = (node: LumosNode, space: string, doc: string, key: string) =>
  node.memory.write(space, doc, 'facts', [{ type: 'set', key, value: 'edited' }])

export const append = (node: LumosNode, space: string, numbers: readonly number[], doc = LOG) =>
  node.memory.write(
    ...([space, doc, 'journal'] as const),
    numbers.map(n => ({ type: 'append' as const, ...entryOf(n) }))
  )

/** `count` writes, some of them under way at a time. */
export async function fill(count: number, write: (n: number) => Promise<unknown>): Promise<void> {
  for (let n = 0; n < count; n += WRITES_AT_ONCE)
    await Promise.all(Array.from({ length: Math.min(WRITES_AT_ONCE, count - n) }, (_, i) => write(n + i)))
}

/** A space that is not here yet cannot be watched. */
export async function eventually(holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds())) await setTimeout(LOOK_EVERY_MS)
}

/** Whether this entry can be read here. */
export const hasEntry = async (node: LumosNode, space: string, n: number): Promise<boolean> =>
  (await node.memory.get(space, LOG, entryOf(n).id).catch(() => undefined)) !== undefined
