/** A question put to a cluster, what is done to it, and what must hold. */

import type { HostOptions } from './host.ts'
import type { PresetName } from './network/presets.ts'
import type { Finding } from './outcome.ts'
import { forkRandom } from './random.ts'
import type { Stage } from './stage.ts'

export interface Scenario {
  readonly name: string
  /** What a run answers. */
  readonly question: string
  /** Unless the command line says otherwise. */
  readonly nodes: number
  /** Each seed has from `nodes` to this many. Default: always `nodes`. */
  readonly nodesMost?: number
  /** How many of the nodes before it each node knows when it starts. Default: three. */
  readonly acquaintances?: number
  /** What every link is like in the beginning. Default: `lan`. */
  readonly link?: PresetName
  /** Models and settings of each node, besides its echo engine. */
  configure?(index: number): HostOptions
  /**
   * The disturbance. All the invariants are checked besides what this says must hold.
   *
   * @throws when it cannot go on: the answer is no then.
   */
  run(stage: Stage): Promise<readonly Finding[]>
}

/** How many nodes a seed has, unless the command line says otherwise. */
export const nodesOf = ({ nodes, nodesMost = nodes }: Scenario, seed: number): number =>
  nodes + Math.floor(forkRandom(seed, 'swarm')() * (nodesMost - nodes + 1))
