/** The members of the mesh, as its user meets them: the list, and what changes it. */

import { InvalidInputError, LumosError } from '../../../interface/errors.ts'
import type { Membership } from '../../../interface/membership.ts'
import type { MemberInfo, MeshInfo } from '../../../interface/mesh.ts'
import { adviceFor, memberCalled, uniqueName } from '../../membership/index.ts'
import type { MeshChanges } from './changes.ts'

export class MembershipControl {
  readonly #changes: MeshChanges

  constructor(changes: MeshChanges) {
    this.#changes = changes
  }

  info(): MeshInfo {
    const { members, authority } = this.#changes.session
    const own = members.get(this.#changes.self)
    const list = members.list()
    const admins = list.filter(({ role }) => role === 'admin').length
    const advice = adviceFor({
      own,
      members: list.length,
      admins,
      holdsRoot: authority.holdsRoot,
      isRemoved: this.#changes.session.isRemoved(),
      isOrphan: members.orphan(this.#changes.self) !== undefined,
      isCopied: this.#changes.session.isDuplicated(this.#changes.self),
      wasBehind: this.#changes.session.wasBehind(),
      saidRemoved: this.#changes.session.saidRemoved().map(id => members.lastKnown(id)?.name ?? id),
      clocks: this.#changes.session.clocksApart(),
      wallMs: this.#changes.context.clock.wallMs()
    })
    return {
      id: members.mesh,
      name: members.own.name,
      role: own?.role ?? null,
      deviceName: own?.name ?? this.#changes.context.config.name,
      expiresAtMs: own?.notAfterMs ?? null,
      holdsRoot: authority.holdsRoot,
      members: list.length,
      admins,
      advice: advice.map(({ words }) => words),
      adviceCodes: advice.map(({ code }) => code)
    }
  }

  members(): MemberInfo[] {
    const { members, routing, isDuplicated } = this.#changes.session
    return members
      .list()
      .map(member =>
        infoOf(member, {
          self: this.#changes.self,
          online: routing.peers.isConnected(member.peerId),
          duplicated: isDuplicated(member.peerId)
        })
      )
      .sort((a, b) => (a.name < b.name ? -1 : 1))
  }

  member(peer: string): MemberInfo {
    return memberCalled(this.members(), peer)
  }

  async revoke(peer: string): Promise<MemberInfo> {
    const { authority, revocations } = this.#changes.session
    const member = this.member(peer)
    if (member.self) {
      throw new InvalidInputError('A device does not remove itself.', { hint: 'Leave: lumos-node leave' })
    }
    await this.#changes.durably(async () => {
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
    const { authority, members } = this.#changes.session
    for (const peerId of members.removedBy(admin)) {
      await members.revoke(await authority.revoke(peerId, members.lastKnown(peerId)?.role))
    }
  }

  async promote(peer: string): Promise<MemberInfo> {
    const { authority, pairing, sayHelloToAll } = this.#changes.session
    authority.mayIssue('admin')
    const { peerId, role, name } = this.member(peer)
    if (role !== 'admin') {
      await this.#changes.durably(() => pairing.service.admit(peerId, 'admin', name))
      // A connected member gets its certificate with the hello.
      await sayHelloToAll()
    }
    return this.member(peerId)
  }

  async rename(name: string): Promise<MeshInfo> {
    const { authority, members } = this.#changes.session
    authority.mayIssue('member')
    await this.#changes.durably(async () => {
      members.own.rename(name)
      await this.#changes.session.sayHelloToAll()
    })
    return this.info()
  }

  async renameDevice(wanted: string): Promise<MeshInfo> {
    const { authority, members, askForName, offerChanged, sayHelloToAll } = this.#changes.session
    const own = members.lastKnown(this.#changes.self)
    if (own === undefined || wanted === own.name) return this.info()
    await this.#changes.durably(async () => {
      if (!authority.holdsRoot) return await askForName(wanted)
      const name = uniqueName(wanted, members.namesBesides(own.peerId))
      await members.reissued(await authority.renewOwn({ ...own, name }))
      offerChanged()
      await sayHelloToAll()
    })
    const info = this.info()
    if (info.deviceName !== own.name) return info
    throw new LumosError('PEER_UNREACHABLE', 'No connected admin signs another name for this device.', {
      hint:
        own.role === 'admin'
          ? 'The device that holds the root key must be connected. See which are: lumos-node members'
          : 'An admin must be connected, and gives a device one name in ten seconds. See: lumos-node members'
    })
  }
}

const infoOf = (
  { peerId, name, role, notAfterMs: expiresAtMs }: Membership,
  { self, online, duplicated }: { self: string; online: boolean; duplicated: boolean }
): MemberInfo => ({
  peerId,
  name,
  role,
  expiresAtMs,
  online: online || peerId === self,
  self: peerId === self,
  duplicated
})
