import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { systemClock } from '../../interface/clock.ts'
import type { LumosNode } from '../../interface/node.ts'
import { Cluster } from '../../sim/cluster.ts'
import { pause } from '../../sim/hostile/behaviour.ts'
import type { HostileKind } from '../../sim/hostile/kinds.ts'

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 })

/** A busy machine takes its time; what never comes fails here. */
const PATIENCE_MS = 25_000

let cluster: Cluster

beforeAll(async () => {
  cluster = await Cluster.create({ nodes: 3, seed: 1, acquaintances: 2 })
  cluster.watch(node =>
    node.events.addEventListener('manifest.updated', ({ detail: { peerId, sequence } }) => {
      numbers.set(peerId, sequence)
    })
  )
  await cluster.start(AbortSignal.timeout(PATIENCE_MS))
})
afterAll(async () => {
  await cluster[Symbol.asyncDispose]()
})

afterEach(async () => {
  await cluster.inflict({ kind: 'calm' })
  expect(cluster.hostiles).toEqual([])
  for (const { log } of cluster.hosts) log.codes.clear()
})

async function becomes(what: string, holds: () => boolean): Promise<void> {
  const signal = AbortSignal.timeout(PATIENCE_MS)
  while (!holds()) {
    expect(signal.aborted, `${what}: ${JSON.stringify(cluster.hosts.map(({ log }) => [...log.codes]))}`).toBe(
      false
    )
    await pause({ signal, clock: systemClock }, 20)
  }
}

const codes = () => new Set(cluster.hosts.flatMap(({ log }) => [...log.codes.keys()]))

const knows = (node: LumosNode, other: LumosNode): boolean =>
  node.peers().some(({ peerId }) => peerId === other.peerId)

/** The number of the newest manifest of each node that anybody was told of. */
const numbers = new Map<string, number>()
const manifests = (): Map<string, number> => new Map(numbers)

/** Each honest node is answered by each other one, with its own words. */
async function honestAreServed(): Promise<void> {
  for (const asker of cluster.nodes) {
    for (const other of cluster.nodes) {
      if (asker === other) continue
      const content = `from ${asker.name} to ${other.name}`
      const request = { model: 'echo', input: { messages: [{ role: 'user', content }] } }
      const chunks = await Array.fromAsync(asker.infer(request, { peer: other.peerId }))
      expect(chunks.map(chunk => (chunk.type === 'text' ? chunk.text : '')).join('')).toBe(content)
    }
  }
}

describe('a hostile peer', () => {
  /** What its victims say of it when they have noticed; some harm is ignored without a word. */
  it.each<[HostileKind, harm: number, noticed: string[]]>([
    ['replayer', 5, []],
    ['equivocator', 1, ['MANIFEST_EQUIVOCATED']],
    ['slowloris', 5, []],
    ['corruptor', 5, ['PROTOCOL_VIOLATION']],
    ['poisoner', 0, ['MANIFEST_INVALID', 'MANIFEST_FORGED', 'CERTIFICATE_INVALID', 'CERTIFICATE_FORGED']],
    ['flooder', 1, ['PEER_BANNED']]
  ])(
    'that is a member and a %s does no harm to the honest',
    async (behaviour, harm, noticed) => {
      const before = manifests()
      await cluster.inflict({ kind: 'hostile', behaviour, by: 0, victims: 'all' })
      await becomes(`${behaviour} attacks`, () => cluster.hostiles[0]!.harm >= harm)
      if (noticed.length > 0) await becomes('it is noticed', () => noticed.some(code => codes().has(code)))
      await becomes('the honest know each other', () =>
        cluster.nodes.every(node => cluster.nodes.every(other => other === node || knows(node, other)))
      )
      await honestAreServed()
      const after = manifests()
      for (const [peerId, number] of before) expect(after.get(peerId)).toBeGreaterThanOrEqual(number)
    },
    60_000
  )

  it('that lies is listed, and answers nothing that it was not asked', async () => {
    await cluster.inflict({ kind: 'hostile', behaviour: 'liar', by: 0, victims: 'all' })
    const { peerId } = cluster.hostiles[0]!
    await becomes('the liar is believed', () =>
      cluster.nodes.every(node =>
        node.models().some(({ providers }) => providers.some(provider => provider.peerId === peerId))
      )
    )
    await honestAreServed()
  })

  it('without a certificate of the mesh is not let in', async () => {
    await cluster.inflict({ kind: 'hostile', behaviour: 'liar', victims: 'all' })
    await becomes('it is refused', () => codes().has('CERTIFICATE_INVALID') || codes().has('PEER_NOT_MEMBER'))
    const { peerId } = cluster.hostiles[0]!
    await honestAreServed()
    for (const node of cluster.nodes) {
      expect(node.models().some(({ providers }) => providers.some(p => p.peerId === peerId))).toBe(false)
    }
  })
})
