/** The other device of `memory`: it keeps a space, answers each edit with one of its own, and shares what it is asked to. */

import { announce } from './harness.ts'
import { append, EDITS, fill, LOG, set } from './memory-space.ts'
import { startNode } from './nodes.ts'

const node = await startNode({})
const { id: edits } = await node.memory.create(EDITS)
await node.memory.share(edits, { role: 'member' }, 'write')

const answering = async (): Promise<void> => {
  for await (const { keys } of node.memory.watch(edits, { doc: 'there' }))
    for (const key of keys ?? []) await set(node, edits, 'back', key)
}
void answering()

announce(edits, {
  invite: () => node.mesh.invite().code,
  /** A journal of so many entries, each written by itself. */
  async fill(count: number) {
    const { id } = await node.memory.create(`${LOG}-${count}`)
    await fill(count, n => append(node, id, [n]))
    return id
  },
  share: ({ space, peerId }: { space: string; peerId: string }) =>
    node.memory.share(space, { peerId }, 'read').then(() => undefined)
})
