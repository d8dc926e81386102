/**
 * Whether the neighbours that new text names are neighbours.
 *
 * Yjs puts text between the unit to its left and the one to its right, as its writer saw them. A writer that names them the wrong way
 * round gets a place that depends on what came before: equal updates, unequal texts. An honest writer had nothing between the two,
 * so of all units that its update names, and of its own new ones, none may lie there.
 */

import * as Y from 'yjs'
import type { Struct, StructId } from './scan.ts'

/** `text` keeps what was deleted, so the order of two units is the same on all devices. */
export function namesNeighbours(
  structs: readonly Struct[],
  client: number,
  start: number,
  text: Y.Text
): boolean {
  const isOwn = (id: StructId): boolean => id.client === client && id.clock >= start
  const named = new Map<string, StructId>()
  for (const { origin, right } of structs) {
    for (const id of [origin, right]) if (id !== null) named.set(nameOf(id), id)
  }
  const own = [...named.values()].filter(isOwn).sort((a, b) => a.clock - b.clock)
  const order = inTextOrder(
    [...named.values()].filter(id => !isOwn(id)),
    text
  )
  for (const { origin, right, clock, length } of structs) {
    const left = origin === null ? -1 : order.indexOf(nameOf(origin))
    const next = right === null ? order.length : order.indexOf(nameOf(right))
    if ((left === -1 && origin !== null) || next !== left + 1) return false
    const units = own.filter(id => id.clock >= clock && id.clock < clock + length)
    order.splice(next, 0, ...units.map(nameOf))
  }
  return true
}

const nameOf = ({ client, clock }: StructId): string => `${client}:${clock}`

function inTextOrder(ids: readonly StructId[], text: Y.Text): string[] {
  if (ids.length < 2) return ids.map(nameOf)
  const inItem = new Map<Y.Item, StructId[]>()
  for (const id of ids) {
    const item = Y.getItem(text.doc!.store, Y.createID(id.client, id.clock))
    inItem.set(item, [...(inItem.get(item) ?? []), id])
  }
  const order: string[] = []
  for (let item = text._start; item !== null && inItem.size > 0; item = item.right) {
    const found = inItem.get(item)
    if (found === undefined) continue
    order.push(...found.sort((a, b) => a.clock - b.clock).map(nameOf))
    inItem.delete(item)
  }
  return order
}
