/** What the core of `members-core.ts` remembers, what it is told, and what it asks for. */

import type { LumosError } from '../../interface/errors.ts'
import type { Certificate, Membership } from '../../interface/membership.ts'
import { newRemovals, type ProvenRevocation, type Removals } from './removals.ts'

/** A certificate and, unless the root signed it, that of its issuer, as the bytes that prove it to others. */
export type Chain = readonly Uint8Array[]

interface Known {
  readonly membership: Membership
  readonly chain: Chain
}

export interface MembersState {
  /** Id of the mesh. */
  readonly mesh: string
  readonly known: Map<string, Known>
  /** Rows of `known` by who issued their certificate. */
  readonly letIn: Map<string, number>
  readonly removals: Removals
}

export type MembersEvent =
  /** The peer showed this chain; `certificates` is what it says. */
  | {
      readonly type: 'admit'
      readonly peerId: string
      readonly certificates: readonly Certificate[]
      readonly chain: Chain
    }
  | { readonly type: 'member-stored'; readonly membership: Membership; readonly chain: Chain }
  /** `revoker` is what the issuer's certificate says. */
  | {
      readonly type: 'revoke'
      readonly revocation: ProvenRevocation
      readonly revoker: Certificate | undefined
    }
  | { readonly type: 'revocation-stored'; readonly revocation: ProvenRevocation }
  /** Rows whose device cannot come back with them are of no more use. */
  | { readonly type: 'tidy' }

export type MembersEffect =
  | { readonly type: 'refuse'; readonly failure: LumosError }
  /** The peer is a member, and nothing about it is new. */
  | { readonly type: 'admitted'; readonly membership: Membership }
  | { readonly type: 'store-member'; readonly membership: Membership; readonly chain: Chain }
  | { readonly type: 'joined'; readonly membership: Membership }
  | { readonly type: 'forget-member'; readonly peerId: string }
  | { readonly type: 'store-revocation'; readonly revocation: ProvenRevocation }
  /** Another one took its place. */
  | { readonly type: 'forget-revocation'; readonly hash: string }
  /** The admin has used up its room, which no person does. */
  | { readonly type: 'room-full'; readonly peerId: string; readonly room: 'members' | 'revocations' }
  /** Whatever the peer has open with us must end now. */
  | { readonly type: 'cut-off'; readonly peerId: string }
  | { readonly type: 'removed'; readonly peerId: string; readonly name: string | undefined }

export const newMembers = (mesh: string): MembersState => ({
  mesh,
  known: new Map(),
  letIn: new Map(),
  removals: newRemovals(mesh)
})
