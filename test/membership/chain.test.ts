import assert from 'node:assert/strict'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { systemClock } from '../../interface/clock.ts'
import type { ErrorCode } from '../../interface/errors.ts'
import { LumosError } from '../../interface/errors.ts'
import { BACKDATED_MS, CERTIFICATE_LIFE_MS, type Certificate, ROLES } from '../../interface/membership.ts'
import { foundMesh } from '../../node/membership/authority.ts'
import {
  type ChainContext,
  CLOCK_LEEWAY_MS,
  checkChain,
  isLater,
  isMisdated,
  isWithinLeeway,
  membershipOf
} from '../../node/membership/chain.ts'
import { openCertificate } from '../../protocols/membership/index.ts'
import { certificate, device, sealed } from './mesh-keys.ts'

const [mesh, admin, subject, stranger] = await Promise.all([device(), device(), device(), device()])
const NOW_MS = 10 * CERTIFICATE_LIFE_MS
const MINUTE_MS = 60_000
const DAY_MS = 24 * 60 * MINUTE_MS
const WHOLE_LIFE_MS = BACKDATED_MS + CERTIFICATE_LIFE_MS

interface Case {
  chain: Certificate[]
  context: ChainContext
}

/** A chain as an honest mesh makes it, at some moment of its life. */
const honest: fc.Arbitrary<Case> = fc
  .record({
    role: fc.constantFrom(...ROLES),
    lifeMs: fc.integer({ min: 1, max: WHOLE_LIFE_MS }),
    age: fc.double({ min: 0, max: 1, noNaN: true })
  })
  .map(({ role, lifeMs, age }) => {
    const notBeforeMs = NOW_MS - Math.floor(age * lifeMs)
    const life = { notBeforeMs, notAfterMs: notBeforeMs + lifeMs }
    const root = certificate({ mesh, issuer: mesh, subject: admin }, life)
    const chain =
      role === 'admin'
        ? [certificate({ mesh, issuer: mesh, subject }, life)]
        : [certificate({ mesh, issuer: admin, subject }, { ...life, role }), root]
    return {
      chain,
      context: { mesh: mesh.id, subject: subject.id, wallMs: NOW_MS, isRevoked: () => false }
    }
  })

/** What may be wrong with a chain, and what it is called. Undefined where it cannot be wrong in that way. */
const FLAWS: Record<string, [ErrorCode, (good: Case) => Partial<Case> | undefined]> = {
  'is of another mesh': [
    'CERTIFICATE_INVALID',
    ({ chain }) => ({ chain: chain.map(link => ({ ...link, mesh: stranger.id })) })
  ],
  'has one link of another mesh': [
    'CERTIFICATE_INVALID',
    ({ chain }) => ({ chain: chain.with(-1, { ...chain.at(-1)!, mesh: stranger.id }) })
  ],
  'was issued to somebody else': [
    'CERTIFICATE_INVALID',
    ({ chain }) => ({ chain: chain.with(0, { ...chain[0]!, subject: stranger.id }) })
  ],
  'is empty': ['CERTIFICATE_INVALID', () => ({ chain: [] })],
  'is too long': [
    'CERTIFICATE_INVALID',
    ({ chain }) => ({ chain: [...chain, ...chain, ...chain].slice(0, 3) })
  ],
  'ends before the root': [
    'CERTIFICATE_INVALID',
    ({ chain }) => (chain.length > 1 ? { chain: chain.slice(0, 1) } : undefined)
  ],
  'ends in another root': [
    'CERTIFICATE_INVALID',
    ({ chain }) => ({ chain: chain.with(-1, { ...chain.at(-1)!, issuer: stranger.id }) })
  ],
  'goes through somebody who is no admin': [
    'CERTIFICATE_INVALID',
    ({ chain }) => (chain.length > 1 ? { chain: chain.with(1, { ...chain[1]!, role: 'member' }) } : undefined)
  ],
  'goes through another admin than its issuer': [
    'CERTIFICATE_INVALID',
    ({ chain }) =>
      chain.length > 1 ? { chain: chain.with(1, { ...chain[1]!, subject: stranger.id }) } : undefined
  ],
  'makes an admin and is not of the root': [
    'CERTIFICATE_INVALID',
    ({ chain }) => (chain.length > 1 ? { chain: chain.with(0, { ...chain[0]!, role: 'admin' }) } : undefined)
  ],
  'makes a member and is of the root itself': [
    'CERTIFICATE_INVALID',
    ({ chain }) => (chain.length === 1 ? { chain: [{ ...chain[0]!, role: 'member' }] } : undefined)
  ],
  'lives too long': [
    'CERTIFICATE_INVALID',
    ({ chain }) => ({
      chain: chain.with(0, { ...chain[0]!, notAfterMs: chain[0]!.notBeforeMs + WHOLE_LIFE_MS + 1 })
    })
  ],
  'has expired': [
    'CERTIFICATE_EXPIRED',
    ({ chain, context }) => ({
      context: { ...context, wallMs: chain[0]!.notAfterMs + CLOCK_LEEWAY_MS + 1 }
    })
  ],
  'is not valid yet': [
    'CERTIFICATE_EXPIRED',
    ({ chain, context }) => ({
      context: { ...context, wallMs: chain[0]!.notBeforeMs - CLOCK_LEEWAY_MS - 1 }
    })
  ],
  'is of a device that was removed': [
    'PEER_REVOKED',
    ({ context }) => ({ context: { ...context, isRevoked: id => id === subject.id } })
  ],
  'goes through an admin that was removed': [
    'CERTIFICATE_INVALID',
    ({ chain, context }) =>
      chain.length > 1 ? { context: { ...context, isRevoked: id => id === admin.id } } : undefined
  ]
}

