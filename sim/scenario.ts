/** A question put to a cluster, what is done to it, and what must hold. */

import type { Random } from '../interface/clock.ts'
import type { Cluster } from './cluster.ts'

export interface Scenario {
  readonly name: string
  /** What a run answers. */
  readonly question: string
  /** How many of the nodes before it each node knows when it starts. */
  readonly acquaintances: number
  /** @throws {BrokenInvariant} when the answer is no. */
  run(cluster: Cluster, context: ScenarioContext): Promise<readonly Finding[]>
}

export interface ScenarioContext {
  readonly random: Random
  /** Aborted when the scenario's time is up. */
  readonly signal: AbortSignal
  /** Tell whoever watches what goes on. */
  report(line: string): void
}

/** A figure a run found. */
export interface Finding {
  readonly metric: string
  readonly value: number
  readonly unit: string
}

class BrokenInvariant extends Error {}

/** @throws {BrokenInvariant} with `invariant` when it does not hold. */
export function must(invariant: string, holds: boolean): void {
  if (!holds) throw new BrokenInvariant(invariant)
}
