import fc from 'fast-check'
import { assert, describe, expect, it } from 'vitest'
import type { SignedManifest } from '../../interface/manifest.ts'
import { Duplicates } from '../../node/manifests/duplicates.ts'
import { ProviderTable } from '../../node/manifests/provider-table.ts'

const TTL_MS = 10_000
const ISSUER = 'an admin'

const manifest = (over: Partial<SignedManifest['manifest']> = {}, hash = 'a'): SignedManifest => ({
  manifest: {
    version: 1,
    peerId: 'peer',
    epoch: 1,
    sequence: 1,
    ttlMs: TTL_MS,
    issuedAtMs: 0,
    name: 'a device',
    software: 'test',
    hardware: { platform: 'linux', arch: 'x64', cpu: '', cores: 1, memoryBytes: 0, accelerators: [] },
    addresses: [],
    certificates: [Uint8Array.of(0)],
    capabilities: [{ task: 'tensor', model: 'm', slots: 1, warm: true }],
    ...over
  },
  envelope: Uint8Array.of(over.sequence ?? 1),
  hash
})

const codeOf = (run: () => unknown): string => {
  try {
    run()
  } catch (err) {
    return (err as { code: string }).code
  }
  return 'none'
}

describe('the provider table', () => {
  it('takes a newer manifest and tells the one it holds from news', () => {
    const table = new ProviderTable(() => ISSUER)
    expect(table.accept(manifest(), 0, 0)).toBe(true)
    expect(table.accept(manifest(), 0, 1)).toBe(false)
    expect(table.accept(manifest({ sequence: 2 }, 'b'), 0, 2)).toBe(true)
    expect(table.accept(manifest({ epoch: 2, sequence: 0 }, 'c'), 0, 3)).toBe(true)
  })

  it('refuses an older one and keeps what it had', () => {
    const table = new ProviderTable(() => ISSUER)
    table.accept(manifest({ sequence: 5 }, 'new'), 0, 0)
    expect(codeOf(() => table.accept(manifest({ sequence: 4 }, 'old'), 0, 1))).toBe('MANIFEST_STALE')
    expect(table.get('peer', 1)?.hash).toBe('new')
  })

  it('believes neither of two manifests with one number, then believes the next', () => {
    const table = new ProviderTable(() => ISSUER)
    table.accept(manifest({}, 'one'), 0, 0)
    expect(codeOf(() => table.accept(manifest({}, 'two'), 0, 1))).toBe('MANIFEST_EQUIVOCATED')
    expect(table.get('peer', 1)).toBeUndefined()
    expect(codeOf(() => table.accept(manifest({}, 'one'), 0, 2))).toBe('MANIFEST_EQUIVOCATED')
    expect(table.accept(manifest({ sequence: 2 }, 'three'), 0, 3)).toBe(true)
  })

  it('lets a manifest expire, the age it came with included, and never revives it', () => {
    const table = new ProviderTable(() => ISSUER)
    table.accept(manifest(), TTL_MS / 2, 100)
    expect(table.providers({ task: 'tensor' }, 100 + TTL_MS / 2 - 1)).toHaveLength(1)
    expect(table.providers({ task: 'tensor' }, 100 + TTL_MS / 2)).toHaveLength(0)
    expect(codeOf(() => table.accept(manifest(), 0, 100 + TTL_MS))).toBe('MANIFEST_STALE')
    expect(codeOf(() => table.accept(manifest({ sequence: 2 }), TTL_MS, 0))).toBe('MANIFEST_EXPIRED')
  })

  it('refuses after a restart what is older than before it, and takes the same once', () => {
    const table = new ProviderTable(() => ISSUER)
    table.remember({ peerId: 'peer', epoch: 1, sequence: 7, hash: 'seven' })
    expect(table.get('peer', 0)).toBeUndefined()
    expect(codeOf(() => table.accept(manifest({ sequence: 6 }, 'six'), 0, 0))).toBe('MANIFEST_STALE')
    expect(table.accept(manifest({ sequence: 7 }, 'seven'), 0, 0)).toBe(true)
  })

  it('asks after a restart for what it only remembers, so that nobody is missing until they announce again', () => {
    const table = new ProviderTable(() => ISSUER)
    table.remember({ peerId: 'peer', epoch: 1, sequence: 7, hash: 'seven' })
    expect(table.versions()).toEqual([])
    const other = new ProviderTable(() => ISSUER)
    other.accept(manifest({ sequence: 7 }, 'seven'), 0, 0)
    expect(other.newerThan(table.versions(), 1)).toHaveLength(1)
  })

  it('hands on exactly what the other lacks, with its age', () => {
    const table = new ProviderTable(() => ISSUER)
    table.accept(manifest({ peerId: 'a', sequence: 3 }), 10, 0)
    table.accept(manifest({ peerId: 'b', sequence: 4 }), 0, 0)
    const held = [{ peerId: 'b', epoch: 1, sequence: 4 }]
    expect(table.newerThan(held, 5)).toEqual([{ envelope: Uint8Array.of(3), ageMs: 15 }])
    expect(table.newerThan([], 5)).toHaveLength(2)
    expect(table.newerThan(table.versions(), 5)).toHaveLength(0)
  })

  it('holds at most 4096 peers and forgets who has been silent longest', () => {
    const table = new ProviderTable(() => ISSUER)
    for (let i = 0; i < 4097; i++) table.accept(manifest({ peerId: `p${i}` }), 0, i)
    expect(table.versions()).toHaveLength(4096)
    expect(table.get('p0', 4097)).toBeUndefined()
    expect(table.get('p4096', 4097)).toBeDefined()
  })

  it('keeps the peers of other admins when one admin makes up members without end', () => {
    const issuerOf = (peerId: string) => (peerId.startsWith('made-up') ? 'hostile' : ISSUER)
    const table = new ProviderTable(issuerOf)
    const duplicates = new Duplicates(issuerOf)
    table.accept(manifest({ peerId: 'honest' }), 0, 0)
    duplicates.see('honest', 1, 1, 0)
    duplicates.see('honest', 2, 1, 0)
    for (let i = 0; i < 4200; i++) {
      table.accept(manifest({ peerId: `made-up ${i}` }), 0, 1)
      duplicates.see(`made-up ${i}`, 1, 1, 1)
    }
    expect(table.get('honest', 2)).toBeDefined()
    expect(duplicates.see('honest', 1, 2, 2)).toBe('duplicate')
  })

  it('never lets the number of a peer go back, whatever comes in which order', () => {
    const arrivals = fc.array(
      fc.record({
        epoch: fc.integer({ min: 0, max: 2 }),
        sequence: fc.integer({ min: 0, max: 4 }),
        hash: fc.constantFrom('x', 'y'),
        ageMs: fc.integer({ min: 0, max: 2 * TTL_MS }),
        waitMs: fc.integer({ min: 0, max: TTL_MS })
      })
    )
    fc.assert(
      fc.property(arrivals, list => {
        const table = new ProviderTable(() => ISSUER)
        let nowMs = 0
        let last = -1
        for (const { epoch, sequence, hash, ageMs, waitMs } of list) {
          nowMs += waitMs
          const before = table.get('peer', nowMs)?.hash
          const code = codeOf(() => table.accept(manifest({ epoch, sequence }, hash), ageMs, nowMs))
          const [version] = table.versions()
          const number = version === undefined ? -1 : version.epoch * 10 + version.sequence
          assert.isAtLeast(number, last)
          last = number
          if (code !== 'none' && code !== 'MANIFEST_EQUIVOCATED') {
            assert.strictEqual(table.get('peer', nowMs)?.hash, before, 'a refusal changes nothing')
          }
        }
      }),
      { numRuns: 2000 }
    )
  })
})
