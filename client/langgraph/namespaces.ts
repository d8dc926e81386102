/**
 * Where items of a store lie in a space: a map of facts for each namespace, called by its labels where they make a name
 * that a document may have. The map `store` names all of them.
 */

import { createHash } from 'node:crypto'
import type { ListNamespacesOperation, MatchCondition } from '@langchain/langgraph-checkpoint'

export const NAMESPACES_DOC = 'store'
const NAME = /^store(\.[\w-]+)+$/
const NAME_CHARS_MAX = 64
const DIGEST_CHARS = 32

export function docOf(namespace: readonly string[]): string {
  const name = [NAMESPACES_DOC, ...namespace].join('.')
  if (NAME.test(name) && name.length <= NAME_CHARS_MAX) return name
  const digest = createHash('sha256').update(JSON.stringify(namespace)).digest('hex')
  // No name of labels has two dots.
  return `${NAMESPACES_DOC}..${digest.slice(0, DIGEST_CHARS)}`
}

/** Of what is kept in the map of namespaces: what another program wrote there is none. */
export const namespacesIn = (facts: Readonly<Record<string, unknown>>): string[][] =>
  Object.entries(facts).flatMap(([doc, labels]) =>
    isNamespace(labels) && docOf(labels) === doc ? [labels] : []
  )

const isNamespace = (value: unknown): value is string[] =>
  Array.isArray(value) && value.length > 0 && value.every(label => typeof label === 'string')

export function listed(
  namespaces: readonly string[][],
  { matchConditions = [], maxDepth = Number.POSITIVE_INFINITY, offset, limit }: ListNamespacesOperation
): string[][] {
  const cut = namespaces
    .filter(namespace => matchConditions.every(condition => matches(namespace, condition)))
    .map(namespace => namespace.slice(0, maxDepth))
  const once = new Map(cut.map(namespace => [namespace.join('.'), namespace]))
  return [...once.keys()]
    .sort()
    .slice(offset, offset + limit)
    .map(name => once.get(name)!)
}

function matches(namespace: readonly string[], { matchType, path }: MatchCondition): boolean {
  if (path.length > namespace.length) return false
  const part = matchType === 'prefix' ? namespace : namespace.slice(-path.length)
  return path.every((label, i) => label === '*' || label === part[i])
}
