import { describe, expect, it } from 'vitest'
import { CERTIFICATE_LIFE_MS, type Membership } from '../../interface/membership.ts'
import { adviceFor, type Situation } from '../../node/membership/advice.ts'
import { clocksApart } from '../../node/membership/clocks.ts'

const DAY_MS = 24 * 3600 * 1000
const own: Membership = {
  ...{ peerId: 'own', role: 'member', name: 'board', serial: '', issuer: 'admin', vouchers: [] },
  ...{ notBeforeMs: 0, notAfterMs: CERTIFICATE_LIFE_MS }
}
const advised = (over: Partial<Situation>): string =>
  adviceFor({
    ...{ own, members: 3, admins: 2, holdsRoot: false, isRemoved: false, isOrphan: false },
    ...{ isCopied: false, wasBehind: false },
    ...{ saidRemoved: [], clocks: [], wallMs: 0 },
    ...over
  })
    .map(({ words }) => words)
    .join()

describe('the owner of a device', () => {
  it('is told two weeks before its certificate ends that no admin has renewed it', () => {
    expect(advised({ wallMs: CERTIFICATE_LIFE_MS - 16 * DAY_MS })).toBe('')
    expect(advised({ wallMs: CERTIFICATE_LIFE_MS - 14 * DAY_MS })).toMatch(/ends on 1970-04-01/)
  })

  it('is told that the admin which let it in was removed, and not that its certificate has ended', () => {
    expect(advised({ own: undefined, isOrphan: true })).toMatch(/was removed. Another admin .* renews/)
    expect(advised({ own: undefined })).toMatch(/has expired/)
  })

  it('is told whose clock and its own are apart, and by how much', () => {
    const HOUR_MS = 3600 * 1000
    const ttlMs = 180_000
    const issued = new Map([
      ['den', 3 * HOUR_MS],
      ['attic', 2 * HOUR_MS],
      ['board', -DAY_MS],
      ['lately', 9 * 60_000],
      ['late', -12 * 60_000]
    ])
    const others = [...issued.keys(), 'silent'].map(name => ({ peerId: name, name }))
    const living = (id: string) => {
      const issuedAtMs = issued.get(id)
      return issuedAtMs === undefined ? undefined : { issuedAtMs, ttlMs }
    }
    const words = () => advised({ clocks: clocksApart(others, living, 0) })
    expect(words()).toMatch(
      /^By the clock of board, that of this device is about 24 hours ahead\. Set the one/
    )
    issued.delete('board')
    expect(words()).toMatch(/^By the clock of den, attic, that of this device is about 3 hours behind\./)
    issued.set('den', 11 * 60_000).delete('attic')
    expect(words()).toMatch(/^By the clock of den, that of this device is about 11 minutes behind\./)
    issued.delete('den')
    expect(words()).toBe('')
  })

  it('is told of a certificate that begins years ahead, and what to do', () => {
    const ahead = { ...own, notBeforeMs: Date.UTC(2099, 0, 1), notAfterMs: Date.UTC(2099, 3, 1) }
    expect(advised({ own: ahead, wallMs: Date.UTC(2026, 10, 1) })).toMatch(
      /begins on 2099-01-01.*clock says 2026-11-01.*lumos-node leave/
    )
  })
})
