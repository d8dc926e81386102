import assert from 'node:assert/strict'
import fc from 'fast-check'
import { afterAll, describe, expect, it } from 'vitest'
import type { LumosError } from '../../interface/errors.ts'
import { CERTIFICATE_LIFE_MS } from '../../interface/membership.ts'
import { CLOCK_LEEWAY_MS } from '../../node/membership/chain.ts'
import { Members } from '../../node/membership/members.ts'
import { FORGOTTEN_AFTER_MS } from '../../node/membership/members-core.ts'
import { REVOCATIONS_PER_ADMIN_MAX } from '../../node/membership/removals.ts'
import { openRevocation } from '../../protocols/membership/index.ts'
import { MeshStore } from '../../storage/mesh/mesh-store.ts'
import { ManualClock } from '../capabilities/manual-clock.ts'
import { type Device, device, revocation, sealed } from './mesh-keys.ts'
import { temporaryDatabase } from './temporary-database.ts'

const [mesh, self, ada, bob, carl, dora] = (await Promise.all(Array.from({ length: 6 }, device))) as [
  Device,
  Device,
  Device,
  Device,
  Device,
  Device
]
/** Ada and Bob are admins; Carl was let in by Ada, Dora by Bob. */
const everyone = [self, ada, bob, carl, dora]
const rootSigned = (subject: Device) => sealed({ mesh, issuer: mesh, subject })
const adaChain = [await rootSigned(ada)]
const bobChain = [await rootSigned(bob)]
const carlChain = [await sealed({ mesh, issuer: ada, subject: carl }), adaChain[0]!]
const doraChain = [await sealed({ mesh, issuer: bob, subject: dora }), bobChain[0]!]
const CHAINS = [
  [ada.id, adaChain],
  [bob.id, bobChain],
  [carl.id, carlChain],
  [dora.id, doraChain]
] as const

/** Every kind of removal: by the root and by admins, of admins and of devices, said once and twice. */
const REVOCATIONS = await Promise.all([
  revocation({ mesh, issuer: mesh, subject: ada }),
  revocation({ mesh, issuer: mesh, subject: carl }),
  revocation({ mesh, issuer: ada, subject: bob }),
  revocation({ mesh, issuer: bob, subject: ada }),
  revocation({ mesh, issuer: ada, subject: carl }),
  revocation({ mesh, issuer: bob, subject: carl }),
  revocation({ mesh, issuer: bob, subject: carl }, 1),
  revocation({ mesh, issuer: ada, subject: dora })
])

const database = temporaryDatabase()
afterAll(() => database[Symbol.dispose]())

/** What one node knows: everyone's certificates, and no revocation. */
async function knowing(
  chains: readonly (readonly [string, readonly Uint8Array[]])[] = CHAINS,
  namedAtMs = 0
) {
  for (const table of ['mesh', 'member', 'revocation']) database.prepare(`DELETE FROM ${table}`).run()
  const cutOff: string[] = []
  const removed: string[] = []
  const full: string[] = []
  const clock = new ManualClock()
  const members = new Members(
    { id: mesh.id, name: 'home', namedAtMs, chain: [await rootSigned(self)] },
    {
      store: new MeshStore(database),
      clock,
      peerId: self.id,
      onRevoked: id => cutOff.push(id),
      onJoined() {},
      onRenamed() {},
      onRemoved: id => removed.push(id),
      onRoomFull: (id, _name, room) => full.push(`${id} ${room}`)
    }
  )
  await members.load()
  for (const [id, chain] of chains) await members.admit(id, chain)
  return { members, cutOff, removed, full, clock }
}

/** As bytes of a peer come: a slice of something larger. */
function sliceOf(bytes: Uint8Array): Uint8Array {
  const pool = new Uint8Array(65_536)
  pool.set(bytes, 100)
  return pool.subarray(100, 100 + bytes.byteLength)
}

describe('what is kept of members', () => {
  it('takes its own size in memory, and not that of the message it came in', async () => {
    const { members } = await knowing(CHAINS.map(([id, chain]) => [id, chain.map(sliceOf)] as const))
    for (const { envelope, issuerCertificate } of REVOCATIONS) {
      await members.revoke({
        envelope: sliceOf(envelope),
        issuerCertificate: issuerCertificate && sliceOf(issuerCertificate)
      })
    }
    const certificates = CHAINS.flatMap(([id]) => members.chainOf(id)!)
    const revocations = members
      .revocations()
      .flatMap(({ envelope, issuerCertificate }) => [
        envelope,
        ...(issuerCertificate ? [issuerCertificate] : [])
      ])
    expect(certificates.length).toBeGreaterThan(CHAINS.length)
    expect(revocations.length).toBeGreaterThan(REVOCATIONS.length)
    for (const bytes of [...certificates, ...revocations]) {
      expect(bytes.buffer.byteLength).toBe(bytes.byteLength)
    }
  })
})

