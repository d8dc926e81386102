/** How many bytes a part of a grammar takes at least. */

import type { Node } from './gbnf.ts'

/** @returns a function that says it of each node; `Infinity` for one that has no end. */
export function shortestOf(rules: ReadonlyMap<string, Node>): (node: Node) => number {
  const ofRules = new Map<string, number>()
  const known = new Map<Node, number>()
  const of = (node: Node): number => {
    const length = known.get(node) ?? measured(node)
    if (isFinal) known.set(node, length)
    return length
  }
  const measured = (node: Node): number => {
    switch (node.kind) {
      case 'byte':
        return 1
      case 'all':
        return node.parts.reduce((sum, part) => sum + of(part), 0)
      case 'one':
        return Math.min(...node.choices.map(of))
      case 'rule':
        return ofRules.get(node.name) ?? Number.POSITIVE_INFINITY
      case 'repeat':
        return node.min === 0 ? 0 : node.min * of(node.node)
    }
  }
  // A rule may contain itself, so what is known of each is made better until nothing changes.
  let isFinal = false
  for (let isBetter = true; isBetter; ) {
    isBetter = false
    for (const [name, node] of rules) {
      const length = measured(node)
      if (length < (ofRules.get(name) ?? Number.POSITIVE_INFINITY)) {
        ofRules.set(name, length)
        isBetter = true
      }
    }
  }
  isFinal = true
  return of
}
