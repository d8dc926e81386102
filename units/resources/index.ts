/** Resources: what queries answer, by addresses that can be read and watched. */

import * as z from 'zod'
import type { Clock } from '../../interface/clock.ts'
import { PatchStep } from '../../interface/json-patch.ts'
import type { LumosNode } from '../../interface/node.ts'
import { PERMISSIONS } from '../../interface/units.ts'
import { defineUnit } from '../define-unit.ts'
import type { UnitRegistry } from '../registry.ts'
import { ADDRESS_CHARS_MAX, addressed } from './address.ts'
import { RESOURCES } from './table.ts'
import { Watches } from './watches.ts'

export { RESOURCES } from './table.ts'

/** Longer than any id of an item. */
const ID_CHARS_MAX = 64

const Address = z.string().min(1).max(ADDRESS_CHARS_MAX)
const Data = z.record(z.string(), z.unknown())
const Id = z.string()
const Item = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('snapshot'), id: Id, data: z.unknown() }),
  z.strictObject({ type: z.literal('patch'), id: Id, patch: z.array(PatchStep) }),
  z.strictObject({ type: z.literal('heartbeat'), id: Id })
])

const Listed = z.strictObject({
  /** A pattern: what is in braces stands for an id or a name. */
  uri: z.string(),
  unit: z.string(),
  summary: z.string(),
  permission: z.enum(PERMISSIONS),
  /** Events after which a watcher is told of changes. */
  events: z.array(z.string()),
  /** After how many milliseconds it is read again without any. */
  everyMs: z.int()
})

/** @param units the registry that they are for: a resource is read by its unit, with the rights of the caller. */
export function addressUnits(units: UnitRegistry, { events }: Pick<LumosNode, 'events'>, clock: Clock) {
  const watches = new Watches({
    clock,
    events,
    read: (unit, input, context) => units.execute(unit, input, context)
  })
  return [
    defineUnit({
      name: 'resource.list',
      kind: 'query',
      permission: 'read',
      summary: 'What has an address that can be read and watched, as patterns.',
      input: z.strictObject({}),
      output: z.strictObject({ items: z.array(Listed) }),
      run: async () => ({
        items: RESOURCES.map(({ pattern, unit: name, events, everyMs }) => {
          const { summary, permission } = units.get(name)
          return { uri: `lumos://${pattern}`, unit: name, summary, permission, events: [...events], everyMs }
        })
      })
    }),
    defineUnit({
      name: 'resource.read',
      kind: 'query',
      permission: 'read',
      summary: 'What the query of a resource answers, by the address of the resource.',
      input: z.strictObject({ uri: Address }),
      examples: [{ input: { uri: 'lumos://models' } }],
      output: Data,
      async run({ uri }, context) {
        const { resource, input } = addressed(RESOURCES, uri)
        return Data.parse(await units.execute(resource.unit, input, context))
      }
    }),
    defineUnit({
      name: 'resource.watch',
      kind: 'query',
      permission: 'read',
      endless: true,
      summary:
        'A resource now. As a stream: the whole, then a JSON Patch after each change, until it is left.',
      input: z.strictObject({
        uri: Address,
        /** The id of the last item that was read. A watcher that may go on from there gets a patch first. */
        since: z.string().max(ID_CHARS_MAX).optional()
      }),
      examples: [{ input: { uri: 'lumos://device/cpu/metrics' } }],
      output: Item,
      item: Item,
      async run({ uri }, context) {
        const { resource, input } = addressed(RESOURCES, uri)
        const data = await units.execute(resource.unit, input, context)
        return { type: 'snapshot' as const, id: 'now', data }
      },
      stream({ uri, since }, context) {
        const what = addressed(RESOURCES, uri)
        // Refused at once, and not in the stream.
        units.prepare(what.resource.unit, what.input, context)
        return watches.watch(what, since, context)
      }
    })
  ]
}
