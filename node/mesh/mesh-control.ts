/** The mesh of a node as its user meets it: who belongs to it, and how devices come and go. */

import { InvalidInputError, LumosError } from '../../interface/errors.ts'
import type { AbortOptions } from '../../interface/lifecycle.ts'
import type { Membership, Role } from '../../interface/membership.ts'
import type {
  Invitation,
  Joined,
  JoinNearbyOptions,
  JoinRequest,
  LumosMesh,
  MemberInfo,
  MeshInfo,
  NearbyMesh
} from '../../interface/mesh.ts'
import type { Grant } from '../../protocols/join/index.ts'
import type { StoredMesh } from '../../storage/mesh/mesh-store.ts'
import { adviceFor } from '../membership/advice.ts'
import { foundMesh } from '../membership/authority.ts'
import { memberCalled } from '../membership/names.ts'
import { meshIdOf, rootKeyFromText, rootKeyToText } from '../membership/root-key.ts'
import { parseInviteCode } from '../pairing/invite-code.ts'
import { checkGrant, deviceRemoved, type PeerAddress } from '../pairing/join-client.ts'
import { askNearby } from '../pairing/nearby-asking.ts'
import { meshesOf } from '../pairing/nearby-meshes.ts'
import type { Identity, MeshSession, NodeContext } from './context.ts'

export interface EnterOptions {
  /** Where somebody of the mesh is. */
  readonly near?: PeerAddress | undefined
  /** Take part as another device from now on. */
  readonly identity?: Identity | undefined
}

export interface MeshControlComponents {
  ground(): NodeContext
  /** The mesh the node is in now. */
  current(): MeshSession
  /** Leave it for another one, where `near` may be found. */
  enter(own: StoredMesh, options?: EnterOptions): Promise<void>
}

export class MeshControl implements LumosMesh {
  readonly #components: MeshControlComponents
  #switching = false

  constructor(components: MeshControlComponents) {
    this.#components = components
  }

  info(): MeshInfo {
    const { members, authority } = this.#mesh
    const own = members.get(this.#self)
    const list = members.list()
    const admins = list.filter(({ role }) => role === 'admin').length
    return {
      id: members.mesh,
      name: members.meshName,
      role: own?.role ?? null,
      deviceName: own?.name ?? this.#ground.config.name,
      expiresAtMs: own?.notAfterMs ?? null,
      holdsRoot: authority.holdsRoot,
      members: list.length,
      admins,
      advice: adviceFor({
        own,
        members: list.length,
        admins,
        holdsRoot: authority.holdsRoot,
        isRemoved: this.#mesh.isRemoved(),
        isOrphan: members.orphan(this.#self) !== undefined,
        saidRemoved: this.#mesh.saidRemoved().map(id => members.lastKnown(id)?.name ?? id),
        wallMs: this.#ground.clock.wallMs()
      })
    }
  }

  members(): MemberInfo[] {
    const { members, peers } = this.#mesh
    return members
      .list()
      .map(member => infoOf(member, { self: this.#self, online: peers.isConnected(member.peerId) }))
      .sort((a, b) => (a.name < b.name ? -1 : 1))
  }

  member(peer: string): MemberInfo {
    return memberCalled(this.members(), peer)
  }

  invite({ role = 'member' }: { role?: Role } = {}): Invitation {
    return this.#mesh.pairing.invite(role)
  }

  async join(text: string, { name, signal }: AbortOptions & { name?: string } = {}): Promise<Joined> {
    const code = parseInviteCode(text)
    return await this.#alone(async () => {
      const { members, isRemoved } = this.#mesh
      if (code.mesh === members.mesh && !isRemoved()) {
        throw new LumosError('DENIED', `This device is in the mesh "${members.meshName}" already.`)
      }
      const { grant, phrase } = await this.#mesh.joiner.redeem(
        code,
        this.#nameOr(name),
        signal ?? new AbortController().signal
      )
      return await this.#enter(grant, code.mesh, phrase, { peerId: code.inviter, addresses: code.addresses })
    })
  }

  nearby(): NearbyMesh[] {
    return meshesOf(this.#mesh.sightings())
  }

  async joinNearby({ name, ...options }: JoinNearbyOptions = {}): Promise<Joined> {
    return await this.#alone(async () => {
      const { clock } = this.#ground
      const { joiner, sightings } = this.#mesh
      const asking = { clock, joiner, sightings, self: this.#self, name: this.#nameOr(name) }
      const { grant, door, phrase } = await askNearby(asking, options)
      return await this.#enter(grant, door.meshId, phrase, door)
    })
  }

  listen(): number {
    this.#mesh.authority.mayIssue('member')
    return this.#mesh.pairing.requests.listen()
  }

  requests(): JoinRequest[] {
    return this.#mesh.pairing.requests.list()
  }

  approve(peer: string, { role = 'member' }: { role?: Role } = {}): JoinRequest {
    this.#mesh.authority.mayIssue(role)
    return this.#mesh.pairing.requests.settle(peer, role)
  }

  deny(peer: string): JoinRequest {
    return this.#mesh.pairing.requests.settle(peer, 'denied')
  }

  async revoke(peer: string): Promise<MemberInfo> {
    const { authority, revocations } = this.#mesh
    const member = this.member(peer)
    if (member.self) {
      throw new InvalidInputError('A device does not remove itself.', { hint: 'Leave: lumos-node leave' })
    }
    await this.#durably(async () => {
      await revocations.publish(await authority.revoke(member.peerId, member.role))
      if (member.role === 'admin') await this.#confirmRemovalsOf(member.peerId)
    })
    return { ...member, online: false }
  }

