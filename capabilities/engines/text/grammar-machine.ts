/**
 * Follows a grammar byte by byte, in all ways that are open at once. What is to come on one way is a stack of nodes.
 * Equal stacks are one object and equal states too, so what was worked out once is only looked up again.
 */

import { InvalidInputError } from '../../../interface/errors.ts'
import { type Node, readGrammar } from './gbnf.ts'
import { shortestOf } from './shortest.ts'

/** Ways that are open at once: choices of a long list, of which one is written. */
const WAYS_MAX = 4096
/** Stacks that are made for one token. A schema that needs more has ways that no author means. */
const STACKS_PER_TOKEN_MAX = 200_000
/** What is kept to be looked up. */
const STACKS_KEPT_MAX = 100_000

interface Stack {
  readonly id: number
  /** Bytes that are needed at least, to the end. */
  readonly rest: number
  /** Absent at the end of the grammar. */
  readonly node: Node | undefined
  readonly below: Stack | undefined
  readonly above: Map<Node, Stack>
}

export interface State {
  /** Each with a byte on top. */
  readonly ways: readonly Stack[]
  /** Whether the text may end here. */
  readonly ends: boolean
  /** Bytes that are needed at least to end it. */
  readonly rest: number
  readonly next: Map<number, State | undefined>
}

export class GrammarMachine {
  readonly #rules: ReadonlyMap<string, Node>
  readonly #shortest: (node: Node) => number
  readonly #states = new Map<string, State>()
  /** A repetition that happened once. */
  readonly #fewer = new WeakMap<Node, Node>()
  readonly #bottom: Stack = { id: 0, rest: 0, node: undefined, below: undefined, above: new Map() }
  readonly #start: State
  #ids = 1
  #kept = 0
  #left = STACKS_PER_TOKEN_MAX

  /** @throws {InvalidInputError} for a grammar that can be followed in too many ways. */
  constructor(grammar: string) {
    this.#rules = readGrammar(grammar)
    this.#shortest = shortestOf(this.#rules)
    this.#start = this.#stateOf([this.#push(this.#bottom, { kind: 'rule', name: 'root' })])
  }

  get start(): State {
    return this.#start
  }

  /** Called before the ways of another token are worked out. What is kept is forgotten when it is much. */
  begin(state: State): void {
    this.#left = STACKS_PER_TOKEN_MAX
    if (this.#kept < STACKS_KEPT_MAX) return
    this.#kept = 0
    this.#states.clear()
    this.#start.next.clear()
    state.next.clear()
    for (const way of [...state.ways, ...this.#start.ways]) {
      for (let stack: Stack | undefined = way; stack !== undefined; stack = stack.below) stack.above.clear()
    }
  }

  /** @returns undefined where the byte must not come. */
  step(state: State, byte: number): State | undefined {
    if (state.next.has(byte)) return state.next.get(byte)
    const open = state.ways.filter(({ node }) => node?.kind === 'byte' && node.accepts(byte))
    const next = open.length === 0 ? undefined : this.#stateOf(open.map(({ below }) => below!))
    state.next.set(byte, next)
    return next
  }

  #stateOf(stacks: Stack[]): State {
    const seen = new Set(stacks)
    const ways: Stack[] = []
    // A set gives what is added while it is read, too.
    for (const stack of seen) {
      // A way without an end leads nowhere.
      if (stack.rest === Number.POSITIVE_INFINITY) continue
      if (stack.node?.kind === 'byte') ways.push(stack)
      else if (stack.node !== undefined)
        for (const one of this.#opened(stack.node, stack.below!)) seen.add(one)
      if (ways.length > WAYS_MAX) throw tooMany()
    }
    const ends = seen.has(this.#bottom)
    const key = `${ends} ${ways
      .map(({ id }) => id)
      .sort()
      .join(' ')}`
    const known = this.#states.get(key)
    if (known !== undefined) return known
    const rest = ends ? 0 : Math.min(...ways.map(({ rest }) => rest))
    const state: State = { ways, ends, rest, next: new Map() }
    this.#states.set(key, state)
    return state
  }

  #opened(node: Node, below: Stack): Stack[] {
    switch (node.kind) {
      case 'byte':
        return []
      case 'all':
        return [node.parts.reduceRight((stack, part) => this.#push(stack, part), below)]
      case 'one':
        return node.choices.map(choice => this.#push(below, choice))
      case 'rule':
        return [this.#push(below, this.#rules.get(node.name)!)]
      case 'repeat': {
        const again = node.max === 0 ? [] : [this.#push(this.#push(below, this.#once(node)), node.node)]
        return node.min === 0 ? [below, ...again] : again
      }
    }
  }

  #once(node: Node & { kind: 'repeat' }): Node {
    const { min, max } = node
    if (min === 0 && max === Infinity) return node
    const known = this.#fewer.get(node)
    if (known !== undefined) return known
    const fewer: Node = { ...node, min: Math.max(0, min - 1), max: max - 1 }
    this.#fewer.set(node, fewer)
    return fewer
  }

  #push(below: Stack, node: Node): Stack {
    const known = below.above.get(node)
    if (known !== undefined) return known
    if (this.#left-- === 0) throw tooMany()
    this.#kept++
    const rest = this.#shortest(node) + below.rest
    const stack: Stack = { id: this.#ids++, rest, node, below, above: new Map() }
    below.above.set(node, stack)
    return stack
  }
}

const tooMany = (): InvalidInputError =>
  new InvalidInputError('The schema can be followed in too many ways at once: give it fewer choices.')
