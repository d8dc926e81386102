/** `events`: a line for each event. What is lost is said where it is missing. */

import { LumosError } from '../../../interface/errors.ts'
import { type EventGap, eventId, type NodeEvent, parseEventId } from '../../../interface/events.ts'
import { EVENT_PAGE_MAX, type EventPage } from '../../../interface/journal.ts'
import type { SnakeCase } from '../../../interface/snake-case.ts'
import { findNode, type NodeClient } from '../../client.ts'
import type { Invocation } from '../../invocation.ts'
import { printable } from '../../output.ts'

interface EventsOptions {
  readonly name?: readonly string[]
  readonly since?: string
  readonly follow?: boolean
}

type Item = SnakeCase<EventGap> | SnakeCase<NodeEvent>

/** `30m`: so long ago. */
const AGO = /^(\d{1,6})([smhd])$/
const UNIT_MS: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }

export async function run({ options, output }: Invocation<EventsOptions>): Promise<void> {
  const { name: names, since = 'oldest', follow = false } = options
  const node = findNode(options)
  const print = (item: Item) => {
    const place = eventId(item)
    output.line(output.json ? JSON.stringify({ ...item, place }) : printable(lineOf(item)))
  }
  const agoMs = agoOf(since)
  const place = agoMs === undefined ? since : await printStored(node, { names, agoMs }, print)
  if (follow) {
    await printNext(node, { names, since: place }, print)
    return
  }
  if (agoMs !== undefined) return
  const { data } = await node.execute<{ items: never }>('event.list', { names, since })
  for (const item of data.items as Item[]) print(item)
}

/** @throws {LumosError} when the node stops: how to go on from the last one that was printed. */
async function printNext(
  node: NodeClient,
  from: { readonly names: readonly string[] | undefined; readonly since: string },
  print: (item: Item) => void
): Promise<void> {
  let last = from.since
  try {
    for await (const item of node.watch(from)) {
      print(item as Item)
      last = eventId(item as Item)
    }
  } catch (thrown) {
    if (!(thrown instanceof LumosError && thrown.code === 'NODE_NOT_RUNNING')) throw thrown
    throw new LumosError(thrown.code, thrown.message, {
      hint: `${thrown.hint}. Once it runs, go on from there: lumos-node events --follow --since ${last}`,
      details: { place: last },
      cause: thrown
    })
  }
}

function agoOf(since: string): number | undefined {
  const [, count, unit] = AGO.exec(since) ?? []
  return count === undefined ? undefined : Number(count) * UNIT_MS[unit!]!
}

/** Those on disk. @returns the place after which the others come. */
async function printStored(
  node: NodeClient,
  { names: types, agoMs }: { readonly names: readonly string[] | undefined; readonly agoMs: number },
  print: (item: Item) => void
): Promise<string> {
  // What comes while pages are read is on one of them, or comes after this place.
  const now = await node.execute<{ position: string }>('event.list', { since: 'next' })
  let place = now.data.position
  const wanted = { types, since_ms: Date.now() - agoMs, limit: EVENT_PAGE_MAX }
  for (let cursor: string | null | undefined; cursor !== null; ) {
    const { data } = await node.execute<EventPage>('event.query', { ...wanted, ...(cursor && { cursor }) })
    for (const item of data.items as unknown as Item[]) {
      print(item)
      if (isLater(item, place)) place = eventId(item)
    }
    cursor = data.cursor
  }
  return place
}

function isLater(item: Item, place: string): boolean {
  const { epoch, sequence } = parseEventId(place)
  return item.epoch === epoch && item.sequence > sequence
}

function lineOf(item: Item): string {
  if (item.type === 'event') {
    const time = new Date(item.at_ms).toISOString()
    return `${time}  ${item.name}  ${JSON.stringify(item.data)}`
  }
  if (item.lost === null) return '--- The node has started anew; what happened before is lost. ---'
  return `--- ${item.lost} events are lost. ---`
}