describe('the proof that comes with a refusal', () => {
  it('is shown to a device that the removed admin let in, and to no stranger that names that admin', async () => {
    const { members } = await knowing([])
    await members.revoke(REVOCATIONS[0]!)
    const refusal = (peerId: string, chain: readonly Uint8Array[]) =>
      members.admit(peerId, chain).then(
        () => expect.unreachable(),
        err => err as LumosError
      )
    const madeUp = { mesh, issuer: dora, subject: dora }
    const stranger = [await sealed(madeUp), await sealed({ mesh, issuer: dora, subject: ada })]

    expect((await refusal(carl.id, carlChain)).details.revocation).toBeInstanceOf(Uint8Array)
    // What a stranger signs itself may name as a voucher any admin, and carry a certificate of any other.
    const vouched = [await sealed({ ...madeUp, subject: carl }, { vouchers: [ada.id] }), bobChain[0]!]
    for (const [id, chain] of [
      [dora.id, stranger],
      [carl.id, vouched]
    ] as const) {
      const { code, details } = await refusal(id, chain)
      expect(code).toBe('CERTIFICATE_INVALID')
      expect(details.revocation).toBeUndefined()
    }
  })
})

describe('fresh certificates for this device', () => {
  it('never make less of an admin: only the root decides about admins', async () => {
    const { members } = await knowing([])
    const lesser = await sealed({ mesh, issuer: ada, subject: self }, { role: 'guest', notBeforeMs: 1000 })
    await members.renew([lesser, adaChain[0]!])
    expect(members.get(self.id)?.role).toBe('admin')
    expect(members.own.chain.length).toBe(1)
  })
})

describe('the name of the mesh', () => {
  const DAY_MS = 24 * 3600 * 1000

  it('that comes from years ahead changes nothing, and the next rename still wins', async () => {
    const { members, clock } = await knowing([])
    members.own.heardName('frozen', Number.MAX_SAFE_INTEGER)
    members.own.heardName('frozen', clock.wallMs() + 2 * DAY_MS + 1)
    expect(members.own.naming).toEqual({ meshName: 'home', meshNamedAtMs: 0 })
    members.own.heardName('ahead', clock.wallMs() + 2 * DAY_MS)
    clock.advance(1)
    members.own.rename('house')
    expect(members.own.naming).toEqual({ meshName: 'house', meshNamedAtMs: 2 * DAY_MS + 1 })
  })

  it('that is stored with a time from years ahead gives way to any other', async () => {
    for (const namedAtMs of [Number.MAX_SAFE_INTEGER, 2 ** 53]) {
      const { members, clock } = await knowing([], namedAtMs)
      expect(members.own.naming).toEqual({ meshName: 'home', meshNamedAtMs: 0 })
      clock.advance(1000)
      members.own.heardName('house', 500)
      members.own.rename('flat')
      expect(members.own.naming).toEqual({ meshName: 'flat', meshNamedAtMs: 1000 })
    }
  })
})

/** Of as many devices as a hostile admin likes to make up. */
const FLOOD = await Promise.all(
  Array.from({ length: REVOCATIONS_PER_ADMIN_MAX + 40 }, async () =>
    revocation({ mesh, issuer: bob, subject: await device() })
  )
)

