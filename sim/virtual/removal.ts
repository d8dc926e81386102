/** An admin of a virtual mesh removes a device, as `lumos-node revoke` does. */

import type { World } from './world.ts'

/** The first node holds the root key, the second is an admin without it. */
const ROOT_HOLDER = 0

export function revokeAt(world: World, by: number, subject: number): void {
  const admin = world.nodes[by]!
  admin.run(life => {
    const revocation = world.identities.revocation(by === ROOT_HOLDER ? undefined : by, subject)
    if (!life.records.revoke(revocation)) return
    world.removed.add(subject)
    world.gossip.publish(life, revocation)
  })
}
