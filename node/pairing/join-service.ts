/**
 * Lets devices in: the only thing a stranger may ask for, and only while an
 * invitation is out or an admin listens for requests.
 *
 * An invitation is burnt before anything is issued for it, and a new member is
 * written down before it hears of it: a crash at any point costs at most the code.
 */

import { randomBytes } from 'node:crypto'
import type { Connection, Stream } from '@libp2p/interface'
import type { Clock } from '../../interface/clock.ts'
import { LumosError, toLumosError } from '../../interface/errors.ts'
import type { EventData, EventName } from '../../interface/events.ts'
import type { Logger } from '../../interface/lifecycle.ts'
import type { Role } from '../../interface/membership.ts'
import type { Invitation } from '../../interface/mesh.ts'
import { type Grant, JOIN_PROTOCOL, refuseJoin, serveJoin } from '../../protocols/join/index.ts'
import type { MeshStore, StoredMesh } from '../../storage/mesh/mesh-store.ts'
import type { Participation } from '../feature.ts'
import { type Authority, EVERY_MEMBER, EVERYBODY, type Members, uniqueName } from '../membership/index.ts'
import { Deadline } from '../network/deadline.ts'
import { bareOf } from '../network/dial-to.ts'
import type { MeshLibp2p } from '../network/libp2p.ts'
import { Invitations } from './invitations.ts'
import { formatInviteCode, INVITE_ADDRESSES_MAX, SECRET_BYTES } from './invite-code.ts'
import { type JoinPlace, JoinPlaces } from './join-places.ts'
import { JoinRequests } from './join-requests.ts'
import { checkPhrase, type Pair } from './pairing-secret.ts'

/** Of one connection: a device joins over one stream, and asks again over the next while the last one closes. */
const STREAMS_MAX = 2
/** A whole exchange; also how long a stranger's connection is kept for it. */
export const JOIN_TIMEOUT_MS = 30_000

export interface PairingComponents {
  readonly libp2p: MeshLibp2p
  readonly clock: Clock
  readonly log: Logger
  readonly store: MeshStore
  readonly members: Members
  readonly authority: Authority
  /** This node. */
  readonly peerId: string
  /** Do not end this connection for want of a hello, for so long. */
  hold(connection: Connection, timeoutMs: number): void
  emit<N extends EventName>(name: N, data: EventData<N>): void
}

export class JoinService implements Participation {
  readonly requests: JoinRequests
  readonly #components: PairingComponents
  readonly #invitations: Invitations
  readonly #stopped = new AbortController()
  readonly #places: JoinPlaces

  readonly protocols = [
    {
      ids: JOIN_PROTOCOL,
      // A device that has left is a member still, and comes with a new invitation.
      openers: () => (this.open ? EVERYBODY : EVERY_MEMBER),
      inboundMax: STREAMS_MAX,
      handle: (stream: Stream, connection: Connection) => this.#onStream(stream, connection),
      refuse: refuseJoin
    }
  ]

  constructor(components: PairingComponents) {
    this.#components = components
    this.#places = new JoinPlaces(components.clock)
    this.#invitations = new Invitations(components.clock, components.store)
    this.requests = new JoinRequests(components.clock, request =>
      components.emit('mesh.join_requested', request)
    )
  }

  start(): void {
    this.#invitations.load()
  }

  stop(): void {
    this.#stopped.abort()
  }

  /** Whether strangers may come. */
  get open(): boolean {
    return this.#invitations.open || this.requests.open
  }

  /** @throws {LumosError} `NOT_ADMIN` unless this device may issue certificates of that role. */
  invite(role: Role): Invitation {
    const { authority, members, peerId, libp2p } = this.#components
    authority.mayIssue(role)
    const secret = randomBytes(SECRET_BYTES)
    const expiresAtMs = this.#invitations.add(secret, role)
    const all = libp2p.getMultiaddrs().map(address => `${bareOf(address)}`)
    const addresses = all.slice(0, INVITE_ADDRESSES_MAX)
    const code = formatInviteCode({ mesh: members.mesh, inviter: peerId, secret, expiresAtMs, addresses })
    return { code, role, expiresAtMs, leftOut: all.slice(INVITE_ADDRESSES_MAX) }
  }

  /** A new member: written down here, and what it must hand to `enter` there. */
  async admit(subject: string, role: Role, name: string, { anew = false } = {}): Promise<StoredMesh> {
    const { members, authority } = this.#components
    const taken = members.list().filter(({ peerId }) => peerId !== subject)
    const grant = { subject, role, name: uniqueName(name, new Set(taken.map(member => member.name))) }
    const chain = await authority.issue(grant, { anew })
    await members.admit(subject, chain)
    // The device is told only of what is on disk, as are all that call this.
    this.#components.store.flush()
    const { meshName, meshNamedAtMs } = members.own.naming
    return { id: members.mesh, name: meshName, namedAtMs: meshNamedAtMs, chain }
  }

  #onStream = async (stream: Stream, connection: Connection): Promise<void> => {
    const { clock, log, hold } = this.#components
    const joiner = connection.remotePeer.toString()
    hold(connection, JOIN_TIMEOUT_MS)
    using deadline = new Deadline(clock, JOIN_TIMEOUT_MS, this.#stopped.signal)
    using place = this.#places.enter(joiner)
    const signal = AbortSignal.any([deadline.signal, place.signal])
    try {
      await serveJoin(stream, this.#deskFor(joiner, place), { signal })
    } catch (thrown) {
      // Strangers that lose their place come again at once, and must not fill the log.
      const level = place.signal.aborted ? 'debug' : 'info'
      log[level]({ peerId: joiner, code: toLumosError(thrown).code }, 'a device was not let in')
    }
  }

  #deskFor(joiner: string, place: JoinPlace): Parameters<typeof serveJoin>[1] {
    const { members, peerId: inviter, emit } = this.#components
    const pair: Pair = { mesh: members.mesh, inviter, joiner }
    return {
      redeem: async ({ invite, proof, name }) => {
        place.heard()
        // Before the invitation is burnt: the guard lets in a device that only an admin has removed, and may not have.
        if (members.isRevoked(joiner, 'member'))
          throw new LumosError('PEER_REVOKED', `${joiner} was removed from the mesh.`)
        const { role, key } = this.#invitations.redeem(invite, proof, pair)
        place.proven()
        const phrase = checkPhrase(key, pair)
        const grant = await this.#grant(joiner, role, name)
        emit('mesh.invite_used', { peerId: joiner, name: members.get(joiner)?.name ?? name, role, phrase })
        return grant
      },
      challenge: ask => {
        place.heard()
        const nonce = this.requests.challenge(pair, ask)
        return { mesh: members.mesh, meshName: members.own.name, nonce }
      },
      decide: async (_ask, nonce) => {
        const decided = this.requests.decide(joiner, nonce)
        return decided && (await this.#grant(joiner, decided.role, decided.name))
      }
    }
  }

  async #grant(joiner: string, role: Role, name: string): Promise<Grant> {
    const { id, chain, name: meshName, namedAtMs } = await this.admit(joiner, role, name, { anew: true })
    return { mesh: id, meshName, meshNamedAtMs: namedAtMs, chain: [...chain] }
  }
}