describe('a chain of certificates', () => {
  it('that is right makes a member of its subject', () => {
    fc.assert(
      fc.property(honest, ({ chain, context }) => {
        const { peerId, role, issuer } = checkChain(chain, context)
        assert.deepEqual(
          { peerId, role, issuer },
          {
            peerId: subject.id,
            role: chain[0]!.role,
            issuer: chain[0]!.issuer
          }
        )
      })
    )
  })

  it.each(Object.keys(FLAWS))('that %s is refused', flaw => {
    const [code, spoil] = FLAWS[flaw]!
    fc.assert(
      fc.property(honest, good => {
        const spoilt = spoil(good)
        fc.pre(spoilt !== undefined)
        const { chain, context } = { ...good, ...spoilt }
        assert.throws(
          () => checkChain(chain, context),
          (err: unknown) => err instanceof LumosError && err.code === code
        )
      })
    )
  })

  it('counts nine minutes past its end or before its beginning, which is noted, and eleven minutes not', () => {
    const life = { notBeforeMs: NOW_MS, notAfterMs: NOW_MS + DAY_MS }
    const chain = [certificate({ mesh, issuer: mesh, subject }, life)]
    const at = (wallMs: number) => () =>
      checkChain(chain, { mesh: mesh.id, subject: subject.id, wallMs, isRevoked: () => false })
    const noted = (wallMs: number) => isWithinLeeway(membershipOf(chain), wallMs)

    for (const wallMs of [life.notBeforeMs - 9 * MINUTE_MS, life.notAfterMs + 9 * MINUTE_MS]) {
      expect(at(wallMs)).not.toThrow()
      expect(noted(wallMs)).toBe(true)
    }
    for (const wallMs of [life.notBeforeMs, life.notAfterMs]) expect(noted(wallMs)).toBe(false)
    expect(at(life.notBeforeMs - 11 * MINUTE_MS)).toThrow('not valid yet')
    expect(at(life.notAfterMs + 11 * MINUTE_MS)).toThrow('has expired')
  })

  it('counts from the moment it is issued for a clock a day behind, made by one a day ahead, and the reverse', async () => {
    const grant = { subject: subject.id, name: 'device' }
    for (const [issuerMs, judgeMs] of [
      [NOW_MS + DAY_MS, NOW_MS - DAY_MS],
      [NOW_MS - DAY_MS, NOW_MS + DAY_MS]
    ] as const) {
      const clock = { ...systemClock, wallMs: () => issuerMs }
      const { chain } = await foundMesh(grant, 'home', mesh.key, clock)
      const certificates = [(await openCertificate(chain[0]!)).value]
      const context = { mesh: mesh.id, subject: subject.id, wallMs: judgeMs, isRevoked: () => false }
      const membership = checkChain(certificates, context)
      expect(isWithinLeeway(membership, judgeMs)).toBe(false)
      expect(membership.notAfterMs - judgeMs).toBeGreaterThanOrEqual(88 * DAY_MS)
    }
  })
})

