/**
 * How this node meets others: whom it dials, what follows a hello that both sides
 * accept, and what follows one that somebody refuses.
 */

import type { Connection } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'
import { type ErrorCode, type LumosError, RemoteError } from '../../interface/errors.ts'
import type { StoredMesh } from '../../storage/mesh/mesh-store.ts'
import { CLOCK_SKEW_NOTED_MS, isWithinLeeway } from '../membership/chain.ts'
import { type Greeted, HelloService } from '../membership/hello-service.ts'
import { Discovery } from '../network/discovery.ts'
import type { MeshLibp2p } from '../network/libp2p.ts'
import type { NearbyMeshes } from '../pairing/nearby-meshes.ts'
import type { NodeContext } from './context.ts'
import type { News } from './news.ts'
import type { Standing } from './standing.ts'

/** Only peers that this node dialed itself get in; a mesh has no more. */
const REFUSING_MAX = 1024

export interface MeetingsParts {
  readonly own: StoredMesh
  readonly libp2p: MeshLibp2p
  readonly standing: Standing
  readonly news: News
  /** Each feature takes the member up, in their order. */
  onMember(met: Greeted): Promise<void>
  readonly foreigners: NearbyMeshes
  /** Whether this node has dialed that peer for something else than to greet it. */
  isAsked(peerId: string): boolean
}

export interface Meetings {
  readonly discovery: Discovery
  readonly greeter: HelloService
  /** Members that say that this device was removed. Each may lie: it is not dialed again, and the user is told who says so. */
  readonly saidRemoved: ReadonlySet<string>
}

export function composeMeetings(ground: NodeContext, parts: MeetingsParts): Meetings {
  const { clock, random, log, network } = ground
  const { own, libp2p, standing, news, foreigners, isAsked } = parts
  const { members, guard, reception } = standing
  const saidRemoved = new Set<string>()
  /** Peers that refuse this device as removed: a dial more would only count against it there. */
  const refusing = new Set<string>()

  const discovery = new Discovery({
    libp2p,
    clock,
    random,
    log,
    addresses: network.dial,
    report: network.report,
    // A stranger of another mesh may have become a member of this one.
    wants: id =>
      (!foreigners.has(id) || members.get(id) !== undefined) && !refusing.has(id) && !saidRemoved.has(id)
  })
  const greeter = new HelloService({
    libp2p,
    clock,
    log,
    guard,
    terms: () => ({
      own: {
        version: 1,
        mesh: own.id,
        ...members.meshNaming,
        revocationsDigest: members.revocationsDigest
      },
      certificates: members.chain,
      manifest: news.announcer.current,
      judge: (id, certificates, hello) => reception.judge(id, certificates, hello)
    }),
    async onGreeted(greeted) {
      await greet(ground, parts, greeted)
      discovery.met(greeted.connection.remotePeer)
    },
    onRefused(connection, failure) {
      noteForeigner(ground, parts, connection, failure)
      noteOffence(standing, connection, failure)
      if (!(failure instanceof RemoteError)) return
      const id = connection.remotePeer.toString()
      const { revocation } = failure.details
      if (revocation instanceof Uint8Array) void news.revocations.learn(revocation, id)
      if (failure.code !== 'PEER_REVOKED') return
      if (connection.direction === 'outbound') refusing.add(id)
      if (refusing.size > REFUSING_MAX) refusing.delete(refusing.values().next().value!)
      if (!guard.isMember(id) || saidRemoved.has(id)) return
      saidRemoved.add(id)
      log.warn({ peerId: id, code: failure.code }, 'a member says that this device was removed from the mesh')
    },
    isAsked
  })
  return { discovery, greeter, saidRemoved }
}

/** Both sides accept each other: what each knows goes over. */
async function greet(
  ground: NodeContext,
  { standing: { members }, news, onMember }: MeetingsParts,
  met: Greeted
): Promise<void> {
  const { manifest, renewed } = met
  if (renewed.length > 0) {
    await members.renew(renewed)
    news.announcer.changed()
  }
  warnOfClocks(ground, members, manifest.manifest)
  await onMember(met)
}

function warnOfClocks(
  { clock, log }: NodeContext,
  members: Standing['members'],
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

/** A device of another mesh: this node may ask to join that one. */
function noteForeigner(
  { emit }: NodeContext,
  { own, foreigners }: MeetingsParts,
  { remotePeer, remoteAddr, direction }: Connection,
  { details: { meshId, meshName } }: LumosError
): void {
  if (typeof meshId !== 'string' || meshId === own.id || typeof meshName !== 'string') return
  const peerId = remotePeer.toString()
  if (direction === 'outbound') foreigners.saw({ peerId, addresses: [bareOf(remoteAddr)] })
  foreigners.parted(peerId, meshId, meshName)
  emit('mesh.seen', { peerId, meshId, mesh: meshName })
}

/** Only what this node has seen itself counts: a peer that refuses this node may know more than it does. */
function noteOffence(
  { forgers, loiterers, members }: Standing,
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

export const bareOf = (address: Multiaddr): string => address.toString().replace(/\/p2p\/[^/]+$/, '')
