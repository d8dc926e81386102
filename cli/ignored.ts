/** Settings that count only while a device has no mesh: what is given later says that it is ignored. */

import type { NodeStatus } from '../interface/status.ts'

export interface GivenNames {
  readonly name?: string
  readonly mesh?: string
}

/** One line for each name that the running node does not go by. */
export function ignoredNames(given: GivenNames, node: Pick<NodeStatus, 'name' | 'mesh'>): string[] {
  const lines: string[] = []
  if (given.mesh !== undefined && given.mesh !== node.mesh) {
    lines.push(
      `The mesh name "${given.mesh}" is ignored: this device is a member of "${node.mesh}". ` +
        `An admin renames the mesh: lumos-node mesh rename ${given.mesh}`
    )
  }
  if (given.name !== undefined && given.name !== node.name) {
    lines.push(
      `The device name "${given.name}" is ignored: this device is a member of "${node.mesh}" as "${node.name}". ` +
        `To rename it: lumos-node rename ${given.name}`
    )
  }
  return lines
}
