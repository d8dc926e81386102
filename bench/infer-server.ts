/** The provider of `infer`: a node like any other. */

import { fileURLToPath } from 'node:url'
import { announce } from './harness.ts'
import { startNode } from './nodes.ts'

const node = await startNode({ 'models.directories': [fileURLToPath(new URL('../models', import.meta.url))] })

announce(node.mesh.invite().code)
