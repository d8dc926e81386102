/** Keys under a passphrase, as a person meets them: commands, prompts, and a node that asks. */

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { generateKeyPair, privateKeyToProtobuf } from '@libp2p/crypto/keys'
import { describe, it, onTestFinished } from 'vitest'
import { wrap } from '../../storage/keys/key-wrap.ts'
import { isKeyProtected, loadKey } from '../../storage/keys/keychain.ts'
import { MAIN, runCli } from './run-cli.ts'
import { ALONE, startNode } from './started-node.ts'

const PASSPHRASE = 'correct horse battery'
const OTHER = 'staple of another colour'

/** Stretching a passphrase is slow on purpose, so all tests have copies of the same key. */
const key = await generateKeyPair('Ed25519')
const plain = Buffer.from(privateKeyToProtobuf(key))
const wrapped = await wrap(plain, PASSPHRASE)

function homeWithKey(passphrase?: typeof PASSPHRASE) {
  const home = mkdtempSync(join(tmpdir(), 'lumos-key-'))
  onTestFinished(() => rm(home, { recursive: true, force: true }))
  const path = join(home, 'identity.key')
  writeFileSync(path, passphrase === undefined ? plain : wrapped, { mode: 0o600 })
  const file = (name: string, passphrase: string) => {
    writeFileSync(join(home, name), `${passphrase}\n`, { mode: 0o600 })
    return join(home, name)
  }
  return {
    home,
    path,
    one: file('one', PASSPHRASE),
    other: file('other', OTHER),
    opensWith: async (passphrase?: string) => (await loadKey(path, { passphrase }))!.equals(key),
    keyCommand: (command: string, args: string[] = [], stdin?: string) =>
      runCli(['key', command, ...args], { home, stdin })
  }
}

describe('the commands over keys', () => {
  it('protect, change and unprotect, and tell what they did', async () => {
    const { home, path, keyCommand, one, other, opensWith } = homeWithKey()

    const done = await keyCommand('protect', ['--passphrase-file', one, '--json'])
    assert.deepEqual(JSON.parse(done.stdout), { event: 'protected', home, keys: ['identity.key'] })
    assert.ok(await opensWith(PASSPHRASE))
    const changed = await keyCommand(
      'change',
      ['--passphrase-file', '-', '--new-passphrase-file', other],
      PASSPHRASE
    )
    assert.deepEqual([changed.code, changed.stdout], [0, 'identity.key: changed.\n'])
    assert.ok(await opensWith(OTHER))

    const out = await keyCommand('unprotect', ['--passphrase-file', other])
    assert.deepEqual([out.code, out.stdout], [0, 'identity.key: unprotected.\n'])
    assert.deepEqual(readFileSync(path), plain)
    const again = await keyCommand('unprotect', ['--passphrase-file', other])
    assert.deepEqual([again.code, again.stdout], [0, 'Nothing to do: the keys are unprotected already.\n'])
  })

  it('change nothing when something is wrong, and say what', async () => {
    const { home, path, keyCommand, other } = homeWithKey()
    writeFileSync(join(home, 'short'), 'short', { mode: 0o600 })
    writeFileSync(join(home, 'open'), PASSPHRASE, { mode: 0o644 })
    const refused = async (args: readonly string[], code: number, words: RegExp) => {
      const before = readFileSync(path)
      const result = await keyCommand(args[0]!, args.slice(1))
      assert.deepEqual([result.code, result.stdout], [code, ''])
      assert.match(result.stderr, words)
      assert.ok(!result.stderr.includes(PASSPHRASE) && !result.stderr.includes(OTHER))
      assert.deepEqual(readFileSync(path), before)
    }
    await refused(['protect'], 2, /no terminal.*--passphrase-file.*\(E_USAGE\)/s)
    await refused(['protect', '--passphrase-file', join(home, 'short')], 1, /at least 8 .*E_INVALID_INPUT/s)
    await refused(
      ['protect', '--passphrase-file', join(home, 'open')],
      8,
      /Others on this device can read.*chmod 600.*E_CONFIG/s
    )
    await refused(['protect', '--passphrase-file', join(home, 'none')], 8, /none cannot be read.*E_CONFIG/s)

    writeFileSync(path, wrapped)
    await refused(['unprotect', '--passphrase-file', other], 5, /does not open identity\.key.*E_KEY_LOCKED/s)
    await refused(
      ['change', '--passphrase-file', other, '--new-passphrase-file', other, '--json'],
      5,
      /^\{"error":\{"code":"KEY_LOCKED","message":".*","hint":".*"\}\}\n$/
    )
  })

  it('need a key, and a node that is stopped', async () => {
    const { home, one } = homeWithKey()
    const none = await runCli(['key', 'protect', '--passphrase-file', one], { home: join(home, 'empty') })
    assert.deepEqual([none.code, none.stdout], [1, ''])
    assert.match(none.stderr, /There is no key in/)

    await using node = await startNode(home)
    const busy = await runCli(['key', 'protect', '--passphrase-file', one], { home })
    assert.equal(busy.code, 1)
    assert.match(busy.stderr, new RegExp(`in use by process ${node.child.pid}.*E_HOME_LOCKED`, 's'))
    assert.ok(!isKeyProtected(join(home, 'identity.key')))
  })
})

