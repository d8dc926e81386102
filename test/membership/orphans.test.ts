import { afterAll, describe, expect, it } from 'vitest'
import { type Certificate, VOUCHERS_MAX } from '../../interface/membership.ts'
import { Authority } from '../../node/membership/authority.ts'
import { MemberCheck, ORPHANS_MAX } from '../../node/membership/member-check.ts'
import { Members } from '../../node/membership/members.ts'
import type { Hello } from '../../protocols/hello/index.ts'
import { type Chain, MeshStore } from '../../storage/mesh/mesh-store.ts'
import { ManualClock } from '../capabilities/manual-clock.ts'
import { type Device, device, revocation, sealed } from './mesh-keys.ts'
import { temporaryDatabase } from './temporary-database.ts'

const ignore = (): void => {}
const HELLO = { meshName: 'home', meshNamedAtMs: 0 } as Hello

const database = temporaryDatabase()
afterAll(() => database[Symbol.dispose]())

/** What `self`, an admin, knows of its mesh, and what it says to devices that show their certificates. */
async function adminNode(mesh: Device, self: Device) {
  for (const table of ['mesh', 'member', 'revocation']) database.prepare(`DELETE FROM ${table}`).run()
  const clock = new ManualClock()
  const own = [await sealed({ mesh, issuer: mesh, subject: self })]
  const members = new Members(
    { id: mesh.id, name: 'home', namedAtMs: 0, chain: own },
    {
      store: new MeshStore(database),
      clock,
      peerId: self.id,
      ...{ onRevoked: ignore, onJoined: ignore, onRenamed: ignore, onRemoved: ignore, onRoomFull: ignore }
    }
  )
  await members.load()
  const authority = new Authority({
    clock,
    mesh: mesh.id,
    deviceKey: self.key,
    rootKey: undefined,
    chain: () => members.own.chain,
    role: () => 'admin',
    mayRemoveMore: ignore,
    lastKnown: id => members.lastKnown(id)
  })
  const check = new MemberCheck({ clock, members, authority, peerId: self.id })
  const judge = ({ id, chain }: Shown, wantedName?: string) =>
    check.judge(id, chain, { ...HELLO, wantedName })
  return { members, clock, judge }
}

interface Shown {
  readonly id: string
  readonly chain: Chain
}

const devices = (count: number): Promise<Device[]> => Promise.all(Array.from({ length: count }, device))

/** A device that `issuer` has made up, and what it shows. */
async function madeUp(mesh: Device, issuer: Device, over?: Partial<Certificate>): Promise<Shown> {
  const subject = await device()
  const signed = [sealed({ mesh, issuer, subject }, over), sealed({ mesh, issuer: mesh, subject: issuer })]
  return { id: subject.id, chain: await Promise.all(signed) }
}

/** An admin that knows `count` devices of another admin, which the root then removes. */
async function orphansOf(count: number) {
  const [mesh, self, hostile] = (await devices(3)) as [Device, Device, Device]
  const { members, judge } = await adminNode(mesh, self)
  const shown = await Promise.all(Array.from({ length: count }, () => madeUp(mesh, hostile)))
  for (const { id, chain } of shown) await members.admit(id, chain)
  await members.revoke(await revocation({ mesh, issuer: mesh, subject: hostile }))
  return { members, shown, later: await madeUp(mesh, hostile), judge }
}

describe('a device that a removed admin had let in', () => {
  it('gets fresh certificates from an admin that knew it before, and a later one gets none', async () => {
    const { members, shown, later, judge } = await orphansOf(3)
    expect(await judge(shown[0]!)).toHaveLength(2)
    expect(members.get(shown[0]!.id)?.role).toBe('member')
    await expect(judge(later)).rejects.toMatchObject({ code: 'CERTIFICATE_INVALID' })
  })

  it('gets the same certificates again when it has lost them on the way', async () => {
    const { shown, judge } = await orphansOf(1)
    const fresh = await judge(shown[0]!)
    expect(await judge(shown[0]!)).toEqual(fresh)
  })

  it('needs an invitation when that admin had let in more than a person can go through', async () => {
    const { members, shown, judge } = await orphansOf(ORPHANS_MAX + 1)
    await expect(judge(shown[0]!)).rejects.toMatchObject({
      code: 'CERTIFICATE_INVALID',
      message: expect.stringContaining('needs an invitation'),
      details: { revocation: expect.anything() }
    })
    expect(members.list().map(({ peerId }) => peerId)).not.toContain(shown[0]!.id)
  })
})

