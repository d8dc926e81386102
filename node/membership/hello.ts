/** What follows a hello that both sides accept, and one that is refused. */

import type { Connection } from '@libp2p/interface'
import { type ErrorCode, type LumosError, RemoteError } from '../../interface/errors.ts'
import type { SignedManifest } from '../../interface/manifest.ts'
import type { Membership } from '../../interface/membership.ts'
import type { NodeParts } from '../feature.ts'
import type { MeshLibp2p } from '../network/libp2p.ts'
import { CLOCK_SKEW_NOTED_MS, isWithinLeeway } from './chain.ts'
import { type AcceptedPeer, HelloService } from './hello-service.ts'
import type { MeshMembership } from './mesh-membership.ts'
import type { RevocationSync } from './revocation-sync.ts'

/** Only peers that this node dialed itself get in; a mesh has no more. */
const REFUSING_MAX = 1024

export interface MeshHelloParts {
  readonly mesh: string
  readonly libp2p: MeshLibp2p
  readonly membership: MeshMembership
  readonly revocations: RevocationSync
  /** What this node says of itself. */
  manifest(): SignedManifest
  /** This node has other certificates. */
  onRenewed(): void
  /** Both sides accept each other. */
  onMember(met: AcceptedPeer): Promise<void>
  /** The peer is of another mesh. */
  onForeigner(connection: Connection, meshId: string, meshName: string): void
  /** Whether this node has dialed that peer for something else than to say hello. */
  isAsked(peerId: string): boolean
}

export interface MeshHello {
  readonly service: HelloService
  /** Members that say that this device was removed. Each may lie: it is not dialed again, and the user sees its name. */
  readonly saidRemoved: ReadonlySet<string>
  /** Whether that peer says that this device was removed: a dial more would only count against it there. */
  refuses(peerId: string): boolean
  /** Says hello to the admins once more, with the wish for this name, until one has signed it. */
  askForName(name: string): Promise<void>
}

export function composeHello(node: NodeParts, parts: MeshHelloParts): MeshHello {
  const { mesh, libp2p, membership, revocations } = parts
  const { members, guard, check } = membership
  const { clock, log } = node
  const saidRemoved = new Set<string>()
  const refusing = new Set<string>()
  /** What this node asks one admin for. */
  let wish: { readonly admin: string; readonly name: string } | undefined
  const service = new HelloService({
    libp2p,
    clock,
    log,
    guard,
    terms: peerId => ({
      own: {
        version: 1,
        mesh,
        ...members.own.naming,
        revocationsDigest: members.revocationsDigest,
        wantedName: wish?.admin === peerId ? wish.name : undefined
      },
      certificates: members.own.chain,
      manifest: parts.manifest(),
      judge: (id, certificates, hello) => check.judge(id, certificates, hello)
    }),
    onAccepted: met => takeUp(node, parts, met),
    onRefused(connection, failure) {
      noteForeigner(parts, connection, failure)
      noteOffence(membership, connection, failure)
      if (!(failure instanceof RemoteError)) return
      const id = connection.remotePeer.toString()
      const { revocation } = failure.details
      if (revocation instanceof Uint8Array) void revocations.learn(revocation, id)
      if (failure.code !== 'PEER_REVOKED') return
      if (connection.direction === 'outbound') refusing.add(id)
      if (refusing.size > REFUSING_MAX) refusing.delete(refusing.values().next().value!)
      if (!guard.isMember(id) || saidRemoved.has(id)) return
      saidRemoved.add(id)
      log.warn({ peerId: id, code: failure.code }, 'a member says that this device was removed from the mesh')
    },
    isAsked: id => parts.isAsked(id)
  })
  return {
    service,
    saidRemoved,
    refuses: id => refusing.has(id) || saidRemoved.has(id),
    async askForName(name) {
      const own = members.lastKnown(node.peerId)
      try {
        // One after another, because two admins may give two names.
        for (const admin of adminsFor(own, members)) {
          wish = { admin, name }
          await service.sayHello(admin)
          if (members.lastKnown(node.peerId)?.name !== own?.name) return
        }
      } finally {
        wish = undefined
      }
    }
  }
}

/** First the admin that let this node in, which knows it. */
function adminsFor(own: Membership | undefined, members: MeshMembership['members']): string[] {
  const admins = members.list().filter(({ peerId, role }) => role === 'admin' && peerId !== own?.peerId)
  const isIssuer = ({ peerId }: Membership) => Number(peerId === own?.issuer)
  return admins.sort((a, b) => isIssuer(b) - isIssuer(a)).map(({ peerId }) => peerId)
}

/** Both sides accept each other: the node takes its new certificates, and the features their member. */
async function takeUp(
  node: NodeParts,
  { membership: { members }, onRenewed, onMember }: MeshHelloParts,
  met: AcceptedPeer
): Promise<void> {
  const { manifest, renewed } = met
  if (renewed.length > 0) {
    await members.renew(renewed).then(onRenewed, (err: unknown) => {
      // By a clock that is behind, a certificate of today has not begun.
      node.log.warn({ peerId: manifest.manifest.peerId, err }, 'a fresh certificate does not count here')
    })
  }
  warnOfClocks(node, members, manifest.manifest)
  await onMember(met)
}

function warnOfClocks(
  { clock, log }: NodeParts,
  members: MeshMembership['members'],
  { peerId, issuedAtMs }: { peerId: string; issuedAtMs: number }
): void {
  const skewMs = issuedAtMs - clock.wallMs()
  if (Math.abs(skewMs) > CLOCK_SKEW_NOTED_MS) {
    log.warn({ peerId, skewMs: Math.round(skewMs) }, 'two clocks disagree; set one of them')
  }
  const membership = members.get(peerId)
  if (membership && isWithinLeeway(membership, clock.wallMs())) {
    log.warn(
      { peerId, notAfterMs: membership.notAfterMs, code: 'CERTIFICATE_EXPIRED' },
      'a certificate has ended or not begun, and counts for ten minutes more: set the clocks, or reach an admin'
    )
  }
}

function noteForeigner(
  { mesh, onForeigner }: MeshHelloParts,
  connection: Connection,
  failure: LumosError
): void {
  const { meshId, meshName } = failure.details
  if (typeof meshId !== 'string' || meshId === mesh || typeof meshName !== 'string') return
  onForeigner(connection, meshId, meshName)
}

/** Only what this node has seen itself counts: a peer that refuses this node may know more than it does. */
function noteOffence(
  { forgers, loiterers, members }: MeshMembership,
  { remotePeer, direction }: Connection,
  failure: LumosError
): void {
  const peerId = remotePeer.toString()
  const remote = failure instanceof RemoteError
  if (!remote && FORGED.has(failure.code)) forgers.strike(peerId)
  // This node has dialed it.
  if (remote && direction === 'outbound') return
  // The admin that let it in was removed, and another one renews its certificate.
  if (members.orphan(peerId) !== undefined) return
  if (!BLAMELESS.has(failure.code)) loiterers.strike(peerId)
}

/** A signature is wrong, or another peer's is shown as its own. All else may be due to what one side does not know yet. */
const FORGED: ReadonlySet<ErrorCode> = new Set(['MANIFEST_FORGED', 'CERTIFICATE_FORGED'])
/** A device whose certificate ran out is invited again; one whose connection broke did nothing wrong. */
const BLAMELESS: ReadonlySet<ErrorCode> = new Set(['CERTIFICATE_EXPIRED', 'PEER_UNREACHABLE'])
