import { describe, expect, it } from 'vitest'
import { CERTIFICATE_LIFE_MS, type Membership } from '../../interface/membership.ts'
import { adviceFor, type Situation } from '../../node/membership/advice.ts'

const DAY_MS = 24 * 3600 * 1000
const own: Membership = {
  ...{ peerId: 'own', role: 'member', name: 'board', serial: '', issuer: 'admin', vouchers: [] },
  ...{ notBeforeMs: 0, notAfterMs: CERTIFICATE_LIFE_MS }
}
const advised = (over: Partial<Situation>): string =>
  adviceFor({
    ...{ own, members: 3, admins: 2, holdsRoot: false, isRemoved: false, isOrphan: false },
    ...{ isCopied: false, wasBehind: false },
    ...{ saidRemoved: [], wallMs: 0 },
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

  it('is told of a certificate that begins years ahead, and what to do', () => {
    const ahead = { ...own, notBeforeMs: Date.UTC(2099, 0, 1), notAfterMs: Date.UTC(2099, 3, 1) }
    expect(advised({ own: ahead, wallMs: Date.UTC(2026, 10, 1) })).toMatch(
      /begins on 2099-01-01.*clock says 2026-11-01.*lumos-node leave/
    )
  })
})
