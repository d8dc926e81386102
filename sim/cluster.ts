/**
 * Many real nodes in one process: everything of a node but the network card.
 *
 * Each has a home of its own and speaks through libp2p's in-process transport,
 * with its real encryption, muxer and protocols on top.
 */

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { memory } from '@libp2p/memory'
import { type Random, systemClock } from '../interface/clock.ts'
import type { LumosNode } from '../interface/node.ts'
import { createLumosNode } from '../node/create-node.ts'
import type { Network } from '../node/libp2p.ts'
import type { MeshNode } from '../node/lumos-node.ts'

export interface ClusterOptions {
  readonly nodes: number
  readonly random: Random
  /** How many of the nodes before it each node knows when it starts. */
  readonly acquaintances: number
}

export class Cluster implements AsyncDisposable {
  readonly nodes: readonly LumosNode[]
  readonly #homes: string

  private constructor(nodes: readonly LumosNode[], homes: string) {
    this.nodes = nodes
    this.#homes = homes
  }

  /** Made, not started: a scenario decides when each node appears. */
  static async create({ nodes: count, random, acquaintances }: ClusterOptions): Promise<Cluster> {
    const homes = await mkdtemp(join(tmpdir(), 'lumos-sim-'))
    const nodes: MeshNode[] = []
    for (let i = 0; i < count; i++) {
      const node = await createLumosNode({
        home: join(homes, String(i)),
        settings: { name: `node-${i}`, 'models.builtin': false, 'engines.echo': true },
        clock: systemClock,
        random,
        network: inProcess(homes, i, chooseEarlier(i, acquaintances, random))
      })
      // The first has founded the mesh, and lets the others in.
      const [founder] = nodes
      if (founder)
        await node.enter(await founder.admit({ subject: node.peerId, name: node.name, role: 'member' }))
      nodes.push(node)
    }
    return new Cluster(nodes, homes)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.nodes.map(node => node.stop({ drainMs: 0 })))
    await rm(this.#homes, { recursive: true, force: true })
  }
}

/** The name of the cluster's folder keeps two clusters in one process apart. */
const addressOf = (cluster: string, index: number): string => `/memory/${cluster.split('-').at(-1)}-${index}`

const inProcess = (cluster: string, index: number, known: readonly number[]): Network => ({
  transports: [memory() as Network['transports'][number]],
  listen: [addressOf(cluster, index)],
  discovery: [],
  dial: known.map(other => addressOf(cluster, other))
})

/** Up to `count` different numbers below `index`. */
function chooseEarlier(index: number, count: number, random: Random): number[] {
  const earlier = Array.from({ length: index }, (_, i) => i)
  return Array.from(
    { length: Math.min(count, index) },
    () => earlier.splice(Math.floor(random() * earlier.length), 1)[0]!
  )
}
