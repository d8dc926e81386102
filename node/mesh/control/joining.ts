/** How devices come and go: what an admin does for others, and what a device does for itself. */

import { LumosError } from '../../../interface/errors.ts'
import type { AbortOptions } from '../../../interface/lifecycle.ts'
import type { Role } from '../../../interface/membership.ts'
import type {
  Invitation,
  Joined,
  JoinNearbyOptions,
  JoinRequest,
  NearbyMesh
} from '../../../interface/mesh.ts'
import type { Grant } from '../../../protocols/join/index.ts'
import { foundMesh } from '../../membership/index.ts'
import { pause } from '../../network/deadline.ts'
import { askNearby, checkGrant, meshesOf, type PeerAddress, parseInviteCode } from '../../pairing/index.ts'
import type { MeshChanges } from './changes.ts'

/** The member that let this one in is connected by then, unless the link is bad. */
const CONNECT_MS = 5000
const CONNECT_POLL_MS = 25

export class JoiningControl {
  readonly #changes: MeshChanges

  constructor(changes: MeshChanges) {
    this.#changes = changes
  }

  invite({ role = 'member' }: { role?: Role } = {}): Invitation {
    return this.#changes.session.pairing.service.invite(role)
  }

  async join(text: string, { name, signal }: AbortOptions & { name?: string } = {}): Promise<Joined> {
    const code = parseInviteCode(text)
    const { members, isRemoved } = this.#changes.session
    if (code.mesh === members.mesh && !isRemoved()) {
      throw new LumosError('DENIED', `This device is in the mesh "${members.own.name}" already.`)
    }
    const joined = await this.#changes.alone(async () => {
      const { client, nearby } = this.#changes.session.pairing
      // Where the inviter was sighted is reached for sure. One address only: any device of the network can claim it.
      const sighted = nearby.addressesOf(code.inviter).slice(0, 1)
      const addresses = [...sighted, ...code.addresses.filter(address => address !== sighted[0])]
      const { grant, phrase } = await client.redeem(
        { ...code, addresses },
        this.#changes.nameOr(name),
        signal ?? new AbortController().signal
      )
      return await this.#enter(grant, code.mesh, phrase, { peerId: code.inviter, addresses })
    })
    await this.#connected(code.inviter)
    return joined
  }

  nearby(): NearbyMesh[] {
    return meshesOf(this.#changes.session.pairing.nearby.all())
  }

  async joinNearby({ name, ...options }: JoinNearbyOptions = {}): Promise<Joined> {
    const { joined, peerId } = await this.#changes.alone(async () => {
      const { clock } = this.#changes.context
      const { client: joiner, nearby } = this.#changes.session.pairing
      const sightings = () => nearby.all()
      const asking = { clock, joiner, sightings, self: this.#changes.self, name: this.#changes.nameOr(name) }
      const { grant, door, phrase } = await askNearby(asking, options)
      return { joined: await this.#enter(grant, door.meshId, phrase, door), peerId: door.peerId }
    })
    await this.#connected(peerId)
    return joined
  }

  /** Waits for the member that let this one in, so that what is asked next finds it. This node is a member either way. */
  async #connected(peerId: string): Promise<void> {
    const { clock } = this.#changes.context
    const { signal } = new AbortController()
    const endMs = clock.monotonicMs() + CONNECT_MS
    const isStarted = (): boolean => this.#changes.session.libp2p.status === 'started'
    const isListed = (): boolean =>
      this.#changes.session.routing.peers.list().some(peer => peer.peerId === peerId)
    while (isStarted() && !isListed() && clock.monotonicMs() < endMs) {
      await pause(clock, CONNECT_POLL_MS, signal)
    }
  }

  listen(): number {
    this.#changes.session.authority.mayIssue('member')
    return this.#changes.session.pairing.service.requests.listen()
  }

  requests(): JoinRequest[] {
    return this.#changes.session.pairing.service.requests.list()
  }

  approve(peer: string, { role = 'member' }: { role?: Role } = {}): JoinRequest {
    this.#changes.session.authority.mayIssue(role)
    return this.#changes.session.pairing.service.requests.settle(peer, role)
  }

  deny(peer: string): JoinRequest {
    return this.#changes.session.pairing.service.requests.settle(peer, 'denied')
  }

  async leave({ newIdentity = false }: { newIdentity?: boolean } = {}): Promise<void> {
    const { members, authority } = this.#changes.session
    const alone = members.list().every(({ peerId }) => peerId === this.#changes.self)
    if (authority.holdsRoot && !(alone && newIdentity)) {
      throw alone
        ? new LumosError('DENIED', 'This device is in a mesh of its own already.')
        : new LumosError('DENIED', 'This device holds the root key of the mesh, which would be lost.', {
            hint: 'Take it along first: lumos-node mesh export --remove'
          })
    }
    await this.#changes.exclusively(async () => {
      const { config, clock, root, newIdentity: renew } = this.#changes.context
      // First, because a crash after this leaves a device that belongs nowhere, and begins anew.
      const identity = newIdentity ? await renew() : undefined
      root.remove()
      const device = { subject: identity?.peerId ?? this.#changes.self, name: config.name }
      const founded = await foundMesh(device, config.mesh.name, await root.create(), clock)
      await this.#changes.enter(founded, { identity })
    })
  }

  /** Nothing of the mesh so far is given up before the new one is certain. */
  async #enter(grant: Grant, mesh: string, phrase: string, near: PeerAddress): Promise<Joined> {
    const { clock, store, root, emit } = this.#changes.context
    const { role, name } = await checkGrant(grant, mesh, this.#changes.self, clock)
    const { chain, meshName, meshNamedAtMs: namedAtMs } = grant
    try {
      await this.#changes.enter({ id: mesh, name: meshName, namedAtMs, chain }, { near })
    } finally {
      // Its own mesh is over once the new one is written down, even if that cannot be connected yet.
      if (store.mesh()?.id === mesh) root.remove()
    }
    emit('mesh.joined', { meshId: mesh, mesh: meshName })
    return { mesh: meshName, meshId: mesh, name, role, phrase }
  }
}
