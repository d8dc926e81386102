import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { DrivenNode } from '../../sim/driven-node.ts'
import { HostilePeer } from '../node/hostile-peer.ts'
import { startNode, until } from '../node/mesh-nodes.ts'

/** Gossip scores peers by address and by default silences all of more than ten behind one. */
const MEMBERS = 20
/** Scores are computed once a second, and a low one counts from then on. */
const SCORED_MS = 2500

describe('twenty members behind one address', () => {
  const nodes: DrivenNode[] = []

  beforeAll(async () => {
    const settings = { 'engines.echo': true, 'swarm.dht': false }
    const founder = await startNode('member-0', [], { settings })
    nodes.push(founder)
    for (let i = 1; i < MEMBERS; i++) nodes.push(await startNode(`member-${i}`, [founder], { settings }))
  }, 60_000)
  afterAll(() => Promise.all(nodes.map(node => node.stop({ drainMs: 0 }))))

  it('exchange all their manifests', async () => {
    const beganMs = performance.now()
    const known = (node: DrivenNode) =>
      node.models().find(({ task }) => task === 'tensor')?.providers.length ?? 0
    await Promise.all(nodes.map(node => until(node, 'manifest.updated', () => known(node) === MEMBERS)))
    console.log(
      `${MEMBERS} members, ${MEMBERS ** 2} manifests known, ${Math.round(performance.now() - beganMs)} ms after the last started`
    )
    expect(nodes.map(known)).toEqual(Array.from({ length: MEMBERS }, () => MEMBERS))
  }, 60_000)
})

describe('gossip of twenty members behind one address', () => {
  it('reaches the one that all are connected to', async () => {
    await using node = await startNode('hub')
    const members = await Promise.all(Array.from({ length: MEMBERS }, () => HostilePeer.member(node)))
    try {
      for (const member of members) {
        await member.hello(await member.dial(node), await member.sealed({ capabilities: [] }))
        // Nobody answers pulls here: what comes, comes by gossip.
        await member.gossip(count => member.sealed({ sequence: 1 + count, capabilities: [] }))
      }
      await new Promise(resolve => setTimeout(resolve, SCORED_MS))

      const heard = new Set<string>()
      const all = until(node, 'manifest.updated', data => {
        if (data !== undefined && data.sequence >= 1_000_000) heard.add(data.peerId)
        return heard.size === MEMBERS
      })
      for (const member of members) {
        await member.gossip(count => member.sealed({ sequence: 1_000_000 + count, capabilities: [] }))
      }
      await all
      expect(heard.size).toBe(MEMBERS)
    } finally {
      await Promise.all(members.map(member => member[Symbol.asyncDispose]()))
    }
  }, 60_000)
})