describe('an admin that floods the mesh with revocations', () => {
  it('fills its own room, once and audibly, and keeps neither the root nor other admins from removing', async () => {
    const { members, full, removed } = await knowing()
    for (const proof of FLOOD) await members.revoke(proof)
    expect(members.revocations().length).toBe(REVOCATIONS_PER_ADMIN_MAX)
    expect(full).toEqual([`${bob.id} revocations`])
    expect(removed).toEqual([])
    expect(() => members.mayRemoveMore(bob.id)).toThrow(String(REVOCATIONS_PER_ADMIN_MAX))
    expect(() => members.mayRemoveMore(ada.id)).not.toThrow()

    expect(await members.revoke(await revocation({ mesh, issuer: ada, subject: carl }))).toBe(true)
    expect(await members.revoke(await revocation({ mesh, issuer: mesh, subject: bob }))).toBe(true)
    expect([ada, bob, carl, dora].map(({ id }) => members.standing(id).kind)).toEqual([
      'member',
      'revoked',
      'revoked',
      'stranger'
    ])
    expect(members.revocations()[0]!.issuerCertificate, 'the first that travels').toBe(null)
  })

  it('leaves the same revocations everywhere, whatever the order in which they came', async () => {
    const { members: one } = await knowing()
    for (const proof of FLOOD) await one.revoke(proof)
    const { members: other } = await knowing()
    for (const proof of [...FLOOD].reverse()) await other.revoke(proof)
    expect(other.revocationsDigest).toBe(one.revocationsDigest)
    for (const proof of one.revocations()) expect(await other.revoke(proof)).toBe(false)
  })

  it('takes one place for one device, however often it removes that', async () => {
    const { members } = await knowing()
    for (let at = 0; at < 20; at++)
      await members.revoke(await revocation({ mesh, issuer: bob, subject: carl }, at))
    expect(members.revocations().length).toBe(1)
    expect(new MeshStore(database).revocations().length).toBe(1)
  })

  it('leaves no more than its room of what an older version had stored', async () => {
    const { members } = await knowing()
    const store = new MeshStore(database)
    for (const { envelope, issuerCertificate } of FLOOD) {
      const { hash, value } = await openRevocation(envelope)
      store.storeRevocation({ hash, subject: value.subject, envelope, issuerCertificate })
    }
    await members.load()
    expect(members.revocations().length).toBe(REVOCATIONS_PER_ADMIN_MAX)
    expect(store.revocations().length).toBe(REVOCATIONS_PER_ADMIN_MAX)
  })
})

describe('a revocation that does not count', () => {
  it('cuts nothing off, and removes nothing', async () => {
    const { members, cutOff, removed } = await knowing()
    await members.revoke(await revocation({ mesh, issuer: bob, subject: ada }))
    expect({ cutOff, removed }).toEqual({ cutOff: [], removed: [] })
    await members.revoke(await revocation({ mesh, issuer: mesh, subject: ada }))
    expect(removed).toEqual([ada.id])
    expect(cutOff.sort()).toEqual([ada.id, carl.id].sort())
  })

  it('does not keep an admin from a node that does not know it yet', async () => {
    const { members } = await knowing([])
    await members.revoke(await revocation({ mesh, issuer: bob, subject: ada }))
    expect(members.standing(ada.id).kind).toBe('stranger')
    expect((await members.admit(ada.id, adaChain)).role).toBe('admin')
    await members.revoke(await revocation({ mesh, issuer: bob, subject: carl }))
    await expect(members.admit(carl.id, carlChain)).rejects.toMatchObject({ code: 'PEER_REVOKED' })
  })
})

describe('devices that are known', () => {
  it('of an admin that was removed leave when their certificates have ended; others a year later', async () => {
    const { members, clock } = await knowing()
    await members.revoke(await revocation({ mesh, issuer: mesh, subject: ada }))
    const known = () => [carl, dora].map(({ id }) => members.lastKnown(id) !== undefined)
    clock.advance(CERTIFICATE_LIFE_MS + CLOCK_LEEWAY_MS + 1)
    await members.load()
    expect(known()).toEqual([false, true])
    expect(new MeshStore(database).members().map(({ peerId }) => peerId)).not.toContain(carl.id)
    clock.advance(FORGOTTEN_AFTER_MS)
    const again = await knowing([])
    again.clock.advance(CERTIFICATE_LIFE_MS + FORGOTTEN_AFTER_MS + 1)
    await again.members.load()
    expect(again.members.lastKnown(dora.id)).toBe(undefined)
  })
})

const standings = (members: Members) => everyone.map(({ id }) => members.standing(id).kind)
const indices = fc.array(fc.nat(REVOCATIONS.length - 1), { maxLength: 12 })

