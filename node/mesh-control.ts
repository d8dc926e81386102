/** The mesh of a node as its user meets it: who belongs to it, and how devices come and go. */

import { randomBytes } from 'node:crypto'
import { InvalidInputError, LumosError, TimeoutError, toLumosError } from '../interface/errors.ts'
import type { AbortOptions } from '../interface/lifecycle.ts'
import type { Membership, Role } from '../interface/membership.ts'
import type {
  Invitation,
  Joined,
  JoinNearbyOptions,
  JoinRequest,
  LumosMesh,
  MemberInfo,
  MeshInfo,
  NearbyMesh
} from '../interface/mesh.ts'
import { type Grant, NONCE_BYTES } from '../protocols/join/index.ts'
import type { StoredMesh } from '../storage/mesh-store.ts'
import type { Ground, Identity, Mesh } from './compose-mesh.ts'
import { foundMesh } from './membership/authority.ts'
import { parseInviteCode } from './membership/invite-code.ts'
import { phraseOf } from './membership/join-requests.ts'
import { checkGrant, type Door, deviceRemoved } from './membership/joiner.ts'
import { type MeshSighting, meshesOf } from './membership/nearby.ts'
import { RENEW_BEFORE_MS } from './membership/renewal.ts'
import { meshIdOf, rootKeyFromText, rootKeyToText } from './membership/root-key.ts'

/** How often a device that waits for a person asks again. */
const ASK_INTERVAL_MS = 2000
/** As long as an admin listens. */
const ASK_MS_MAX = 10 * 60_000

/** What one device is asked with: always the same, so that its phrase stays. */
interface Question {
  readonly nonce: Uint8Array
  phrase?: string
}

export interface EnterOptions {
  /** Where somebody of the mesh is. */
  readonly near?: Door | undefined
  /** Take part as another device from now on. */
  readonly identity?: Identity | undefined
}