describe('a node whose key is protected', () => {
  it('does not start without the passphrase, nor with a wrong one, and leaves the key as it is', async () => {
    const { home, path, other } = homeWithKey(PASSPHRASE)
    const wrong = { LUMOS_KEYS__PASSPHRASEFILE: other }
    const attempts = [
      runCli(['start', '-d', ...ALONE], { home }),
      runCli(['start', ...ALONE], { home: homeWithKey(PASSPHRASE).home, env: wrong })
    ]
    for (const { code, stderr } of await Promise.all(attempts)) {
      assert.equal(code, 5, stderr)
      assert.match(stderr, /passphrase.*\(E_KEY_LOCKED\)/s)
    }
    assert.deepEqual(readFileSync(path), Buffer.from(wrapped))
  })
})

/** A terminal of its own, where `script` can make one: what is typed when a question appears, and all that is shown. */
function terminal(home: string, args: readonly string[]) {
  const command = [process.execPath, MAIN, ...args].map(word => `'${word}'`).join(' ')
  const env = { ...process.env, LUMOS_HOME: home, TERM: 'xterm' }
  const child = spawn(SCRIPT, ['-qec', command, '/dev/null'], { env })
  let shown = ''
  let heard: (() => void) | undefined
  child.stdout.on('data', data => {
    shown += data
    heard?.()
  })
  const exited = new Promise<number | null>(resolve => child.on('close', resolve))
  return {
    exited,
    shown: () => shown,
    async sees(words: string) {
      while (!shown.includes(words)) await new Promise<void>(resolve => (heard = resolve))
    },
    /** Types the answer once `question` is the last thing shown. */
    async answer(question: string, text: string) {
      while (!shown.endsWith(question)) await new Promise<void>(resolve => (heard = resolve))
      child.stdin.write(text)
    }
  }
}

/** Of util-linux; elsewhere its namesakes take other options. */
const SCRIPT = '/usr/bin/script'

describe.skipIf(process.platform !== 'linux' || !existsSync(SCRIPT))('in a terminal', () => {
  it('asks for the passphrase without showing it, twice for a new one', async () => {
    const { home, opensWith } = homeWithKey()
    const first = terminal(home, ['key', 'protect'])
    await first.answer('New passphrase: ', `${PASSPHRASE}\r`)
    await first.answer('The same again: ', `${OTHER}\r`)
    assert.equal(await first.exited, 1)
    assert.match(first.shown(), /not the same/)
    assert.ok(await opensWith())

    const second = terminal(home, ['key', 'protect'])
    await second.answer('New passphrase: ', `${PASSPHRASE}x\x7f\r`)
    await second.answer('The same again: ', `${PASSPHRASE}\r`)
    assert.equal(await second.exited, 0, second.shown())
    assert.ok(!second.shown().includes('horse'))
    assert.ok(await opensWith(PASSPHRASE))
  })

  it('is left with Ctrl-C, and nothing has changed', async () => {
    const { home, opensWith } = homeWithKey()
    const left = terminal(home, ['key', 'protect'])
    await left.answer('New passphrase: ', 'half\x03')
    assert.equal(await left.exited, 130)
    assert.ok(await opensWith())
  })

  it('is where a node asks when it starts, in the foreground and in the background', async () => {
    const { home } = homeWithKey(PASSPHRASE)

    const front = terminal(home, ['start', ...ALONE])
    await front.answer('Passphrase: ', `${PASSPHRASE}\r`)
    await front.sees('Ready in')
    await runCli(['stop'], { home })
    assert.equal(await front.exited, 0)

    const back = terminal(home, ['start', '-d', ...ALONE])
    await back.answer('Passphrase: ', `${PASSPHRASE}\r`)
    assert.equal(await back.exited, 0, back.shown())
    assert.ok(!back.shown().includes('horse'))
    assert.equal((await runCli(['stop'], { home })).code, 0)
  })
})
