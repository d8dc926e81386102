/** A node as simulations and tests drive it: it can be put into a mesh without being invited. */

import type { LumosNode } from '../interface/node.ts'
import { type MeshNodeOptions, type NodeHome, openNode } from '../node/create-node.ts'
import type { Grant } from '../node/membership/authority.ts'
import type { MeshLibp2p } from '../node/network/libp2p.ts'
import type { StoredMesh } from '../storage/mesh/mesh-store.ts'

export interface DrivenNode extends LumosNode {
  readonly home: NodeHome
  /** Make a device a member of this mesh: what it must hand to `enter`. Only admins can. */
  admit(grant: Grant): Promise<StoredMesh>
  enter(own: StoredMesh): Promise<void>
  /** Of the mesh that it is in now. */
  network(): { readonly libp2p: MeshLibp2p; readonly mesh: string }
}

export async function createDrivenNode(options?: MeshNodeOptions): Promise<DrivenNode> {
  const { node, home, switching } = await openNode(options)
  return Object.assign(node, {
    home,
    admit: ({ subject, role, name }: Grant) => switching.session.pairing.service.admit(subject, role, name),
    enter: (own: StoredMesh) => switching.enter(own),
    network: () => ({ libp2p: switching.session.libp2p, mesh: switching.session.members.mesh })
  })
}