it('is later when it begins later, or ends later; the same one is not', () => {
  const from = (notBeforeMs: number, notAfterMs: number) =>
    membershipOf([certificate({ mesh, issuer: mesh, subject }, { notBeforeMs, notAfterMs })])
  const known = from(100, 1000)
  for (const later of [from(101, 500), from(100, 1001)]) {
    expect(isLater(later, known, NOW_MS)).toBe(true)
    expect(isLater(known, later, NOW_MS)).toBe(false)
  }
  expect(isLater(known, from(100, 1000), NOW_MS)).toBe(false)
})

it('is later than the one that it replaces, whenever that begins, and than no other that begins later', () => {
  const from = (serial: string, notBeforeMs: number, replaces?: string) =>
    membershipOf([certificate({ mesh, issuer: mesh, subject }, { serial, notBeforeMs, replaces })])
  const ahead = from('a'.repeat(32), 1000)
  const fresh = from('b'.repeat(32), 10, ahead.serial)
  const renewed = from('c'.repeat(32), 20, ahead.serial)
  for (const [later, earlier] of [
    [fresh, ahead],
    [renewed, ahead],
    [renewed, fresh]
  ] as const) {
    expect(isLater(later, earlier, NOW_MS)).toBe(true)
    expect(isLater(earlier, later, NOW_MS)).toBe(false)
  }
  expect(isLater(fresh, from('d'.repeat(32), 1000), NOW_MS)).toBe(false)
})

describe('a certificate as bytes', () => {
  it('is refused whichever bit of it is flipped, and never as something else', async () => {
    const bytes = await sealed({ mesh, issuer: admin, subject }, { role: 'member' })
    await fc.assert(
      fc.asyncProperty(fc.nat(bytes.length * 8 - 1), async bit => {
        const flipped = Uint8Array.from(bytes)
        flipped[bit >> 3]! ^= 1 << (bit & 7)
        const code = await openCertificate(flipped).then(
          () => 'opened',
          err => (err as LumosError).code
        )
        assert.match(code, /^CERTIFICATE_(INVALID|FORGED)$/)
      }),
      { numRuns: 300 }
    )
  })

  it('is refused when another key than its issuer signed it', async () => {
    const forged = sealed({ mesh, issuer: { ...admin, key: stranger.key }, subject }, { role: 'member' })
    await expect(openCertificate(await forged)).rejects.toMatchObject({ code: 'CERTIFICATE_FORGED' })
  })
})

describe('a certificate of a wrong clock', () => {
  const TODAY_MS = Date.UTC(2026, 10, 1)
  const from = (notBeforeMs: number, notAfterMs: number) =>
    membershipOf([certificate({ mesh, issuer: mesh, subject }, { notBeforeMs, notAfterMs })])
  const [in1970, today, in2099] = [0, TODAY_MS, TODAY_MS + 73 * 365 * DAY_MS].map(ms =>
    from(ms, ms + 90 * DAY_MS)
  )

  it('gives way to any of a right one', () => {
    for (const wrong of [in1970!, in2099!]) {
      expect(isMisdated(wrong, TODAY_MS)).toBe(true)
      expect(isLater(today!, wrong, TODAY_MS)).toBe(true)
      expect(isLater(wrong, today!, TODAY_MS)).toBe(false)
    }
  })

  it('is none that has ended, nor one that begins within the clock of a device without a battery', () => {
    expect(isMisdated(from(TODAY_MS - 200 * DAY_MS, TODAY_MS - 110 * DAY_MS), TODAY_MS)).toBe(false)
    expect(isMisdated(today!, TODAY_MS - 80 * DAY_MS)).toBe(false)
    expect(isMisdated(today!, 0)).toBe(false)
  })
})
