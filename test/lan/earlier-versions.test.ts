/** Discovery between this version and earlier ones, which use the sockets of `@libp2p/mdns`. */

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { it } from 'vitest'
import type { DiscoveryReport } from '../../interface/discovery.ts'
import { Lab } from '../../lab/lab.ts'
import { startOn } from '../../lab/node.ts'
import { describeOnLan } from './lan.ts'

const LIBRARY = fileURLToPath(new URL('../fixtures/library-mdns.ts', import.meta.url))
const FOUND_MS_MAX = 10_000

describeOnLan('a node and the discovery of an earlier version', () => {
  it('find each other', async () => {
    await using lab = await Lab.create()
    const lan = await lab.lan()
    const device = await lan.device('earlier')
    await using node = await startOn(await lan.device('present'), 'present')
    const [command, ...args] = [...device.through, process.execPath, LIBRARY, device.address]
    const child = spawn(command!, args, { stdio: ['ignore', 'pipe', 'inherit'] })
    const deadline = AbortSignal.timeout(FOUND_MS_MAX)
    const lines = createInterface({ input: child.stdout, signal: deadline })[Symbol.asyncIterator]()
    const next = async () => JSON.parse((await lines.next()).value!) as { id: string; addresses: string[] }

    const { id } = await next()
    const found = await next()
    assert.equal(found.id, node.peerId)
    assert.ok(found.addresses.some(address => address.startsWith('/ip4/10.77.')))
    for (;;) {
      const { data } = await node.client.execute<DiscoveryReport>('mesh.discovery')
      const sighting = data.sightings.find(({ peer_id }) => peer_id === id)
      if (sighting?.address === `/ip4/${device.address}/tcp/5867`) break
      assert.ok(!deadline.aborted, 'this version sights the earlier one')
    }
    child.kill()
  })
})
