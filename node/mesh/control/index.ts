/** The mesh of a node as its user meets it, `node.mesh`. */

import type { LumosMesh } from '../../../interface/mesh.ts'
import { type ControlComponents, MeshChanges } from './changes.ts'
import { JoiningControl } from './joining.ts'
import { MembershipControl } from './membership.ts'
import { RootKeyControl } from './root-key.ts'

export function createMeshControl(components: ControlComponents): LumosMesh {
  const changes = new MeshChanges(components)
  const membership = new MembershipControl(changes)
  const joining = new JoiningControl(changes)
  const rootKey = new RootKeyControl(changes)
  return {
    info: () => membership.info(),
    members: () => membership.members(),
    member: peer => membership.member(peer),
    revoke: peer => membership.revoke(peer),
    promote: peer => membership.promote(peer),
    rename: name => membership.rename(name),
    renameDevice: name => membership.renameDevice(name),

    invite: options => joining.invite(options),
    join: (code, options) => joining.join(code, options),
    nearby: () => joining.nearby(),
    joinNearby: options => joining.joinNearby(options),
    listen: () => joining.listen(),
    requests: () => joining.requests(),
    approve: (peer, options) => joining.approve(peer, options),
    deny: peer => joining.deny(peer),
    async leave(options) {
      await joining.leave(options)
      return membership.info()
    },

    exportRoot: options => rootKey.exportRoot(options),
    async importRoot(text) {
      await rootKey.importRoot(text)
      return membership.info()
    }
  }
}
