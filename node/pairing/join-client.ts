/** The other side of a pairing: dials a member of the mesh that this node wants to enter, and asks. */

import type { Connection } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import { multiaddr } from '@multiformats/multiaddr'
import type { Clock } from '../../interface/clock.ts'
import {
  LumosError,
  PeerUnreachableError,
  ProtocolViolationError,
  RemoteError,
  TimeoutError
} from '../../interface/errors.ts'
import type { Certificate, Membership } from '../../interface/membership.ts'
import type { Challenge, Grant } from '../../protocols/join/index.ts'
import { askToJoin, JOIN_PROTOCOL, redeemInvite } from '../../protocols/join/index.ts'
import { openCertificate } from '../../protocols/membership/index.ts'
import { checkChain } from '../membership/index.ts'
import { Deadline, pause } from '../network/deadline.ts'
import { DIAL_TIMEOUT_MS, HANDSHAKE_TIMEOUT_MS, type MeshLibp2p } from '../network/libp2p.ts'
import { DialFailedError } from '../network/staggered-dial.ts'
import type { InviteCode } from './invite-code.ts'
import { JOIN_TIMEOUT_MS } from './join-service.ts'
import { checkPhrase, inviteId, inviteKey, joinProof, type Pair } from './pairing-secret.ts'

/** Half of the attempts fail on the worst link that this mesh is of use on (docs/lab.md): of three, one in eight does. */
const TRIES_MAX = 3

/** A listener that strangers crowd has room again at once. More tries than these, some five seconds, are of no use. */
const OVERLOADED_TRIES_MAX = 20
const OVERLOADED_PAUSE_MS = 250

/** As many as a person compares. The likeliest are first. */
const ADDRESSES_NAMED_MAX = 2

export interface JoinerComponents {
  readonly libp2p: MeshLibp2p
  readonly clock: Clock
  /** This node. */
  readonly peerId: string
}

/** Where a peer is. */
export interface PeerAddress {
  readonly peerId: string
  /** Multiaddrs without the PeerId; none when only libp2p knows. */
  readonly addresses: readonly string[]
}

export class JoinClient {
  /** Peers that are dialed to be asked: a hello would end the connection. */
  readonly asked = new Set<string>()
  readonly #components: JoinerComponents

  constructor(components: JoinerComponents) {
    this.#components = components
  }

  /** @throws {LumosError} `INVITE_INVALID`, `INVITE_USED`, `INVITE_EXPIRED` or `PEER_UNREACHABLE`. */
  async redeem(
    { mesh, inviter, secret, addresses, expiresAtMs }: InviteCode,
    name: string,
    signal: AbortSignal
  ): Promise<{ grant: Grant; phrase: string }> {
    const pair: Pair = { mesh, inviter, joiner: this.#components.peerId }
    const key = inviteKey(secret)
    const redeem = { version: 1 as const, name, invite: inviteId(secret), proof: joinProof(key, pair) }
    const door = { peerId: inviter, addresses }
    const attempt = () =>
      this.#at(door, signal, (connection, options) =>
        connection.newStream(JOIN_PROTOCOL, options).then(stream => redeemInvite(stream, redeem, options))
      )
    const grant = await this.#persistently(() => this.#patiently(attempt, signal)).catch(thrown => {
      // Only the inviter's clock decides; by our own it is just the likeliest reason why the port is closed.
      throw isClosed(thrown) && this.#components.clock.wallMs() > expiresAtMs ? inviteExpired(thrown) : thrown
    })
    return { grant, phrase: checkPhrase(key, pair) }
  }

  /** @returns nothing while no person has decided. */
  ask(
    door: PeerAddress,
    question: { name: string; nonce: Uint8Array; onChallenge(challenge: Challenge): void },
    signal: AbortSignal
  ): Promise<Grant | undefined> {
    return this.#at(door, signal, (connection, options) =>
      connection.newStream(JOIN_PROTOCOL, options).then(stream => askToJoin(stream, question, options))
    )
  }

  /** A listener that has no place just now, or took the one this device had, is asked again. */
  async #patiently<T>(attempt: () => Promise<T>, signal: AbortSignal): Promise<T> {
    for (let tries = 1; ; tries++) {
      try {
        return await attempt()
      } catch (thrown) {
        const isOverloaded = thrown instanceof RemoteError && thrown.code === 'OVERLOADED'
        if (!isOverloaded || tries === OVERLOADED_TRIES_MAX) throw thrown
        await pause(this.#components.clock, OVERLOADED_PAUSE_MS, signal)
      }
    }
  }

  /**
   * A bad link needs more time for a handshake than the other side gives it, every other time. A device that refuses
   * ends within a round trip, and one that is not there takes no connection: an end between the two is a broken link.
   */
  async #persistently<T>(attempt: () => Promise<T>): Promise<T> {
    const { clock } = this.#components
    for (let tries = 1; ; tries++) {
      const beganMs = clock.monotonicMs()
      try {
        return await attempt()
      } catch (thrown) {
        const tookMs = clock.monotonicMs() - beganMs
        const broke = isClosed(thrown) || (isUnreachable(thrown) && tookMs < DIAL_TIMEOUT_MS)
        if (tookMs < HANDSHAKE_TIMEOUT_MS || !broke || isSilent(thrown)) throw thrown
        if (tries === TRIES_MAX) throw brokenDown(thrown)
      }
    }
  }

  async #at<T>(
    { peerId, addresses }: PeerAddress,
    signal: AbortSignal,
    talk: (connection: Connection, options: { signal: AbortSignal }) => Promise<T>
  ): Promise<T> {
    const { libp2p, clock } = this.#components
    const to = addresses.map(address => multiaddr(`${address}/p2p/${peerId}`))
    using deadline = new Deadline(clock, JOIN_TIMEOUT_MS, signal)
    this.asked.add(peerId)
    let connection: Connection | undefined
    try {
      // A connection that is open already is one on which a hello was said.
      connection = await libp2p.dial(to.length > 0 ? to : peerIdFromString(peerId), {
        signal: deadline.signal,
        force: true
      })
      return await talk(connection, { signal: deadline.signal })
    } catch (thrown) {
      if (thrown instanceof DialFailedError && thrown.isSilent) throw silent(addresses, thrown)
      throw explained(thrown, signal, connection !== undefined)
    } finally {
      this.asked.delete(peerId)
      await connection?.close().catch(() => connection?.abort(new Error('The pairing is over.')))
    }
  }
}

