/** Whole nodes, out of sight of any other on this network. */

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { LumosNode } from '../interface/node.ts'
import { createLumosNode, type MeshNodeOptions } from '../node/create-node.ts'

/** Its home is gone when this process ends. */
export async function startNode(
  settings: Readonly<Record<string, unknown>>,
  models: MeshNodeOptions['models'] = []
): Promise<LumosNode> {
  const home = mkdtempSync(join(tmpdir(), 'lumos-bench-'))
  process.on('exit', () => rmSync(home, { recursive: true, force: true }))
  const node = await createLumosNode({
    home,
    models,
    settings: {
      'mesh.name': 'bench',
      'swarm.host': '127.0.0.1',
      'swarm.port': 0,
      'swarm.mdns': false,
      'models.builtin': false,
      // Else it yields to what asks it.
      'serving.yield': 'never',
      ...settings
    }
  })
  await node.start()
  return node
}

/** Resolves when `node` knows who offers the model. */
export async function knowsModel(node: LumosNode, id: string): Promise<void> {
  while (!node.models().some(({ model }) => model === id)) {
    await new Promise<void>(resolve =>
      node.events.addEventListener('manifest.updated', () => resolve(), { once: true })
    )
  }
}
