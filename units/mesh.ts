/** What this node knows about itself and its peers. */

import * as z from 'zod'
import { AdoptedPort, type Adoption } from '../interface/adoption.ts'
import { DiscoveryReport } from '../interface/discovery.ts'
import { type LumosNode, PeerInfo } from '../interface/node.ts'
import { NodeStatus } from '../interface/status.ts'
import { defineUnit } from './define-unit.ts'

interface GatewayFacts {
  gatewayUrl(): string | undefined
  refusedOrigins?(): readonly string[]
  readonly adoption?: Adoption
}

export const meshUnits = (node: LumosNode, { gatewayUrl, refusedOrigins, adoption }: GatewayFacts) => [
  defineUnit({
    name: 'mesh.status',
    kind: 'query',
    permission: 'read',
    summary: 'This node: who it is, where it listens, how it is doing.',
    input: z.strictObject({}),
    output: NodeStatus.extend({
      gateway: z.string().nullable(),
      /** Origins of pages that were refused `/v1` in the last hour, the newest first. */
      refusedOrigins: z.array(z.string()),
      /** Ports of other programs that this node answers on, or waits for. */
      adopted: z.array(AdoptedPort)
    }),
    run: async () => ({
      ...node.status(),
      gateway: gatewayUrl() ?? null,
      refusedOrigins: [...(refusedOrigins?.() ?? [])],
      adopted: adoption?.list() ?? []
    })
  }),
  defineUnit({
    name: 'mesh.peers',
    kind: 'query',
    permission: 'read',
    summary: 'The peers that are connected now, and what they offer.',
    input: z.strictObject({}),
    output: z.strictObject({ items: z.array(PeerInfo) }),
    run: async () => ({ items: node.peers() })
  }),
  defineUnit({
    name: 'mesh.discovery',
    kind: 'query',
    permission: 'read',
    summary:
      'What discovery on the local network saw and did: links, sighted peers, and how dialing them ended.',
    input: z.strictObject({}),
    output: DiscoveryReport,
    run: async () => node.discovery()
  })
]
