/** What a stolen disk tells: keys under a passphrase, and every way to put them there and take them out. */

import assert from 'node:assert/strict'
import { fork } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { chmodSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { generateKeyPair, privateKeyToProtobuf } from '@libp2p/crypto/keys'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Passphrases, protectKeys } from '../../storage/keys/key-protection.ts'
import { unwrap, wrap } from '../../storage/keys/key-wrap.ts'
import { createKey, isKeyProtected, loadKey, storeKey } from '../../storage/keys/keychain.ts'
import { readPassphrase } from '../../storage/keys/passphrase.ts'
import { programAt } from '../program.ts'
import { temporaryHome } from './home.ts'

const PASSPHRASE = 'correct horse battery'
const OTHER = 'staple of another colour'
const DYING = programAt('test/storage/dying-protection.ts')
const NAMES = ['identity.key', 'mesh-root.key']

/** Stretching a passphrase is slow on purpose, so all tests have copies of the same keys. */
const keys = await Promise.all(NAMES.map(() => generateKeyPair('Ed25519')))
const plain = keys.map(privateKeyToProtobuf)
const wrapped = await Promise.all(plain.map(bytes => wrap(bytes, PASSPHRASE)))

function homeWithKeys(passphrase?: typeof PASSPHRASE) {
  const home = temporaryHome()
  const paths = NAMES.map(name => join(home, name))
  for (const [n, path] of paths.entries()) {
    writeFileSync(path, (passphrase === undefined ? plain : wrapped)[n]!)
  }
  const files = () => paths.map(path => readFileSync(path))
  const opened = async (passphrase?: string) => {
    const loaded = await Promise.all(paths.map(path => loadKey(path, { passphrase })))
    for (const [n, key] of loaded.entries()) assert.ok(key!.equals(keys[n]!))
  }
  return { home, paths, files, opened, protect: (given: Passphrases) => protectKeys(home, given) }
}

describe('a wrapped secret', () => {
  it('opens with its passphrase, typed in any form of Unicode, and with no other', async () => {
    const secret = Buffer.from('the secret')
    const bytes = await wrap(secret, 'caf\u00e9 au lait')

    assert.deepEqual(Buffer.from((await unwrap(bytes, 'cafe\u0301 au lait', 'x'))!), secret)
    assert.equal(await unwrap(bytes, 'cafe au lait', 'x'), undefined)
    assert.ok(!Buffer.from(bytes).includes(secret))
  })

  it('is never stretched or encrypted with the same numbers twice', () => {
    const [a, b] = wrapped.map(bytes => Buffer.from(bytes))
    assert.notDeepEqual(a!.subarray(12, 28), b!.subarray(12, 28))
    assert.notDeepEqual(a!.subarray(28, 52), b!.subarray(28, 52))
  })

  it('is called damaged, not locked, when a single bit of it changed or its end is missing', async () => {
    const good = Buffer.from(wrapped[0]!)
    // Only the bits of the first eight bytes decide whether it is one at all.
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 64, max: good.length * 8 - 1 }), async bit => {
        const bad = Buffer.from(good)
        bad[bit >> 3]! ^= 1 << (bit & 7)
        await expect(unwrap(bad, PASSPHRASE, 'x')).rejects.toMatchObject({ code: 'STORE_DAMAGED' })
      })
    )
    for (let length = 9; length < good.length; length++) {
      const cut = good.subarray(0, length)
      await expect(unwrap(cut, PASSPHRASE, 'x')).rejects.toMatchObject({ code: 'STORE_DAMAGED' })
    }
  })

  it('cannot be altered by somebody who also corrects its sum, and is never stretched too little or too much', async () => {
    const good = Buffer.from(wrapped[0]!)
    const altered = (at: number, value: number) => {
      const bytes = Buffer.from(good)
      bytes[at] = value
      createHash('sha256')
        .update(bytes.subarray(0, -8))
        .digest()
        .copy(bytes, bytes.length - 8, 0, 8)
      return bytes
    }
    // Salt, nonce, secret, tag, and a cost within bounds.
    for (const at of [12, 28, 52, 135]) {
      assert.equal(await unwrap(altered(at, good[at]! ^ 1), PASSPHRASE, 'x'), undefined, `byte ${at}`)
    }
    assert.equal(await unwrap(altered(9, 16), PASSPHRASE, 'x'), undefined)
    // log2 N, r and p out of bounds: refused before any memory is taken.
    for (const [at, value] of [
      [9, 1],
      [9, 14],
      [9, 40],
      [10, 1],
      [10, 255],
      [11, 0],
      [11, 255]
    ] as const) {
      const bytes = altered(at, value)
      await expect(unwrap(bytes, PASSPHRASE, 'x')).rejects.toMatchObject({ code: 'STORE_DAMAGED' })
    }
    await expect(unwrap(altered(8, 2), PASSPHRASE, 'x')).rejects.toMatchObject({ code: 'HOME_NEWER' })
  })
})

