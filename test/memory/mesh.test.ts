import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { MemoryChange, MemoryChanged } from '../../interface/memory.ts'
import type { LumosNode } from '../../interface/node.ts'
import { meets, startNode } from '../node/mesh-nodes.ts'

type Node = Awaited<ReturnType<typeof startNode>>

let den: Node
let attic: Node
let shed: Node

const set = (key: string, value: string): MemoryChange[] => [{ type: 'set', key, value }]
const write = (node: LumosNode, space: string, key: string, value: string) =>
  node.memory.write(space, 'default', 'facts', set(key, value))
const has = async (node: LumosNode, space: string): Promise<boolean> =>
  (await node.memory.spaces()).some(({ id }) => id === space)

/** Asks until this holds: a space that is not here yet can be watched by nobody. */
async function eventually(holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise(resolve => setTimeout(resolve, 10))
}

const inStep = (one: LumosNode, other: LumosNode, space: string) =>
  eventually(async () => {
    const [a, b] = await Promise.all([one.memory.space(space), other.memory.space(space)])
    return a.hash === b.hash
  })

beforeAll(async () => {
  den = await startNode('den')
  attic = await startNode('attic', [den])
  shed = await startNode('shed', [den], { role: 'edge' })
  await Promise.all([meets(attic, den), meets(shed, den), meets(den, attic), meets(den, shed)])
}, 30_000)
afterAll(async () => {
  for (const node of [shed, attic, den]) await node[Symbol.asyncDispose]()
})

describe('a space that is shared', () => {
  it('comes to the device that it is shared with, and to no other', async () => {
    const { id } = await den.memory.create('plans')
    await write(den, 'plans', 'colour', 'green')
    await den.memory.share('plans', { peerId: attic.peerId }, 'write')
    await eventually(() => has(attic, id))
    await inStep(den, attic, id)
    expect(await attic.memory.get(id, 'default', 'colour')).toBe('green')
    expect(await shed.memory.spaces()).toEqual([])

    await write(attic, id, 'size', 'large')
    await inStep(den, attic, id)
    expect(await den.memory.get('plans', 'default', 'size')).toBe('large')
    await eventually(async () => (await den.memory.space(id)).peers.some(({ inStep }) => inStep))
    expect((await den.memory.space(id)).peers.map(({ peerId }) => peerId)).toEqual([attic.peerId])
  })
})