describe('a device that an admin renews for another', () => {
  const SOON: Partial<Certificate> = { notAfterMs: 1000 }

  it('is a member until the other is removed, and shows that to every node', async () => {
    const [mesh, self, hostile, elsewhere] = (await devices(4)) as [Device, Device, Device, Device]
    const shown = await madeUp(mesh, hostile, SOON)
    const chain = await (await adminNode(mesh, self)).judge(shown)
    expect(chain).toHaveLength(2)

    const { members } = await adminNode(mesh, elsewhere)
    expect(await members.admit(shown.id, chain)).toMatchObject({ issuer: self.id, vouchers: [hostile.id] })
    await members.revoke(await revocation({ mesh, issuer: mesh, subject: hostile }))
    expect(members.standing(shown.id).kind).toBe('stranger')
    await expect(members.admit(shown.id, chain)).rejects.toMatchObject({ code: 'CERTIFICATE_INVALID' })
  })

  it('counts among those of the other, so that a crowd of them needs invitations', async () => {
    const [mesh, self, hostile] = (await devices(3)) as [Device, Device, Device]
    const { members, judge } = await adminNode(mesh, self)
    const shown = await Promise.all(
      Array.from({ length: ORPHANS_MAX + 1 }, () => madeUp(mesh, hostile, SOON))
    )
    const renewed: Shown[] = []
    for (const one of shown) renewed.push({ id: one.id, chain: await judge(one) })
    await members.revoke(await revocation({ mesh, issuer: mesh, subject: hostile }))
    await expect(judge(renewed[0]!)).rejects.toThrow('needs an invitation')
  })

  it.each(['that it comes from the renewing admin', 'that it comes from an admin that never was'])(
    'does not outlive its issuer because its issuer says %s',
    async lie => {
      const [mesh, self, hostile, other] = (await devices(4)) as [Device, Device, Device, Device]
      const claimed = lie.includes('never') ? other : self
      const shown = await madeUp(mesh, hostile, { ...SOON, vouchers: [claimed.id] })
      const { members, judge } = await adminNode(mesh, self)
      await judge(shown)
      expect(members.lastKnown(shown.id)?.vouchers).toContain(hostile.id)
    }
  )

  it('does not outlive its first issuer when a third admin renews it in turn', async () => {
    const [mesh, first, second, hostile] = (await devices(4)) as [Device, Device, Device, Device]
    const vouchers = [hostile.id]
    const shown = await madeUp(mesh, first, { ...SOON, vouchers })
    const { members, judge } = await adminNode(mesh, second)
    await judge(shown)
    expect(members.lastKnown(shown.id)?.vouchers.toSorted()).toEqual([first.id, hostile.id].toSorted())
  })

  it('is renewed no more when as many admins as a certificate can name have done so', async () => {
    const [mesh, self, issuer, ...others] = (await devices(3 + VOUCHERS_MAX)) as [
      Device,
      Device,
      Device,
      ...Device[]
    ]
    const vouchers = others.map(({ id }) => id)
    expect(
      await (await adminNode(mesh, self)).judge(await madeUp(mesh, issuer, { ...SOON, vouchers }))
    ).toEqual([])
    // One that is named already adds none.
    const named = await madeUp(mesh, issuer, {
      ...SOON,
      ...{ vouchers: vouchers.with(0, self.id), name: '名'.repeat(63) }
    })
    expect(await (await adminNode(mesh, self)).judge(named)).toHaveLength(2)
  })
})

describe('a member that asks for one name after another', () => {
  it('gets one in ten seconds', async () => {
    const [mesh, self] = (await devices(2)) as [Device, Device]
    const { members, clock, judge } = await adminNode(mesh, self)
    const shown = await madeUp(mesh, self)
    const named = await judge(shown, 'loft')
    expect(members.get(shown.id)?.name).toBe('loft')
    const renamed = { id: shown.id, chain: named }
    expect(await judge(renamed, 'attic')).toEqual([])
    clock.advance(10_000)
    expect(await judge(renamed, 'attic')).toHaveLength(2)
    expect(members.get(shown.id)?.name).toBe('attic')
  })
})
