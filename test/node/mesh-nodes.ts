/** Real nodes in this process, connected over loopback TCP, each with a home of its own. */

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { EventData, EventName } from '../../interface/events.ts'
import type { Role } from '../../interface/membership.ts'
import type { LumosNode } from '../../interface/node.ts'
import type { MeshNodeOptions } from '../../node/create-node.ts'
import { createDrivenNode, type DrivenNode } from '../../sim/driven-node.ts'

/** Nobody is looked for on the real network, and every port is a free one. */
export const ALONE = {
  'swarm.host': '127.0.0.1',
  'swarm.port': 0,
  'swarm.mdns': false,
  'models.builtin': false
}

export const temporaryHome = () => mkdtemp(join(tmpdir(), 'lumos-node-'))

const founders = new Map<string, DrivenNode>()

/** A started node that dials the others; stopping it removes its home. */
export async function startNode(
  name: string,
  others: readonly LumosNode[] = [],
  { settings, role = 'member', ...options }: MeshNodeOptions & { role?: Role } = {}
) {
  const home = options.home ?? (await temporaryHome())
  const peers = others.flatMap(other => other.status().addresses)
  const node = await createDrivenNode({
    home,
    settings: { ...ALONE, name, 'swarm.peers': peers, ...settings },
    ...options
  })
  // The first of a mesh has founded it, and lets the others in.
  const founder = founders.get(others[0]?.status().meshId ?? '')
  if (founder === undefined) founders.set(node.status().meshId, node)
  else if (founder.status().meshId !== node.status().meshId) {
    await node.enter(await founder.admit({ subject: node.peerId, name, role }))
  }
  await node.start()
  return Object.assign(node, {
    async [Symbol.asyncDispose]() {
      await node.stop({ drainMs: 0 })
      if (options.home === undefined) await rm(home, { recursive: true, force: true })
    }
  })
}

/** The next event of this name that `matches`, or one that has made `already` true. */
export function until<N extends EventName>(
  node: LumosNode,
  name: N,
  holds: (data?: EventData<N>) => boolean
): Promise<void> {
  return new Promise(resolve => {
    const check = (data?: EventData<N>) => {
      if (!holds(data)) return
      node.events.removeEventListener(name, onEvent)
      resolve()
    }
    const onEvent = (event: { detail: EventData<N> }) => check(event.detail)
    node.events.addEventListener(name, onEvent as never)
    check()
  })
}

export const knows = (node: LumosNode, other: LumosNode): Promise<void> =>
  until(node, 'manifest.updated', () =>
    node.models().some(({ providers }) => providers.some(p => p.peerId === other.peerId))
  )

export const meets = (node: LumosNode, other: LumosNode): Promise<void> =>
  until(node, 'peer.joined', () => node.peers().some(({ peerId }) => peerId === other.peerId))

export const loses = (node: LumosNode, other: LumosNode): Promise<void> =>
  until(node, 'peer.left', () => node.peers().every(({ peerId }) => peerId !== other.peerId))

/** Until this holds, for what no event tells of. */
export async function waitFor(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise(resolve => setTimeout(resolve, 20))
}
