/**
 * `/lumos/join/1`: how a device that is no member becomes one. With a code:
 *
 *     dialer    redeem     {version, name, invite, proof}
 *     listener  grant      {mesh, meshName, meshNamedAtMs, chain}
 *
 * Without one, for a person at the listener to decide. Neither side can choose its
 * nonce by the other's, so no device in between steers the phrase that is made
 * of both. Asked again, the listener gives the same nonce again: a dialer
 * that gets another one reveals nothing more and begins with a new nonce of its own.
 *
 *     dialer    ask        {version, name, commitment}
 *     listener  challenge  {mesh, meshName, nonce}
 *     dialer    reveal     {nonce}
 *     listener  grant, or pending: ask again soon
 *
 * In place of any of its frames the listener may send `refuse`, an error.
 */

import { createHash } from 'node:crypto'
import * as z from 'zod'
import { CHAIN_LENGTH_MAX, PeerIdText } from '../../interface/membership.ts'
import { DeviceName, WireName } from '../../interface/names.ts'

/** Ids of the protocol, the newest first: both sides offer all of them, and libp2p takes the first that both know. */
export const JOIN_PROTOCOL = ['/lumos/join/1']
export const FRAME = { redeem: 1, grant: 2, ask: 3, challenge: 4, reveal: 5, pending: 6, refuse: 7 } as const

export const NONCE_BYTES = 32
const bytes = (count?: number) =>
  z.custom<Uint8Array>(
    value => value instanceof Uint8Array && (count ?? value.byteLength) === value.byteLength
  )
const Bytes32 = bytes(NONCE_BYTES)

export const Redeem = z.object({
  version: z.literal(1),
  /** What the device wants to be called. */
  name: DeviceName,
  /** Which invitation: made from the secret, and tells nothing about it. */
  invite: z.string().regex(/^[0-9a-f]{16}$/),
  /** That the dialer knows the secret. */
  proof: Bytes32
})
export type Redeem = z.infer<typeof Redeem>

export const Grant = z.object({
  mesh: PeerIdText,
  meshName: WireName,
  meshNamedAtMs: z.int().min(0),
  chain: z.array(bytes()).min(1).max(CHAIN_LENGTH_MAX)
})
export type Grant = z.infer<typeof Grant>

export const Ask = z.object({
  version: z.literal(1),
  name: DeviceName,
  /** To the nonce that comes with `reveal`. */
  commitment: Bytes32
})
export type Ask = z.infer<typeof Ask>

export const Challenge = z.object({ mesh: PeerIdText, meshName: WireName, nonce: Bytes32 })
export type Challenge = z.infer<typeof Challenge>

export const Reveal = z.object({ nonce: Bytes32 })

export const commitmentTo = (nonce: Uint8Array): Uint8Array =>
  createHash('sha256').update('lumos/join/nonce').update(nonce).digest()
