/** What is given to `start` and counts for nothing: each says so, in a line. */

import type { NodeStatus } from '../interface/status.ts'
import type { StartOptions } from './invocation.ts'

export interface GivenNames {
  readonly name?: string
  readonly mesh?: string
}

/** One line for each name that the running node does not go by: a device has another one only while it has no mesh. */
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

/** One line where a node that runs already was given what it takes only when it starts. */
export function lateOptions({ port, gatewayPort, mdns, peer, echo }: StartOptions): string[] {
  const given = {
    '--port': port !== undefined,
    '--gateway-port': gatewayPort !== undefined,
    '--no-mdns': mdns === false,
    '--peer': peer !== undefined,
    '--echo': echo === true
  }
  const late = Object.entries(given).flatMap(([option, isGiven]) => (isGiven ? [option] : []))
  if (late.length === 0) return []
  const count = late.length === 1 ? 'counts' : 'count'
  return [
    `${late.join(', ')} ${count} when a node starts, and this one runs: lumos-node stop, then start it so.`
  ]
}
