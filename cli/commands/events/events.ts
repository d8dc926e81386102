/** `events`: a line for each event. What is lost is said where it is missing. */

import { type EventGap, eventId, type NodeEvent } from '../../../interface/events.ts'
import type { SnakeCase } from '../../../interface/snake-case.ts'
import { findNode } from '../../client.ts'
import type { Invocation } from '../../invocation.ts'
import { printable } from '../../output.ts'

interface EventsOptions {
  readonly name?: readonly string[]
  readonly since?: string
  readonly follow?: boolean
}

type Item = SnakeCase<EventGap> | SnakeCase<NodeEvent>

export async function run({ options, output }: Invocation<EventsOptions>): Promise<void> {
  const { name: names, since = 'oldest', follow = false } = options
  const node = findNode(options)
  const print = (item: Item) => {
    const place = eventId(item)
    output.line(output.json ? JSON.stringify({ ...item, place }) : printable(lineOf(item)))
  }
  if (follow) {
    for await (const item of node.watch({ names, since })) print(item as Item)
    return
  }
  const { data } = await node.execute<{ items: never }>('event.list', { names, since })
  for (const item of data.items as Item[]) print(item)
}

function lineOf(item: Item): string {
  if (item.type === 'event') {
    const time = new Date(item.at_ms).toISOString()
    return `${time}  ${item.name}  ${JSON.stringify(item.data)}`
  }
  if (item.lost === null) return '--- The node has started anew; what happened before is lost. ---'
  return `--- ${item.lost} events are lost. ---`
}
