/**
 * Whether the neighbours that new items name are neighbours.
 *
 * Yjs puts an item between the unit to its left and the one to its right, as its writer saw them. A writer that names them the wrong
 * way round gets a place that depends on what came before: equal updates, unequal documents. An honest writer had nothing between
 * the two, so of all units that its update names in a list, and of its own new ones, none may lie there. Places of one update so never
 * overlap, and what Yjs walks over to find them is one length of the list at most.
 */

import * as Y from 'yjs'
import type { Struct, StructId } from './scan.ts'

/** Lists keep what was deleted, so the order of two units is the same on all devices; types that were deleted lose theirs. */
export function namesNeighbours(
  structs: readonly Struct[],
  client: number,
  start: number,
  doc: Y.Doc
): boolean {
  const isOwn = (id: StructId): boolean => id.client === client && id.clock >= start
  const named = namedIn(structs)
  const own = named.filter(isOwn).sort((a, b) => a.clock - b.clock)
  const { listOf, orders } = listsOf(
    named.filter(id => !isOwn(id)),
    doc
  )
  let nextOwn = 0
  for (const { origin, right, parent, key, clock, length } of structs) {
    const list = nameOfList(origin ?? right, parent, key, listOf)
    if (list === undefined) continue
    const order = orders.get(list) ?? []
    orders.set(list, order)
    // What is written in one go is mostly behind what came before it.
    const left = origin === null ? -1 : order.lastIndexOf(nameOf(origin))
    if (left === -1 && origin !== null) return false
    if (order[left + 1] !== (right === null ? undefined : nameOf(right))) return false
    // Its first unit too: the next item at the same place has this one beside it.
    const units = [nameOf({ client, clock })]
    for (; nextOwn < own.length && own[nextOwn]!.clock < clock + length; nextOwn++) {
      if (own[nextOwn]!.clock > clock) units.push(nameOf(own[nextOwn]!))
    }
    for (const unit of units) listOf.set(unit, list)
    order.splice(left + 1, 0, ...units)
  }
  return true
}

const nameOf = ({ client, clock }: StructId): string => `${client}:${clock}`

/** None of what was deleted with the type around it. */
function nameOfList(
  neighbour: StructId | null,
  parent: Struct['parent'],
  key: string | null,
  listOf: ReadonlyMap<string, string>
): string | undefined {
  if (neighbour !== null) return listOf.get(nameOf(neighbour))
  return parent === null ? undefined : `${nameOfParent(parent)}/${key ?? ''}`
}

/** Names of roots cannot be taken for ids. */
const nameOfParent = (parent: Struct['parent']): string =>
  typeof parent === 'string' ? `root ${parent}` : parent === null ? '' : nameOf(parent)

function namedIn(structs: readonly Struct[]): StructId[] {
  const named = new Map<string, StructId>()
  for (const { origin, right } of structs) {
    for (const id of [origin, right]) if (id !== null) named.set(nameOf(id), id)
  }
  return [...named.values()]
}

interface Lists {
  /** By the name of a unit. Of units in types that were deleted, none. */
  readonly listOf: Map<string, string>
  readonly orders: Map<string, string[]>
}

function listsOf(ids: readonly StructId[], doc: Y.Doc): Lists {
  const roots = new Map<unknown, string>([...doc.share].map(([name, type]) => [type, name]))
  const lists = new Map<string, Map<Y.Item, StructId[]>>()
  const listOf = new Map<string, string>()
  for (const id of ids) {
    const item = Y.getItem(doc.store, Y.createID(id.client, id.clock))
    if (!(item instanceof Y.Item) || !(item.parent instanceof Y.AbstractType)) continue
    const parent = nameOfParent(item.parent._item?.id ?? roots.get(item.parent) ?? null)
    const list = `${parent}/${item.parentSub ?? ''}`
    listOf.set(nameOf(id), list)
    const items = lists.get(list) ?? new Map<Y.Item, StructId[]>()
    lists.set(list, items)
    items.set(item, [...(items.get(item) ?? []), id])
  }
  return { listOf, orders: new Map([...lists].map(([list, items]) => [list, inOrder(items)])) }
}

function inOrder(items: Map<Y.Item, StructId[]>): string[] {
  const order: string[] = []
  let [item] = items.keys() as Iterable<Y.Item | null>
  if (items.size > 1) while (item?.left) item = item.left
  for (; item && items.size > 0; item = item.right) {
    const found = items.get(item)
    if (found === undefined) continue
    order.push(...found.sort((a, b) => a.clock - b.clock).map(nameOf))
    items.delete(item)
  }
  return order
}