  /**
   * The key of a removed admin can still fill its room, and push out what it had signed: the devices that it removed
   * would be members again. The root's own word for each stays. Pulls bring it, so that it floods no gossip.
   */
  async #confirmRemovalsOf(admin: string): Promise<void> {
    const { authority, members } = this.#mesh
    for (const peerId of members.removedBy(admin)) {
      await members.revoke(await authority.revoke(peerId, members.lastKnown(peerId)?.role))
    }
  }

  async promote(peer: string): Promise<MemberInfo> {
    const { authority, pairing, greetAll } = this.#mesh
    authority.mayIssue('admin')
    const { peerId, role, name } = this.member(peer)
    if (role !== 'admin') {
      await this.#durably(() => pairing.admit(peerId, 'admin', name))
      // Whoever is connected gets its certificate with the hello.
      await greetAll()
    }
    return this.member(peerId)
  }

  async leave({ newIdentity = false }: { newIdentity?: boolean } = {}): Promise<MeshInfo> {
    const { members, authority } = this.#mesh
    const alone = members.list().every(({ peerId }) => peerId === this.#self)
    if (authority.holdsRoot && !(alone && newIdentity)) {
      throw alone
        ? new LumosError('DENIED', 'This device is in a mesh of its own already.')
        : new LumosError('DENIED', 'This device holds the root key of the mesh, which would be lost.', {
            hint: 'Take it along first: lumos-node mesh export --remove'
          })
    }
    await this.#exclusively(async () => {
      const { config, clock, root, newIdentity: renew } = this.#ground
      // First, because a crash after this leaves a device that belongs nowhere, and begins anew.
      const identity = newIdentity ? await renew() : undefined
      root.remove()
      const device = { subject: identity?.peerId ?? this.#self, name: config.name }
      const founded = await foundMesh(device, config.mesh.name, await root.create(), clock)
      await this.#components.enter(founded, { identity })
    })
    return this.info()
  }

  async rename(name: string): Promise<MeshInfo> {
    const { authority, members } = this.#mesh
    authority.mayIssue('member')
    await this.#durably(async () => {
      members.rename(name)
      await this.#mesh.greetAll()
    })
    return this.info()
  }

  exportRoot({ remove = false }: { remove?: boolean } = {}): string {
    const { root } = this.#ground
    const key = root.of(this.#mesh.members.mesh)
    if (key === undefined) {
      throw new LumosError('DENIED', 'This device does not hold the root key of its mesh.', {
        hint: 'The device that founded the mesh does, unless it was taken off it.'
      })
    }
    if (remove) root.remove()
    return rootKeyToText(key)
  }

  async importRoot(text: string): Promise<MeshInfo> {
    const key = await rootKeyFromText(text)
    const { enter } = this.#components
    const { config, clock, root } = this.#ground
    const { members } = this.#mesh
    if (meshIdOf(key) === members.mesh) {
      // A full disk must not cost this device the key that it holds already.
      if (root.of(members.mesh) === undefined) await root.replace(key)
      const last = members.lastKnown(this.#self)
      const device = { subject: this.#self, name: last?.name ?? config.name }
      await this.#durably(async () => {
        await members.renew((await foundMesh(device, members.meshName, key, clock, last)).chain)
        this.#mesh.offerChanged()
        await this.#mesh.greetAll()
      })
      return this.info()
    }
    return await this.#alone(async () => {
      const founded = await foundMesh(
        { subject: this.#self, name: config.name },
        config.mesh.name,
        key,
        clock
      )
      await root.replace(key)
      // Any name that another member knows is newer.
      await enter({ ...founded, namedAtMs: 0 })
      return this.info()
    })
  }

  /**
   * For all that changes the mesh this node is in. The change counts at once, here and elsewhere; that it is done
   * is said only once it is on this disk.
   *
   * @throws {LumosError} `STORE_FULL` or `STORE_FAILED`
   */
  async #durably(change: () => Promise<unknown>): Promise<void> {
    await change()
    this.#ground.store.flush()
  }

  get #mesh(): MeshSession {
    return this.#components.current()
  }

  get #ground(): NodeContext {
    return this.#components.ground()
  }

  get #self(): string {
    return this.#ground.peerId
  }

  #nameOr(name: string | undefined): string {
    return name ?? this.#ground.config.name
  }

  /** Only who leaves nobody behind may go elsewhere. */
  #alone<T>(run: () => Promise<T>): Promise<T> {
    const { members } = this.#mesh
    if (members.list().some(({ peerId }) => peerId !== this.#self)) {
      if (this.#mesh.isRemoved()) throw deviceRemoved()
      throw new LumosError('DENIED', `This device is in the mesh "${members.meshName}" with others.`, {
        hint: 'Leave it first: lumos-node leave'
      })
    }
    return this.#exclusively(run)
  }

  async #exclusively<T>(run: () => Promise<T>): Promise<T> {
    if (this.#switching) throw new LumosError('DENIED', 'This device is joining or leaving a mesh just now.')
    this.#switching = true
    try {
      return await run()
    } finally {
      this.#switching = false
    }
  }

  /** Nothing of the mesh so far is given up before the new one is certain. */
  async #enter(grant: Grant, mesh: string, phrase: string, near: PeerAddress): Promise<Joined> {
    const ground = this.#ground
    const { role, name } = await checkGrant(grant, mesh, this.#self, ground.clock)
    const { chain, meshName, meshNamedAtMs: namedAtMs } = grant
    try {
      await this.#components.enter({ id: mesh, name: meshName, namedAtMs, chain }, { near })
    } finally {
      // Its own mesh is over once the new one is written down, even if that cannot be connected yet.
      if (ground.store.mesh()?.id === mesh) ground.root.remove()
    }
    ground.emit('mesh.joined', { meshId: mesh, mesh: meshName })
    return { mesh: meshName, meshId: mesh, name, role, phrase }
  }
}

const infoOf = (
  { peerId, name, role, notAfterMs: expiresAtMs }: Membership,
  { self, online }: { self: string; online: boolean }
): MemberInfo => ({
  peerId,
  name,
  role,
  expiresAtMs,
  online: online || peerId === self,
  self: peerId === self
})