export interface MeshControlComponents {
  ground(): Ground
  /** The mesh the node is in now. */
  current(): Mesh
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
      advice: adviceFor(own, {
        members: list.length,
        admins,
        holdsRoot: authority.holdsRoot,
        isRemoved: this.#mesh.isRemoved(),
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
    const found = this.members().filter(({ peerId, name }) => peerId === peer || name === peer)
    if (found.length === 1) return found[0]!
    if (found.length > 1) {
      const ids = found.map(({ peerId }) => peerId).join(', ')
      throw new InvalidInputError(`${found.length} members are called "${peer}".`, {
        hint: `Use the PeerId: ${ids}`
      })
    }
    throw new LumosError('PEER_NOT_FOUND', `No member is called "${peer}".`, {
      hint: 'See who is: lumos-node members'
    })
  }

  invite({ role = 'member' }: { role?: Role } = {}): Invitation {
    return this.#mesh.pairing.invite(role)
  }

  async join(text: string, { name, signal }: AbortOptions & { name?: string } = {}): Promise<Joined> {
    const code = parseInviteCode(text)
    return await this.#alone(async () => {
      const { grant, phrase } = await this.#mesh.joiner.redeem(code, this.#nameOr(name), signalOf(signal))
      return await this.#enter(grant, code.mesh, phrase, { peerId: code.inviter, addresses: code.addresses })
    })
  }

  nearby(): NearbyMesh[] {
    return meshesOf(this.#mesh.sightings())
  }

  async joinNearby({ mesh, name, onAsking, signal }: JoinNearbyOptions = {}): Promise<Joined> {
    const { clock } = this.#ground
    const endMs = clock.monotonicMs() + ASK_MS_MAX
    return await this.#alone(async () => {
      const asked = new Map<string, Question>()
      while (clock.monotonicMs() < endMs) {
        for (const sighting of this.#chosen(mesh)) {
          const question: Question = asked.get(sighting.peerId) ?? { nonce: randomBytes(NONCE_BYTES) }
          asked.set(sighting.peerId, question)
          const grant = await this.#ask(sighting, question, this.#nameOr(name), { onAsking, signal })
          if (grant) return await this.#enter(grant, sighting.meshId, question.phrase!, sighting)
        }
        await this.#pause(ASK_INTERVAL_MS, signalOf(signal))
      }
      throw new TimeoutError('Nobody has decided within ten minutes.', {
        hint: 'On an admin device of that mesh: lumos-node approve'
      })
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
    await revocations.publish(await authority.revoke(member.peerId, member.role))
    return { ...member, online: false }
  }

  async promote(peer: string): Promise<MemberInfo> {
    const { authority, pairing, greetAll } = this.#mesh
    authority.mayIssue('admin')
    const { peerId, role, name } = this.member(peer)
    if (role !== 'admin') {
      await pairing.admit(peerId, 'admin', name)
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
    const nowMs = Math.round(this.#ground.clock.wallMs())
    // The newest name counts, even if the clock of whoever gave the last one was ahead.
    members.rename(name, Math.max(nowMs, members.meshNaming.meshNamedAtMs + 1))
    await this.#mesh.greetAll()
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
      await root.replace(key)
      const last = members.lastKnown(this.#self)
      const device = { subject: this.#self, name: last?.name ?? config.name }
      await members.renew((await foundMesh(device, members.meshName, key, clock, last)).chain)
      this.#mesh.offerChanged()
      await this.#mesh.greetAll()
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

  get #mesh(): Mesh {
    return this.#components.current()
  }

  get #ground(): Ground {
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
  async #enter(grant: Grant, mesh: string, phrase: string, near: Door): Promise<Joined> {
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

  /** @throws {LumosError} `PEER_NOT_FOUND` when no mesh is near, or `INVALID_INPUT` when several are. */
  #chosen(mesh: string | undefined): MeshSighting[] {
    const near = this.#mesh.sightings()
    const wanted = near.filter(
      ({ meshId, meshName }) => mesh === undefined || mesh === meshId || mesh === meshName
    )
    const meshes = meshesOf(wanted)
    if (meshes.length === 1) return wanted
    const names = meshesOf(near).map(found => `${found.mesh} (${found.meshId})`)
    if (meshes.length > 1) {
      throw new InvalidInputError('Several meshes are near.', {
        hint: `Choose with --mesh: ${names.join(', ')}`
      })
    }
    throw new LumosError(
      'PEER_NOT_FOUND',
      mesh === undefined ? 'No mesh is near.' : `No mesh "${mesh}" is near.`,
      {
        hint:
          names.length > 0 ? `There are: ${names.join(', ')}.` : 'Both devices must be on one local network.'
      }
    )
  }

  /** Who cannot be asked, or is no admin, may be one that can a moment later. */
  async #ask(
    door: MeshSighting,
    question: Question,
    name: string,
    { onAsking, signal }: JoinNearbyOptions
  ): Promise<Grant | undefined> {
    const pair = { mesh: door.meshId, inviter: door.peerId, joiner: this.#self }
    const { nonce } = question
    let challenged = false
    const onChallenge = (challenge: { nonce: Uint8Array; meshName: string }): void => {
      const phrase = phraseOf(nonce, challenge.nonce, pair)
      challenged = true
      if (question.phrase === phrase) return
      question.phrase = phrase
      onAsking?.({ mesh: challenge.meshName, meshId: door.meshId, peerId: door.peerId, phrase })
    }
    try {
      return await this.#mesh.joiner.ask(door, { name, nonce, onChallenge }, signalOf(signal))
    } catch (thrown) {
      signal?.throwIfAborted()
      const { code } = toLumosError(thrown)
      if (code === 'PEER_REVOKED' || (challenged && code === 'DENIED')) throw thrown
      return undefined
    }
  }

  #pause(delayMs: number, signal: AbortSignal): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const timer = this.#ground.clock.setTimer(resolve, delayMs)
    const onAbort = () => reject(signal.reason)
    signal.addEventListener('abort', onAbort, { once: true })
    return promise.finally(() => {
      timer.cancel()
      signal.removeEventListener('abort', onAbort)
    })
  }
}

const signalOf = (signal: AbortSignal | undefined): AbortSignal => signal ?? new AbortController().signal

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

function adviceFor(
  own: Membership | undefined,
  {
    members,
    admins,
    holdsRoot,
    isRemoved,
    wallMs
  }: { members: number; admins: number; holdsRoot: boolean; isRemoved: boolean; wallMs: number }
): string[] {
  const advice: string[] = []
  if (isRemoved) {
    return [
      'This device was removed from the mesh, and can only come back as a new one: lumos-node leave --new-identity'
    ]
  }
  if (own === undefined) return ['The certificate of this device has expired. Begin anew: lumos-node leave']
  if (members > 1 && admins < 2) {
    advice.push(
      'Only one device is an admin. Make another one, so that losing one does no harm: lumos-node promote NAME'
    )
  }
  // Only the root renews an admin, and members end with the admin that vouches for them.
  if (own.role === 'admin' && !holdsRoot && own.notAfterMs - wallMs < RENEW_BEFORE_MS) {
    advice.push(
      'The certificate of this admin runs out, and only the root key renews it: lumos-node mesh import'
    )
  }
  return advice
}
