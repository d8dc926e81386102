/** `/lumos/hello/1`: what two peers say first, each to the other, on every new connection. */

import * as z from 'zod'
import { CHAIN_LENGTH_MAX } from '../../interface/membership.ts'
import { DeviceName, WireName } from '../../interface/names.ts'

/** Ids of the protocol, the newest first: both sides offer all of them, and libp2p takes the first that both know. */
export const HELLO_PROTOCOL = ['/lumos/hello/1']

export const FRAME = {
  /** Both: which mesh. The only frame that a stranger gets to see. */
  hello: 1,
  /** Both: that they are members of it. */
  certificates: 2,
  /** Both: the other one is a member here from now on. */
  accept: 3,
  /** Both, to whom they accept: their manifest, raw. */
  manifest: 4,
  /** Either: the other one is not accepted, and why. */
  refuse: 5,
  /** After `refuse`: the revocation that it is due to, for a device that may not have heard of it. */
  proof: 6
} as const

export const Hello = z.object({
  version: z.literal(1),
  /** Id of the sender's mesh: peers of two meshes on one LAN part here. */
  mesh: z.string().min(1).max(128),
  /** What the mesh is called and since when; believed of admins only. */
  meshName: WireName,
  meshNamedAtMs: z.int().min(0),
  /** Of the set of revocations that the sender holds: a peer with another set asks for it. */
  revocationsDigest: z.string().max(64),
  /** What the sender asks an admin to call it. Absent unless its user renames it. */
  wantedName: DeviceName.optional().catch(undefined)
})
export type Hello = z.infer<typeof Hello>

/** A certificate, and that of the admin who issued it. */
const Chain = z.array(z.instanceof(Uint8Array)).max(CHAIN_LENGTH_MAX)

export const Certificates = z.object({ chain: Chain })

export const Accept = z.object({
  /** Fresh certificates for the receiver. */
  renewed: Chain
})
