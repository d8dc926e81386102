import assert from 'node:assert/strict'
import fc from 'fast-check'
import { describe, it } from 'vitest'
import { MEMBERS_PER_ADMIN_MAX, RENEWED_PER_ADMIN_MAX } from '../../node/membership/member-rooms.ts'
import { stepMembers } from '../../node/membership/members-core.ts'
import { type MembersEffect, type MembersEvent, newMembers } from '../../node/membership/members-state.ts'
import {
  digestOf,
  isRemoved,
  keepRemoval,
  newRemovals,
  type ProvenRevocation,
  REVOCATIONS_PER_ADMIN_MAX,
  wouldKeep
} from '../../node/membership/removals.ts'

const MESH = 'root'
const said = (issuer: string, subject: string, hash: string): ProvenRevocation => ({
  hash,
  value: { version: 1, mesh: MESH, issuer, subject, revokedAtMs: 0 },
  envelope: new Uint8Array(0),
  issuerCertificate: null
})

function keeping(revocations: readonly ProvenRevocation[]) {
  const removals = newRemovals(MESH)
  for (const one of revocations) keepRemoval(removals, one)
  return removals
}

/** Few subjects and many: what fills a room, and what is said again and again. */
const statements = fc.array(
  fc.record({
    issuer: fc.constantFrom('ada', 'bob', MESH),
    subject: fc.nat(900).map(String),
    number: fc.nat(3)
  }),
  { minLength: 1500, maxLength: 2500 }
)

describe('the revocations that are kept', () => {
  it('depend on what was seen and not on the order, and never outgrow the room of an admin', () => {
    fc.assert(
      fc.property(statements, fc.nat(), (all, turn) => {
        const seen = all.map(({ issuer, subject, number }) =>
          said(
            issuer,
            subject,
            `${(Number(subject) * 7919 + number * 104729) % 997}/${issuer}/${subject}/${number}`
          )
        )
        const at = turn % seen.length
        const one = keeping(seen)
        const other = keeping([...seen.slice(at), ...seen.slice(0, at)].reverse())
        assert.equal(digestOf(other), digestOf(one))
        assert.deepEqual([...other.kept.keys()].sort(), [...one.kept.keys()].sort())
        for (const issuer of ['ada', 'bob']) {
          assert.ok((one.rooms.get(issuer)?.size ?? 0) <= REVOCATIONS_PER_ADMIN_MAX)
        }
        // Whatever one has, the other takes nothing of it: they do not pull from each other for ever.
        for (const kept of one.kept.values()) assert.ok(!wouldKeep(other, kept))
        for (const { value } of seen.filter(({ value: { issuer } }) => issuer === MESH)) {
          assert.ok(isRemoved(other, value.subject, 'admin'), 'what the root says is kept')
        }
      }),
      { numRuns: 20 }
    )
  })
})

/** A member table, and what its core does when devices of these admins show their certificates. */
function memberTable() {
  const state = newMembers(MESH)
  const step = (event: MembersEvent): readonly MembersEffect[] => stepMembers(state, event, 1).effects
  const member = (peerId: string, issuer: string, vouchers: string[] = []) => ({
    ...{ peerId, issuer, vouchers, role: issuer === MESH ? ('admin' as const) : ('member' as const) },
    ...{ name: peerId, serial: '', notBeforeMs: 0, notAfterMs: 1000 }
  })
  const admit = (peerId: string, issuer: string, vouchers?: string[]): MembersEffect => {
    const certificate = {
      version: 1 as const,
      mesh: MESH,
      subject: peerId,
      ...member(peerId, issuer, vouchers)
    }
    const admin = { ...certificate, ...member(issuer, MESH), subject: issuer }
    return step({ type: 'admit', peerId, certificates: [certificate, admin], chain: [Uint8Array.of(1)] })[0]!
  }
  const store = (peerId: string, issuer: string, vouchers?: string[]) =>
    step({ type: 'member-stored', membership: member(peerId, issuer, vouchers), chain: [] })
  return { admit, store }
}

describe('a member table', () => {
  it('that one admin has filled takes devices of others, and says once that it is full', () => {
    const { admit, store } = memberTable()
    const effects: MembersEffect[] = []
    for (let i = 0; i < MEMBERS_PER_ADMIN_MAX; i++) effects.push(...store(`made-up-${i}`, 'bob'))
    assert.deepEqual(
      effects.filter(({ type }) => type === 'room-full'),
      [{ type: 'room-full', peerId: 'bob', room: 'members' }]
    )
    const refused = admit('one more', 'bob')
    assert.equal(refused.type === 'refuse' && refused.failure.code, 'DENIED')
    assert.equal(admit('newcomer', 'ada').type, 'store-member')
  })

  it('takes a bounded number of devices that one admin has renewed for another', () => {
    const { admit, store } = memberTable()
    for (let i = 0; i < RENEWED_PER_ADMIN_MAX; i++) store(`made-up-${i}`, 'ada', ['bob'])
    const refused = admit('one more', 'ada', ['carl', 'bob'])
    assert.equal(refused.type === 'refuse' && refused.failure.code, 'DENIED')
    assert.equal(admit('made-up-0', 'ada', ['bob', 'carl']).type, 'store-member')
    assert.equal(admit('of another', 'ada', ['carl']).type, 'store-member')
    assert.equal(admit('newcomer', 'ada').type, 'store-member')
  })
})