describe('the keys of a home', () => {
  it('are made under the passphrase where there is one, for their owner only', async () => {
    const home = temporaryHome()
    const path = join(home, 'identity.key')
    const key = await createKey(path, { passphrase: PASSPHRASE })

    assert.ok((await loadKey(path, { passphrase: PASSPHRASE }))!.equals(key))
    assert.ok(isKeyProtected(path))
    assert.deepEqual(readdirSync(home), ['identity.key'])
    assert.equal(statSync(path).mode & 0o777, 0o600)
    assert.ok(!readFileSync(path).includes(Buffer.from(key.raw.subarray(0, 32))))
  })

  it('are refused without the passphrase and with a wrong one, and stay as they are', async () => {
    const { paths, files } = homeWithKeys(PASSPHRASE)
    const before = files()

    for (const [passphrase, reason] of [
      [undefined, 'missing'],
      [`${PASSPHRASE} `, 'wrong']
    ] as const) {
      await expect(loadKey(paths[0]!, { passphrase })).rejects.toMatchObject({
        code: 'KEY_LOCKED',
        details: { reason }
      })
    }
    assert.deepEqual(files(), before)
  })

  it('are never replaced, and none is made under a passphrase that is too short', async () => {
    const { home, paths, files } = homeWithKeys()
    const before = files()
    await expect(createKey(paths[0]!)).rejects.toMatchObject({ code: 'DENIED' })
    await expect(storeKey(paths[0]!, keys[1]!)).rejects.toMatchObject({ code: 'DENIED' })
    assert.deepEqual(files(), before)

    const path = join(home, 'third.key')
    await expect(createKey(path, { passphrase: '1234567' })).rejects.toMatchObject({ code: 'INVALID_INPUT' })
    assert.equal(await loadKey(path), undefined)
  })

  it('go under a passphrase, under another, and out again', async () => {
    const { protect, opened, files } = homeWithKeys()

    assert.deepEqual(await protect({ next: PASSPHRASE }), NAMES)
    assert.deepEqual(await protect({ present: PASSPHRASE, next: OTHER }), NAMES)
    await opened(OTHER)
    assert.deepEqual(await protect({ present: OTHER }), NAMES)
    assert.deepEqual(
      files(),
      plain.map(bytes => Buffer.from(bytes))
    )
  })

  it('stay as they are when one of them does not open, or is damaged', async () => {
    const { protect, paths, files, home } = homeWithKeys(PASSPHRASE)
    const refused = async (given: Passphrases, code: string) => {
      const before = files()
      await expect(protect(given)).rejects.toMatchObject({ code })
      assert.deepEqual(files(), before)
      assert.deepEqual(readdirSync(home).sort(), NAMES)
    }
    await refused({ present: OTHER }, 'KEY_LOCKED')
    await refused({ next: OTHER }, 'KEY_LOCKED')
    await refused({ present: PASSPHRASE, next: 'short' }, 'INVALID_INPUT')

    writeFileSync(paths[1]!, 'not a key')
    await refused({ present: PASSPHRASE, next: OTHER }, 'STORE_DAMAGED')
  })

  it('that were half done when the process was killed are finished by the same call again', async () => {
    const { protect, paths, opened, home } = homeWithKeys()
    writeFileSync(paths[0]!, wrapped[0]!)
    writeFileSync(join(home, 'mesh-root.key.tmp'), readFileSync(paths[1]!))

    assert.deepEqual(await protect({ next: PASSPHRASE }), ['mesh-root.key'])
    await opened(PASSPHRASE)
    assert.deepEqual(readdirSync(home).sort(), NAMES)
    assert.deepEqual(await protect({ next: PASSPHRASE }), [])
  })
})

