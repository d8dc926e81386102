/**
 * `node examples/shared-memory.ts`: an agent on two devices, which keeps what it learns in one space. Both devices are nodes
 * in this process here; elsewhere each has its own.
 */

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { LumosNode } from '../interface/node.ts'
import { createLumosNode } from '../node/create-node.ts'

const homes = await mkdtemp(join(tmpdir(), 'lumos-memory-'))
const signal = AbortSignal.timeout(60_000)

async function startNode(name: string): Promise<LumosNode> {
  const apart = { 'mesh.name': 'memory', 'swarm.host': '127.0.0.1', 'swarm.port': 0, 'swarm.mdns': false }
  const node = await createLumosNode({ home: join(homes, name), settings: { name, ...apart } })
  await node.start()
  return node
}

/** The agent keeps a fact, and what it did. Each call is on disk when it returns, with or without other devices. */
async function learn(node: LumosNode, space: string, key: string, value: string): Promise<void> {
  await node.memory.write(space, 'default', 'facts', [{ type: 'set', key, value }], { signal })
  const entry = `${node.name} has learnt ${key}`
  await node.memory.write(space, 'log', 'journal', [{ type: 'append', value: entry }], { signal })
}

/** A space that another device shares comes by itself. */
async function arrived(node: LumosNode, space: string, hash: string | null): Promise<void> {
  while (!(await node.memory.spaces({ signal })).some(one => one.id === space && one.hash === hash))
    await new Promise(resolve => setTimeout(resolve, 100))
}

try {
  await using desk = await startNode('desk')
  await using phone = await startNode('phone')
  await phone.mesh.join(desk.mesh.invite().code)

  const { id } = await desk.memory.create('agent', { signal })
  await learn(desk, id, 'tea', 'green, without milk')
  const { hash } = await desk.memory.space(id, { signal })
  await desk.memory.share(id, { peerId: phone.peerId }, 'write', { signal })
  await arrived(phone, id, hash)

  await learn(phone, id, 'desk', 'the one by the window')
  await arrived(desk, id, (await phone.memory.space(id, { signal })).hash)
  for (const doc of ['default', 'log']) {
    const content = await desk.memory.read(id, doc, { signal })
    if (content.kind === 'facts') for (const fact of Object.entries(content.facts)) console.log(...fact)
    if (content.kind === 'journal') for (const { value } of content.entries) console.log(value)
  }
} finally {
  await rm(homes, { recursive: true, force: true })
}
// Libraries leave timers of a second behind; nothing of ours is under way.
process.exit()
