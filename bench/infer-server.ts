/** The provider of `infer`: a node like any other. */

import { announce } from './harness.ts'
import { startNode } from './nodes.ts'

const node = await startNode({ 'models.builtin': true })

announce(node.mesh.invite().code)