describe('a process that is killed while it protects a key', () => {
  it('leaves it as it was or as it shall be, at whatever step, and the same call finishes', async () => {
    const calls = new Set<string>()
    const states = new Set<boolean>()
    for (let step = 1; ; step++) {
      const { home, protect, paths } = homeWithKeys()
      const [path] = paths as [string]
      // Stretching for a second one would only take time; two keys are above.
      rmSync(paths[1]!)
      const order = JSON.stringify({ home, passphrase: PASSPHRASE, step })
      const child = fork(DYING, [order], { stdio: ['ignore', 'pipe', 'inherit', 'ipc'] })
      const words = text(child.stdout!)
      const [code, signal] = await once(child, 'exit')
      calls.add((await words).trim())

      const isProtected = isKeyProtected(path)
      states.add(isProtected)
      const key = await loadKey(path, isProtected ? { passphrase: PASSPHRASE } : {})
      assert.ok(key!.equals(keys[0]!))
      if (signal === null) {
        assert.deepEqual([code, isProtected], [0, true])
        break
      }
      await protect({ next: PASSPHRASE })
      assert.ok(isKeyProtected(path))
      assert.deepEqual(readdirSync(home), ['identity.key'])
    }
    assert.deepEqual([...states], [false, true])
    for (const call of ['openSync', 'writeSync', 'fsyncSync', 'renameSync']) assert.ok(calls.has(call), call)
  }, 120_000)
})

describe('a file with a passphrase', () => {
  it('holds it on one line', () => {
    const path = join(temporaryHome(), 'passphrase')
    for (const [content, passphrase] of [
      ['a b c\n', 'a b c'],
      ['a b c', 'a b c'],
      [' a\r\n', ' a']
    ] as const) {
      writeFileSync(path, content, { mode: 0o600 })
      assert.equal(readPassphrase(path), passphrase)
    }
    // As editors and shells of Windows write it.
    for (const encoding of ['utf8', 'utf16le'] as const) {
      writeFileSync(path, '\ufeffgrün und blau\r\n', encoding)
      assert.equal(readPassphrase(path), 'grün und blau')
    }
    writeFileSync(path, 'grün und blau', 'latin1')
    assert.throws(() => readPassphrase(path), { code: 'CONFIG_INVALID', message: /not UTF-8 \(byte 2\)/ })
    for (const content of ['', '\n', 'a\nb\n', 'x'.repeat(1025)]) {
      writeFileSync(path, content)
      assert.throws(() => readPassphrase(path), { code: 'CONFIG_INVALID' })
    }
    assert.throws(() => readPassphrase(`${path}.not`), { code: 'CONFIG_INVALID' })
  })

  it('is not used when others on the device may read or change it', () => {
    const path = join(temporaryHome(), 'passphrase')
    writeFileSync(path, PASSPHRASE)
    for (const [mode, used] of [
      [0o600, true],
      [0o400, true],
      [0o440, true],
      [0o644, false],
      [0o602, false]
    ] as const) {
      chmodSync(path, mode)
      if (used) assert.equal(readPassphrase(path), PASSPHRASE)
      else assert.throws(() => readPassphrase(path), { code: 'CONFIG_INVALID', hint: /chmod 600/ })
    }
  })
})
