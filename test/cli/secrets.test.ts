/** What a stolen disk, or a log sent along with a question, must not tell. */

import assert from 'node:assert/strict'
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { describe, it } from 'vitest'
import { loadKey } from '../../storage/keys/keychain.ts'
import { runCli } from './run-cli.ts'
import { startNode, temporaryHome } from './started-node.ts'

const PASSPHRASE = 'canary passphrase of four words'
const PROMPT = 'canary-prompt-nobody-may-keep'

/** A secret in every form in which a careless line could hold it. */
const formsOf = (secret: Uint8Array): Buffer[] => {
  const bytes = Buffer.from(secret)
  const texts = (['hex', 'base64', 'base64url'] as const).map(encoding =>
    // The last characters of base64 depend on what follows.
    bytes.toString(encoding).replace(/..=*$/, '')
  )
  return [bytes, ...texts.map(text => Buffer.from(text))]
}

/** `file: secret` for each secret that a file below `root` holds. */
function leaksBelow(root: string, secrets: Readonly<Record<string, Uint8Array>>): string[] {
  return readdirSync(root, { recursive: true, encoding: 'utf8' })
    .map(name => join(root, name))
    .filter(path => statSync(path).isFile())
    .flatMap(path => {
      const content = readFileSync(path)
      return Object.entries(secrets)
        .filter(([, secret]) => formsOf(secret).some(form => content.includes(form)))
        .map(([name]) => `${relative(root, path)}: ${name}`)
    })
    .sort()
}

describe('a node that tells its log everything', () => {
  it('keeps passphrase, key, token, session and prompts out of its log and its home', async () => {
    const root = await mkdtemp(join(tmpdir(), 'lumos-secrets-'))
    const passphraseFile = join(root, 'passphrase')
    writeFileSync(passphraseFile, PASSPHRASE, { mode: 0o600 })
    const env = { LUMOS_KEYS__PASSPHRASEFILE: passphraseFile, LUMOS_LOG__LEVEL: 'debug' }
    await using node = await startNode(join(root, 'home'), ['--echo', '--verbose'], { env })
    const { home, ready } = node
    const { token } = JSON.parse((await runCli(['token', 'show', '--json'], { home })).stdout)

    // A peer asks, so that its words pass through libp2p's log too; then a program, a browser and a stranger.
    const address = ready.addresses[0]!
    await using peer = await startNode(await temporaryHome(), ['--peer', address])
    const { code } = JSON.parse((await runCli(['invite', '--json'], { home })).stdout)
    assert.equal((await runCli(['join', code], { home: peer.home })).code, 0)
    const asked = await untilAnswered(() => runCli(['infer', 'echo', PROMPT], { home: peer.home }))
    assert.equal(asked, `${PROMPT}\n`)
    const ask = async (path: string, headers: Record<string, string>, body: object = {}) =>
      fetch(ready.gateway + path, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: JSON.stringify(body)
      })
    const bearer = { authorization: `Bearer ${token}` }
    const input = { model: 'echo', task: 'text-generation', input: { messages: [{ content: PROMPT }] } }
    await ask('/api/v2/execute', bearer, { unit: 'inference.run', input })
    await ask(`/api/v2/execute?token=${token}`, { authorization: `Bearer ${token}x` })
    const session = (await ask('/api/v2/session', bearer)).headers
      .get('set-cookie')!
      .match(/=([\w-]{43});/)![1]!
    await ask('/api/v2/session', { cookie: `lumos_session=${session}` })
    assert.equal((await runCli(['key', 'unprotect'], { home, env })).code, 1)

    const key = (await loadKey(join(home, 'identity.key'), { passphrase: PASSPHRASE }))!
    const secrets = {
      passphrase: Buffer.from(PASSPHRASE),
      seed: key.raw.subarray(0, 32),
      token: Buffer.from(token),
      session: Buffer.from(session),
      prompt: Buffer.from(PROMPT)
    }
    const expected = ['home/gateway.token: token', 'passphrase: passphrase']
    assert.deepEqual(leaksBelow(root, secrets), expected)
    assert.equal((await runCli(['stop'], { home })).code, 0)
    assert.deepEqual(leaksBelow(root, secrets), expected)

    assert.ok(readFileSync(join(home, 'logs/lumos.log'), 'utf8').includes('"level":"debug"'))
    for (const [name, secret] of Object.entries(secrets)) {
      assert.ok(!formsOf(secret).some(form => Buffer.from(node.errors()).includes(form)), name)
    }
    await rm(root, { recursive: true })
  })
})

