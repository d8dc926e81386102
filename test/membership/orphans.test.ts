import { afterAll, describe, expect, it } from 'vitest'
import { Authority } from '../../node/membership/authority.ts'
import { MemberCheck, ORPHANS_MAX } from '../../node/membership/member-check.ts'
import { Members } from '../../node/membership/members.ts'
import type { Hello } from '../../protocols/hello/index.ts'
import { MeshStore } from '../../storage/mesh/mesh-store.ts'
import { ManualClock } from '../capabilities/manual-clock.ts'
import { type Device, device, revocation, sealed } from './mesh-keys.ts'
import { temporaryDatabase } from './temporary-database.ts'

const ignore = (): void => {}
const HELLO = { meshName: 'home', meshNamedAtMs: 0 } as Hello

const database = temporaryDatabase()
afterAll(() => database[Symbol.dispose]())

/** An admin that knows `count` devices of another admin, which the root then removes. */
async function orphansOf(count: number) {
  for (const table of ['mesh', 'member', 'revocation']) database.prepare(`DELETE FROM ${table}`).run()
  const [mesh, self, hostile] = (await Promise.all(Array.from({ length: 3 }, device))) as [
    Device,
    Device,
    Device
  ]
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
    chain: () => members.chain,
    role: () => 'admin',
    mayRemoveMore: ignore,
    lastKnown: id => members.lastKnown(id)
  })
  const issuer = await sealed({ mesh, issuer: mesh, subject: hostile })
  const show = async () => {
    const subject = await device()
    return { id: subject.id, chain: [await sealed({ mesh, issuer: hostile, subject }), issuer] }
  }
  const shown = await Promise.all(Array.from({ length: count }, show))
  for (const { id, chain } of shown) await members.admit(id, chain)
  await members.revoke(await revocation({ mesh, issuer: mesh, subject: hostile }))
  const check = new MemberCheck({ clock, members, authority, peerId: self.id })
  return {
    members,
    shown,
    later: await show(),
    judge: (peer: (typeof shown)[0]) => check.judge(peer!.id, peer!.chain, HELLO)
  }
}

describe('a device that a removed admin had let in', () => {
  it('gets fresh certificates from an admin that knew it before, and a later one gets none', async () => {
    const { members, shown, later, judge } = await orphansOf(3)
    expect(await judge(shown[0]!)).toHaveLength(2)
    expect(members.get(shown[0]!.id)?.role).toBe('member')
    await expect(judge(later)).rejects.toMatchObject({ code: 'CERTIFICATE_INVALID' })
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
