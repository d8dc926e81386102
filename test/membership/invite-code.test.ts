import assert from 'node:assert/strict'
import { generateKeyPairFromSeed } from '@libp2p/crypto/keys'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import fc from 'fast-check'
import { describe, it } from 'vitest'
import { uniqueName } from '../../node/membership/names.ts'
import { fromSealedText, toSealedText } from '../../node/membership/sealed-text.ts'
import { formatInviteCode, type InviteCode, parseInviteCode } from '../../node/pairing/invite-code.ts'
import { checkPhrase, isJoinProof, joinProof } from '../../node/pairing/pairing-secret.ts'

const ids = await Promise.all(
  Array.from({ length: 8 }, async (_, i) =>
    peerIdFromPrivateKey(await generateKeyPairFromSeed('Ed25519', new Uint8Array(32).fill(i))).toString()
  )
)
const id = fc.constantFrom(...ids)
const port = fc.integer({ min: 1, max: 65535 })
const address = fc.oneof(
  fc.tuple(fc.ipV4(), port).map(([ip, tcp]) => `/ip4/${ip}/tcp/${tcp}`),
  port.map(tcp => `/ip6/fd00::1/tcp/${tcp}`),
  port.map(tcp => `/dns4/den.example/tcp/${tcp}`)
)
const code: fc.Arbitrary<InviteCode> = fc.record({
  mesh: id,
  inviter: id,
  secret: fc.uint8Array({ minLength: 16, maxLength: 16 }),
  expiresAtMs: fc.integer({ min: 0, max: 2 ** 48 - 1 }),
  addresses: fc.array(address, { maxLength: 12 })
})

describe('an invitation code', () => {
  it('is read as it was written, in capitals and broken into lines too', () => {
    fc.assert(
      fc.property(code, fc.boolean(), (written, capitals) => {
        const text = formatInviteCode(written)
        assert.match(text, /^lumos:[a-z2-7]+$/)
        const shown = (capitals ? text.toUpperCase() : text).replace(/.{40}/g, '$&\n  ')
        assert.deepEqual(parseInviteCode(shown), { ...written })
      })
    )
  })

  it('with any character changed, lost or added is refused', () => {
    fc.assert(
      fc.property(
        code,
        fc.nat(),
        fc.constantFrom(...'abcdefgh234567'),
        fc.integer({ min: 0, max: 2 }),
        (written, at, letter, kind) => {
          const text = formatInviteCode(written)
          const place = 6 + (at % (text.length - 6))
          const wrong =
            text.slice(0, place) + (kind === 0 ? '' : letter) + text.slice(kind === 2 ? place : place + 1)
          if (wrong !== text) assert.throws(() => parseInviteCode(wrong), { code: 'INVITE_INVALID' })
        }
      )
    )
  })

  it('of anything else is refused, and nothing else happens', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.uint8Array({ maxLength: 300 }).map(toSealedText)), text => {
        assert.throws(() => parseInviteCode(`lumos:${text}`), { code: 'INVITE_INVALID' })
      })
    )
  })
})

describe('sealed text', () => {
  it('is read as it was written', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 200 }), bytes => {
        assert.deepEqual(fromSealedText(toSealedText(bytes)), bytes)
      })
    )
  })
})

describe('a pair of devices', () => {
  it('proves and shows something that depends on each of the two, the mesh and the secret', () => {
    const key = fc.uint8Array({ minLength: 16, maxLength: 16 })
    const pair = fc.record({ mesh: id, inviter: id, joiner: id })
    fc.assert(
      fc.property(key, pair, key, pair, (oneKey, one, otherKey, other) => {
        const same = JSON.stringify([[...oneKey], one]) === JSON.stringify([[...otherKey], other])
        assert.equal(isJoinProof(joinProof(oneKey, one), otherKey, other), same)
        assert.equal(checkPhrase(oneKey, one) === checkPhrase(otherKey, other), same)
        assert.match(checkPhrase(oneKey, one), /^[a-z]{5}( [a-z]{5}){3}$/)
      })
    )
  })
})

describe('a unique name', () => {
  it('is the wished one, or has the lowest number nobody has, and stays short enough', () => {
    const taken = new Set<string>()
    for (let i = 0; i < 3; i++) taken.add(uniqueName('pi', taken))
    assert.deepEqual([...taken], ['pi', 'pi-2', 'pi-3'])
    const long = 'a'.repeat(63)
    assert.equal(uniqueName(long, new Set([long])).length, 63)
  })
})