describe.runIf(process.platform === 'linux')('a node that crashes', () => {
  it('leaves no key, token or memory of people behind, though its user keeps core dumps', async () => {
    const root = await mkdtemp(join(tmpdir(), 'lumos-secrets-'))
    const withCores = ['sh', '-c', 'cd "$0" && ulimit -c unlimited && exec "$@"', root]
    await using node = await startNode(await temporaryHome(), [], { through: withCores })
    const token = readFileSync(join(node.home, 'gateway.token'), 'utf8').trim()
    const execute = async (unit: string, input: object) => {
      const headers = { 'content-type': 'application/json', authorization: `Bearer ${token}` }
      const body = JSON.stringify({ unit, input })
      const answer = await fetch(`${node.ready.gateway}/api/v2/execute`, { method: 'POST', headers, body })
      assert.equal(answer.status, 200, await answer.text())
    }
    await execute('memory.create', { name: 'plans' })
    await execute('memory.set', { space: 'plans', key: 'canary', value: PROMPT })
    const { pid } = node.child
    assert.equal(Number(readFileSync(`/proc/${pid}/coredump_filter`, 'utf8')), 0)
    const key = (await loadKey(join(node.home, 'identity.key'), {}))!
    process.kill(pid!, 'SIGABRT')
    await node.exited
    const secrets = { seed: key.raw.subarray(0, 32), token: Buffer.from(token), memory: Buffer.from(PROMPT) }
    assert.deepEqual(leaksBelow(root, secrets), [])
    await rm(root, { recursive: true })
  })
})

describe('the commands over the token', () => {
  it('show it, and replace it in a running node and in a stopped one', async () => {
    await using node = await startNode(await temporaryHome())
    const { home } = node
    const show = async () => (await runCli(['token', 'show'], { home })).stdout.trim()
    const status = async (token: string) =>
      (await fetch(`${node.ready.gateway}/api/v2/units`, { headers: { authorization: `Bearer ${token}` } }))
        .status

    const first = await show()
    assert.equal(await status(first), 200)
    const rotated = await runCli(['token', 'rotate', '--json'], { home })
    assert.deepEqual(JSON.parse(rotated.stdout), {
      event: 'rotated',
      path: join(home, 'gateway.token'),
      sessions_ended: 0
    })
    const second = await show()
    assert.deepEqual([await status(first), await status(second)], [401, 200])

    await runCli(['stop'], { home })
    assert.equal((await runCli(['token', 'rotate'], { home })).code, 0)
    assert.equal(new Set([first, second, await show()]).size, 3)
  })

  it('say so where no node ever ran', async () => {
    const root = await temporaryHome()
    const home = join(root, 'none')
    for (const command of ['show', 'rotate']) {
      const { code, stdout, stderr } = await runCli(['token', command], { home })
      assert.deepEqual([code, stdout], [3, ''])
      assert.match(stderr, /lumos-node start.*E_NODE_NOT_RUNNING/s)
    }
    await rm(root, { recursive: true })
  })
})

/** The peer needs a moment to meet the other. */
async function untilAnswered(attempt: () => ReturnType<typeof runCli>): Promise<string> {
  const deadlineMs = performance.now() + 10_000
  for (;;) {
    const { code, stdout, stderr } = await attempt()
    if (code === 0) return stdout
    assert.ok(performance.now() < deadlineMs, stderr)
  }
}
