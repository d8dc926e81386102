/** Items of a store as facts, and which of them a search means. */

import { isDeepStrictEqual } from 'node:util'
import type { Item, SearchOperation } from '@langchain/langgraph-checkpoint'

export interface ItemFact {
  readonly value: Record<string, unknown>
  readonly created_at: string
  readonly updated_at: string
}

/** Undefined for what no store has written. */
export function itemOf(namespace: readonly string[], key: string, fact: unknown): Item | undefined {
  const { value, created_at: created, updated_at: updated } = (fact ?? {}) as Partial<ItemFact>
  const [createdAt, updatedAt] = [new Date(created ?? ''), new Date(updated ?? '')]
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined
  if (Number.isNaN(createdAt.getTime()) || Number.isNaN(updatedAt.getTime())) return undefined
  return { value, key, namespace: [...namespace], createdAt, updatedAt }
}

export const isMeant = ({ value }: Item, { filter = {} }: SearchOperation): boolean =>
  Object.entries(filter).every(([key, wanted]) =>
    fits(Object.hasOwn(value, key) ? value[key] : undefined, wanted)
  )

/** The comparisons that LangGraph names. */
const OPERATORS: Readonly<Record<string, (value: unknown, wanted: unknown) => boolean>> = {
  $eq: isDeepStrictEqual,
  $ne: (value, wanted) => !isDeepStrictEqual(value, wanted),
  $gt: (value, wanted) => Number(value) > Number(wanted),
  $gte: (value, wanted) => Number(value) >= Number(wanted),
  $lt: (value, wanted) => Number(value) < Number(wanted),
  $lte: (value, wanted) => Number(value) <= Number(wanted),
  $in: (value, wanted) => Array.isArray(wanted) && wanted.some(one => isDeepStrictEqual(value, one)),
  $nin: (value, wanted) => !Array.isArray(wanted) || !wanted.some(one => isDeepStrictEqual(value, one))
}

function fits(value: unknown, wanted: unknown): boolean {
  if (typeof wanted !== 'object' || wanted === null) return value === wanted
  const names = Object.keys(wanted)
  if (names.length === 0 || !names.every(name => Object.hasOwn(OPERATORS, name)))
    return isDeepStrictEqual(value, wanted)
  return names.every(name => OPERATORS[name]!(value, (wanted as Record<string, unknown>)[name]))
}
