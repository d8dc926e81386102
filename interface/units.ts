/**
 * Whatever a person or a program can do with a node is a unit: one name, one
 * schema in, one schema out. HTTP, CLI and later MCP and peers all reach it
 * through the registry of units.
 */

import type * as z from 'zod'
import type { AbortOptions } from './lifecycle.ts'

/** A command changes something; a query does not. */
export type UnitKind = 'command' | 'query'

/**
 * Where a call came in. `local`: over the socket that file permissions guard, from this device's own command line.
 * `tcp`: from a program or a page that has shown the token, or what it was exchanged for.
 */
export type Origin = 'local' | 'tcp'

export interface Unit<I extends z.ZodType = z.ZodType, O extends z.ZodType = z.ZodType> {
  /** `domain.action`, lower snake case. */
  readonly name: string
  readonly kind: UnitKind
  /** One sentence for people. */
  readonly summary: string
  /** The only door it may be called through, if not through any: for what hands out or replaces keys. */
  readonly door?: 'local'
  /** Whether a call may name the one peer that does the work. Without it, the unit acts on this node only. */
  readonly takesPeer?: true
  readonly input: I
  readonly output: O
  /** A piece of the answer, for units that stream. */
  readonly item?: z.ZodType
  run(input: z.output<I>, context: UnitContext): Promise<z.input<O>>
  /** The same work as a stream of items, for units whose answer comes in pieces. */
  stream?(input: z.output<I>, context: UnitContext): AsyncIterable<unknown>
}

export interface UnitContext extends AbortOptions {
  /** Unique per call; the same in every log line about it. */
  readonly requestId: string
  /** Time the whole call may take. */
  readonly budgetMs: number
  /** Whoever does not say where a call came in does not get what is for one door only. */
  readonly door?: Origin
  /** PeerId or name of the only peer that may do the work; refused by units that do not take one. */
  readonly peer?: string
  /** Called with the peer that does the work, before its first answer. */
  onRoute?(route: Route): void
}

/** Who answered, and whether it was this node. */
export interface Route {
  readonly peerId: string
  readonly name: string | undefined
  readonly route: 'local' | 'remote'
}
