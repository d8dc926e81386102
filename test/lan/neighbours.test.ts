/** Several nodes on one device, and several meshes on one LAN. */

import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { it } from 'vitest'
import { Lab } from '../../lab/lab.ts'
import { meet, type Node, pair, startOn } from '../../lab/node.ts'
import { describeOnLan } from './lan.ts'

describeOnLan('two nodes on one device', () => {
  it('share it: the second takes the next free ports, says so, and both find each other', async () => {
    await using lab = await Lab.create()
    const lan = await lab.lan()
    const device = await lan.device('both')
    await using first = await startOn(device, 'first')
    await using second = await startOn(device, 'second')
    await pair(first, second)
    await meet(first, second)

    assert.deepEqual(portsOf(first), { swarm: 5867, gateway: 5866 })
    const ports = portsOf(second)
    assert.ok(ports.swarm > 5867 && ports.gateway > 5866)
    assert.equal(first.errors(), '')
    assert.match(second.errors(), new RegExp(`swarm port is taken.*${ports.swarm}`))
    assert.match(second.errors(), new RegExp(`gateway port is taken.*${ports.gateway}`))
  })
})

describeOnLan('two meshes on one LAN', () => {
  it('never list each other', async () => {
    await using lab = await Lab.create()
    const lan = await lab.lan()
    const env = { LUMOS_LOG__LEVEL: 'debug' }
    const start = async (name: string, mesh: string) =>
      startOn(await lan.device(name), name, { args: ['--mesh', mesh], env })
    await using a1 = await start('a1', 'a')
    await using b1 = await start('b1', 'b')
    await using a2 = await start('a2', 'a')
    await using b2 = await start('b2', 'b')
    await Promise.all([pair(a1, a2), pair(b1, b2)])
    await Promise.all([meet(a1, a2), meet(b1, b2)])
    // Without this they may just not have seen each other yet.
    await Promise.all([a1, a2, b1, b2].map(refusedSomebody))

    for (const [node, own] of [
      [a1, a2],
      [a2, a1],
      [b1, b2],
      [b2, b1]
    ] as const) {
      assert.deepEqual(await node.peers(), [own.peerId])
      const known = (await node.models()).flatMap(({ providers }) => providers.map(({ peer_id }) => peer_id))
      assert.deepEqual(new Set(known), new Set([node.peerId, own.peerId]))
    }
  })
})

function portsOf({ ready }: Node): { swarm: number; gateway: number } {
  const swarm = ready.addresses.map(address => Number(/\/tcp\/(\d+)/.exec(address)?.[1]))
  return { swarm: Math.max(...swarm), gateway: Number(new URL(ready.gateway).port) }
}

/** The log says that somebody of another mesh was turned away. */
async function refusedSomebody({ home, name }: Node): Promise<void> {
  const deadline = AbortSignal.timeout(15_000)
  for (;;) {
    const log = await readFile(join(home, 'logs', 'lumos.log'), 'utf8')
    if (log.includes('"code":"DENIED"')) return
    assert.ok(!deadline.aborted, `${name} turned nobody away`)
  }
}