describe('revocations', () => {
  it('lead to one set and one judgement, in any order and however often each comes', async () => {
    await fc.assert(
      fc.asyncProperty(indices, fc.infiniteStream(fc.nat()), async (picked, chances) => {
        const { members: one } = await knowing()
        for (const index of picked) await one.revoke(REVOCATIONS[index]!)
        const expected = { digest: one.revocationsDigest, standings: standings(one) }

        const { members: other } = await knowing()
        const shuffled = [...new Set(picked), ...picked].map(index => ({ index, at: chances.next().value! }))
        shuffled.sort((a, b) => a.at - b.at)
        for (const { index } of shuffled) await other.revoke(REVOCATIONS[index]!)
        assert.deepEqual({ digest: other.revocationsDigest, standings: standings(other) }, expected)
      }),
      { numRuns: 40 }
    )
  })

  it('only ever take away: more of them never make anybody a member again', async () => {
    await fc.assert(
      fc.asyncProperty(indices, async picked => {
        const { members } = await knowing()
        let before = standings(members)
        for (const index of picked) {
          await members.revoke(REVOCATIONS[index]!)
          const after = standings(members)
          for (const [i, kind] of after.entries()) assert.ok(kind !== 'member' || before[i] === 'member')
          before = after
        }
      }),
      { numRuns: 40 }
    )
  })

  it('of different sets have different digests', async () => {
    const digests = new Set<string>()
    for (let set = 0; set < 2 ** REVOCATIONS.length; set += 5) {
      const { members } = await knowing([])
      for (const [i, proof] of REVOCATIONS.entries()) if (set & (1 << i)) await members.revoke(proof)
      expect(digests.has(members.revocationsDigest)).toBe(false)
      digests.add(members.revocationsDigest)
    }
  })

  it('remove an admin, and all that it let in, only when the root says so', async () => {
    const { members, cutOff } = await knowing()
    await members.revoke(await revocation({ mesh, issuer: bob, subject: ada }))
    expect(members.standing(ada.id).kind).toBe('member')
    await members.revoke(await revocation({ mesh, issuer: mesh, subject: ada }))
    expect(members.standing(ada.id).kind).toBe('revoked')
    expect(members.standing(carl.id).kind).toBe('stranger')
    expect(members.orphan(carl.id)?.peerId).toBe(carl.id)
    expect(members.standing(dora.id).kind).toBe('member')
    expect(cutOff).toContain(ada.id)
    expect(cutOff).toContain(carl.id)
  })

  it('of members, of strangers and of other meshes change nothing', async () => {
    const other = await device()
    const { members, cutOff } = await knowing()
    const signedBy = (issuer: Device, issuerCertificate: Uint8Array | null) =>
      revocation({ mesh, issuer, subject: dora }).then(({ envelope }) => ({ envelope, issuerCertificate }))
    const forgeries = [
      revocation({ mesh: other, issuer: other, subject: dora }),
      // A member shows its own certificate, a stranger that of an admin; an admin shows none.
      signedBy(carl, carlChain[0]!),
      signedBy(other, adaChain[0]!),
      signedBy(ada, null)
    ]
    for (const forgery of forgeries) {
      await expect(members.revoke(await forgery)).rejects.toMatchObject({ code: 'CERTIFICATE_INVALID' })
    }
    expect(members.revocations()).toEqual([])
    expect(cutOff).toEqual([])
  })

  it('hold for a device that shows its certificate again, and after a restart', async () => {
    const { members } = await knowing()
    await members.revoke(await revocation({ mesh, issuer: ada, subject: dora }))
    await expect(members.admit(dora.id, doraChain)).rejects.toMatchObject({ code: 'PEER_REVOKED' })
    expect(members.standing(dora.id).kind).toBe('revoked')

    const again = new Members(
      { id: mesh.id, name: 'home', namedAtMs: 0, chain: members.own.chain },
      {
        store: new MeshStore(database),
        clock: new ManualClock(),
        peerId: self.id,
        onRevoked() {},
        onJoined() {},
        onRenamed() {},
        onRemoved() {},
        onRoomFull() {}
      }
    )
    await again.load()
    expect(again.standing(dora.id).kind).toBe('revoked')
    expect(again.revocationsDigest).toBe(members.revocationsDigest)
  })
})

describe('a certificate', () => {
  it('that ran out makes a stranger of its device', async () => {
    const { members, clock } = await knowing()
    clock.advance(CERTIFICATE_LIFE_MS + CLOCK_LEEWAY_MS)
    expect(members.standing(carl.id).kind).toBe('member')
    clock.advance(1)
    expect(members.standing(carl.id).kind).toBe('stranger')
  })

  it('that begins later replaces another one, even if it ends sooner; an earlier one replaces none', async () => {
    const { members } = await knowing()
    const later = [await sealed({ mesh, issuer: mesh, subject: carl }, { notBeforeMs: 1, notAfterMs: 1000 })]
    expect((await members.admit(carl.id, later)).role).toBe('admin')
    expect((await members.admit(carl.id, carlChain)).role).toBe('admin')
    expect(members.get(carl.id)).toMatchObject({ role: 'admin', notAfterMs: 1000 })
  })

  it('that is refused leaves its device what it was', async () => {
    const { members } = await knowing()
    const forged = [await sealed({ mesh, issuer: carl, subject: dora }), carlChain[0]!]
    await expect(members.admit(dora.id, forged)).rejects.toMatchObject({ code: 'CERTIFICATE_INVALID' })
    expect(members.standing(dora.id).kind).toBe('member')
  })
})
