import assert from 'node:assert/strict'
import { chmodSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { privateKeyFromProtobuf } from '@libp2p/crypto/keys'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { loadIdentityKey } from '../../storage/keys/keychain.ts'
import { temporaryHome } from './home.ts'

describe('the identity key', () => {
  it('is made once, for its owner only, in the form that libp2p reads', async () => {
    const home = temporaryHome()
    const path = join(home, 'identity.key')

    const made = await loadIdentityKey(path)
    const loaded = await loadIdentityKey(path)

    assert.ok(made.equals(loaded))
    assert.ok(privateKeyFromProtobuf(readFileSync(path)).equals(made))
    assert.equal(statSync(path).mode & 0o777, 0o600)
    assert.deepEqual(readdirSync(home), ['identity.key'])
  })

  it('signs what its public half verifies', async () => {
    const key = await loadIdentityKey(join(temporaryHome(), 'identity.key'))
    const message = Buffer.from('hello')
    assert.ok(await key.publicKey.verify(message, await key.sign(message)))
  })

  it('that others could read is closed to them, with a warning', async () => {
    const path = join(temporaryHome(), 'identity.key')
    await loadIdentityKey(path)
    chmodSync(path, 0o644)
    const warnings: string[] = []
    const ignore = () => {}
    const log = {
      debug: ignore,
      info: ignore,
      error: ignore,
      warn: (_: object, text: string) => void warnings.push(text)
    }

    await loadIdentityKey(path, { log })
    await loadIdentityKey(path, { log })

    assert.equal(statSync(path).mode & 0o777, 0o600)
    assert.equal(warnings.length, 1)
  })

  it('is refused when a single bit of it changed, and never overwritten', async () => {
    const path = join(temporaryHome(), 'identity.key')
    await loadIdentityKey(path)
    const good = readFileSync(path)

    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: good.length * 8 - 1 }), async bit => {
        const bad = Buffer.from(good)
        bad[bit >> 3]! ^= 1 << (bit & 7)
        writeFileSync(path, bad)

        await expect(loadIdentityKey(path)).rejects.toMatchObject({ code: 'STORE_DAMAGED' })
        assert.deepEqual(readFileSync(path), bad)
      })
    )
  })

  it.each([0, 1, 35, 67])('is refused when only %i bytes of it are left', async length => {
    const path = join(temporaryHome(), 'identity.key')
    await loadIdentityKey(path)
    writeFileSync(path, readFileSync(path).subarray(0, length))
    await expect(loadIdentityKey(path)).rejects.toMatchObject({ code: 'STORE_DAMAGED' })
  })
})