/** @throws {LumosError} `CERTIFICATE_INVALID` or `CERTIFICATE_EXPIRED` unless the grant makes this node a member. */
export async function checkGrant(
  grant: Grant,
  mesh: string,
  peerId: string,
  clock: Clock
): Promise<Membership> {
  const chain: Certificate[] = []
  for (const certificate of grant.chain) chain.push((await openCertificate(certificate)).value)
  return checkChain(chain, { mesh, subject: peerId, wallMs: clock.wallMs(), isRevoked: () => false })
}

function explained(thrown: unknown, signal: AbortSignal, connected: boolean): unknown {
  signal.throwIfAborted()
  if (thrown instanceof RemoteError && thrown.code === 'PEER_REVOKED') return deviceRemoved(thrown)
  const telling =
    thrown instanceof RemoteError ||
    thrown instanceof ProtocolViolationError ||
    thrown instanceof TimeoutError
  if (telling) return thrown
  if (connected) {
    return new LumosError('PEER_UNREACHABLE', 'The other device takes no device in just now.', {
      hint: 'Try again. The code may have expired, or this device tries too often: lumos-node invite',
      details: { closed: true },
      cause: thrown
    })
  }
  return new PeerUnreachableError('The other device cannot be reached.', {
    hint: 'Is its node running, and are both on one network, or its port open?',
    cause: thrown
  })
}

/** A device that is there, and has no such port open, refuses at once. Silence is a firewall's, or that of no device. */
function silent(addresses: readonly string[], cause: unknown): PeerUnreachableError {
  const tried = addresses.length === 0 ? '' : ` at ${addresses.slice(0, ADDRESSES_NAMED_MAX).join(', ')}`
  return new PeerUnreachableError(`The other device does not answer${tried}.`, {
    hint:
      'Is it on, and in a network that leads here? If so, a firewall drops what this device sends: ' +
      'open its TCP port there.',
    details: { silent: true },
    cause
  })
}

const isSilent = (thrown: unknown): boolean => thrown instanceof LumosError && thrown.details.silent === true

const brokenDown = (cause: unknown): LumosError =>
  new PeerUnreachableError(`The connection to the other device broke down ${TRIES_MAX} times.`, {
    hint: 'The code is still good for this device: try again, or nearer to it, or by cable.',
    cause
  })

/** This device's key is dead in that mesh for good; a new key makes it a new device. */
export const deviceRemoved = (cause?: unknown): LumosError =>
  new LumosError(
    'PEER_REVOKED',
    'This device was removed from the mesh, and can only come back as a new one.',
    {
      hint: 'Give it a new identity, then join again: lumos-node leave --new-identity',
      cause
    }
  )

const isUnreachable = (thrown: unknown): boolean => thrown instanceof PeerUnreachableError

const isClosed = (thrown: unknown): boolean => thrown instanceof LumosError && thrown.details.closed === true

const inviteExpired = (cause: unknown): LumosError =>
  new LumosError('INVITE_EXPIRED', 'This invitation has expired.', {
    hint: 'Ask for a new one: lumos-node invite',
    cause
  })
