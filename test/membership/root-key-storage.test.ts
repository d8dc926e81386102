import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { generateKeyPair } from '@libp2p/crypto/keys'
import { describe, it } from 'vitest'
import { meshIdOf, RootKey } from '../../node/membership/root-key.ts'
import { loadKey } from '../../storage/keys/keychain.ts'
import { temporaryHome } from '../storage/home.ts'

/** Makes the work of storing a key last, as a passphrase is meant to. */
const PASSPHRASE = 'correct horse battery staple'

describe('the root key of a device', () => {
  it('is made once, and is that of its own mesh only', async () => {
    const path = join(temporaryHome(), 'root.key')
    const root = new RootKey(path, {})
    const made = await root.create()
    assert.equal(await root.create(), made)
    assert.equal(root.of(meshIdOf(made)), made)
    assert.equal(root.of('another mesh'), undefined)

    const later = new RootKey(path, {})
    assert.equal(later.of(meshIdOf(made)), undefined)
    await later.load()
    assert.ok(later.of(meshIdOf(made))?.equals(made))
  })

  it('is on disk once it was replaced', async () => {
    const path = join(temporaryHome(), 'root.key')
    const root = new RootKey(path, { passphrase: PASSPHRASE })
    const old = await root.create()
    const key = await generateKeyPair('Ed25519')
    await root.replace(key)
    assert.ok((await loadKey(path, { passphrase: PASSPHRASE }))?.equals(key))
    assert.equal(root.of(meshIdOf(key)), key)
    assert.equal(root.of(meshIdOf(old)), undefined)
  })

  it('is off the device once it was removed, and may be made anew', async () => {
    const path = join(temporaryHome(), 'root.key')
    const root = new RootKey(path, {})
    const old = await root.create()
    root.remove()
    assert.equal(existsSync(path), false)
    assert.equal(root.of(meshIdOf(old)), undefined)
    assert.ok(!(await root.create()).equals(old))
  })
})
