/** How devices come in: invitations, requests, and meshes that are near. */

export { parseInviteCode } from './invite-code.ts'
export { checkGrant, deviceRemoved, type PeerAddress } from './join-client.ts'
export { composePairing, type MeshPairing, sightingOf } from './mesh-pairing.ts'
export { askNearby } from './nearby-asking.ts'
export { meshesOf, NearbyMeshes } from './nearby-meshes.ts'
