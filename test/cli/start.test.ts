/** Whole nodes as processes: they start, are found by the other commands, answer, and stop. */

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { readFile, rm, stat, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { describe, it } from 'vitest'
import { readRunFile } from '../../storage/home/run-file.ts'
import { runCli, spawnCli } from './run-cli.ts'
import { ALONE, startNode, temporaryHome } from './started-node.ts'

const MODELS = fileURLToPath(new URL('../../models', import.meta.url))
const SEVEN = fileURLToPath(new URL('../fixtures/digits/7.png', import.meta.url))

describe('a started node', () => {
  it('says that it is ready in one line, and is found by the other commands', async () => {
    await using node = await startNode(await temporaryHome(), ['--name', 'den', '--echo'])
    const { home, ready } = node
    assert.deepEqual(Object.keys(ready), ['event', 'peer_id', 'name', 'gateway', 'addresses', 'members'])
    assert.deepEqual([ready.event, ready.name], ['ready', 'den'])
    assert.ok(ready.addresses.length > 0)

    const status = JSON.parse((await runCli(['status', '--json'], { home })).stdout)
    assert.deepEqual([status.peer_id, status.name, status.gateway], [ready.peer_id, 'den', ready.gateway])
    assert.deepEqual(JSON.parse((await runCli(['peers', '--json'], { home })).stdout), { items: [] })
    const models: { id: string }[] = JSON.parse((await runCli(['models', '--json'], { home })).stdout).items
    assert.deepEqual(
      new Set(models.map(({ id }) => id)),
      new Set(['digits-cnn', 'echo', 'tiny-embed', 'tiny-llm'])
    )
    assert.equal((await runCli(['infer', 'echo', 'one two'], { home })).stdout, 'one two\n')

    const { stdout } = await runCli(['infer', 'digits-cnn', `@${SEVEN}`, '--json', '--top-k', '2'], { home })
    const { task, model, output, meta } = JSON.parse(stdout)
    assert.deepEqual([task, model], ['image-classification', 'digits-cnn'])
    assert.deepEqual(output.labels.map(({ label }: { label: string }) => label)[0], '7')
    assert.equal(output.labels.length, 2)
    assert.deepEqual([meta.peer, meta.route, typeof meta.duration_ms], [ready.peer_id, 'local', 'number'])

    const doctor = JSON.parse((await runCli(['doctor', '--json'], { home })).stdout)
    const of = (check: string) => doctor.items.find((item: { check: string }) => item.check === check).status
    assert.deepEqual([of('node'), of('gateway'), of('home'), of('peers')], ['ok', 'ok', 'ok', 'warn'])
  })

  it('is started once, and answers programs that hold its token, which only its owner can read', async () => {
    await using node = await startNode(await temporaryHome(), ['--name', 'den'])
    const again = await runCli(['start', '--json', ...ALONE], { home: node.home })
    const { members: _members, ...ready } = node.ready
    const ignored = [
      '--port, --gateway-port, --no-mdns count when a node starts, and this one runs: lumos-node stop, then start it so.'
    ]
    assert.deepEqual([again.code, JSON.parse(again.stdout)], [0, { ...ready, ignored }])
    const plain = await runCli(['start'], { home: node.home })
    assert.match(plain.stdout, /Already running: den/)
    assert.equal(plain.stderr, '')

    const path = join(node.home, 'gateway.token')
    assert.equal((await stat(path)).mode & 0o777, 0o600)
    const token = (await readFile(path, 'utf8')).trim()

    const ask = (headers: Record<string, string>) => fetch(`${node.ready.gateway}/api/v2/units`, { headers })
    assert.equal((await ask({ authorization: `Bearer ${token}` })).status, 200)
    assert.equal((await ask({})).status, 401)
  })

  it('keeps the name that was given to it until another is given', async () => {
    const home = await temporaryHome()
    const names: string[] = []
    for (const args of [['--name', 'den'], [], ['--name', 'attic']]) {
      const node = await startNode(home, args)
      names.push(node.ready.name)
      node.child.kill()
      await node.exited
    }
    await using last = await startNode(home)
    names.push(last.ready.name)
    assert.deepEqual(names, ['den', 'den', 'attic', 'attic'])
  })

  it('says which names count for nothing, because its mesh has one already', async () => {
    const home = await temporaryHome()
    const first = await startNode(home, ['--name', 'den', '--mesh', 'flat'])
    assert.ok(!('ignored' in first.ready))
    const repeated = await runCli(['start', ...ALONE, '--mesh', 'attic'], { home })
    assert.match(repeated.stderr, /"attic" is ignored: this device is a member of "flat"/)
    first.child.kill()
    await first.exited

    await using node = await startNode(home, ['--name', 'den', '--mesh', 'office'])
    const [line] = (node.ready as { ignored?: string[] }).ignored ?? []
    assert.match(line!, /"office" is ignored: this device is a member of "flat"/)
    const shown = await runCli(['config', 'show', '--json'], { home, env: { LUMOS_MESH__NAME: 'office' } })
    assert.equal(JSON.parse(shown.stdout).mesh.name, 'flat')
  })

  it('uses the next port when its own is taken, and says so', async () => {
    const server = createServer()
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as { port: number }

    await using node = await startNode(await temporaryHome(), ['--gateway-port', String(port)])
    const used = Number(new URL(node.ready.gateway).port)
    assert.ok(used > port)
    assert.match(node.errors(), new RegExp(`port is taken.*${used}`))
    server.close()
  })

  it('answers a peer that was given its address and a code', async () => {
    // What ships with the node is its own device's until a setting names its folder.
    await using provider = await startNode(await temporaryHome(), ['--name', 'provider', '--echo'], {
      env: { LUMOS_MODELS__DIRECTORIES: MODELS }
    })
    const address = provider.ready.addresses[0]!
    const env = { LUMOS_MODELS__BUILTIN: 'false' }
    await using asker = await startNode(await temporaryHome(), ['--name', 'asker', '--peer', address], {
      env
    })
    const { home } = asker
    const { code } = JSON.parse((await runCli(['invite', '--json'], { home: provider.home })).stdout)
    assert.equal((await runCli(['join', code], { home })).code, 0)

    await until(
      async () => JSON.parse((await runCli(['peers', '--json'], { home })).stdout).items.length === 1
    )
    const [peer] = JSON.parse((await runCli(['peers', '--json'], { home })).stdout).items
    assert.deepEqual([peer.peer_id, peer.name], [provider.ready.peer_id, 'provider'])
    for (const key of ['path', 'rtt_ms', 'capabilities']) assert.ok(key in peer, key)

    const { stdout } = await runCli(['infer', 'digits-cnn', `@${SEVEN}`, '--json'], { home })
    const { output, meta } = JSON.parse(stdout)
    assert.equal(output.labels[0].label, '7')
    assert.deepEqual([meta.peer, meta.route], [provider.ready.peer_id, 'remote'])
    assert.equal(
      (await runCli(['infer', 'text-generation', 'a  b', '--peer', 'provider'], { home })).stdout,
      'a  b\n'
    )
    assert.equal((await runCli(['infer', 'echo', 'a', '--peer', 'nobody'], { home })).code, 4)
  })
})

describe('a node that cannot start', () => {
  it('says why, with the exit code of the reason, in the foreground and in the background', async () => {
    const home = await temporaryHome()
    await writeFile(join(home, 'lumos.yaml'), 'nmae: den\n')
    for (const args of [['start'], ['start', '-d']]) {
      const { code, stderr } = await runCli([...args, ...ALONE], { home })
      assert.equal(code, 8)
      assert.match(stderr, /lumos\.yaml:1:1: .*did you mean "name"\?.*\(E_CONFIG_INVALID\)/s)
    }
    assert.equal((await runCli(['start', '--port', 'high'], { home: await temporaryHome() })).code, 8)
    await rm(home, { recursive: true })
  })
})

describe('stopping', () => {
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
    it(`on ${signal} leaves nothing behind`, async () => {
      await using node = await startNode(await temporaryHome())
      const { socketPath } = readRunFile(node.home)!
      node.child.kill(signal)
      assert.equal(await node.exited, 0)
      assert.equal(readRunFile(node.home), undefined)
      assert.equal(existsSync(socketPath), false)
      assert.equal((await runCli(['status'], { home: node.home })).code, 3)
    })
  }

  it('by command returns when the process is gone', async () => {
    await using node = await startNode(await temporaryHome())
    const { code } = await runCli(['stop'], { home: node.home })
    assert.equal(code, 0)
    assert.ok(isGone(node.child.pid!))
    assert.equal(await node.exited, 0)
  })

  it('lets an answer under way end first', async () => {
    await using node = await startNode(await temporaryHome(), ['--echo'])
    const answer = await unreadAnswer(node.home)
    node.child.kill('SIGTERM')
    await until(async () => (await runCli(['status'], { home: node.home })).code === 3)
    assert.equal(node.child.exitCode, null)

    const [words, code] = await Promise.all([text(answer.stdout), once(answer, 'close')])
    assert.deepEqual([words.trim().split(' ').length, code[0]], [WORDS, 0])
    assert.equal(await node.exited, 0)
  })

  it('waits for nothing after a second signal', async () => {
    await using node = await startNode(await temporaryHome(), ['--echo'])
    const answer = await unreadAnswer(node.home)
    node.child.kill('SIGTERM')
    await until(async () => (await runCli(['status'], { home: node.home })).code === 3)
    node.child.kill('SIGTERM')
    assert.equal(await node.exited, 143)

    answer.stdout.resume()
    const [code] = await once(answer, 'close')
    assert.equal(code, 1)
  })
})

/** More than all buffers on the way hold, so that the node cannot finish before somebody reads. */
const WORDS = 60_000

/** A long answer of which only the first word has been read. */
async function unreadAnswer(home: string) {
  const child = spawnCli(['infer', 'echo', '-', '--max-tokens', String(WORDS)], { home })
  child.stdin.end('many-words '.repeat(WORDS).trim())
  await once(child.stdout, 'readable')
  child.stdout.read(1)
  return child
}

describe('a node in the background', () => {
  it('is ready when the command returns, and outlives it until it is stopped', async () => {
    const home = await temporaryHome()
    const started = await runCli(['start', '-d', ...ALONE, '--name', 'den', '--echo'], { home })
    assert.match(started.stderr, /^Alone so far\. To let a device in, here: lumos-node invite\n/)
    assert.equal(started.code, 0, started.stderr)
    assert.match(started.stdout, /\nReady in \d+\.\d s\n$/)
    assert.ok(started.stdout.trim().split('\n').length <= 12)

    assert.equal((await runCli(['infer', 'echo', 'still here'], { home })).stdout, 'still here\n')
    assert.equal((await runCli(['stop'], { home })).code, 0)
    assert.equal((await runCli(['status'], { home })).code, 3)
    assert.ok(existsSync(join(home, 'logs', 'lumos.log')))
    await rm(home, { recursive: true })
  })
})

async function until(condition: () => Promise<boolean>): Promise<void> {
  const deadlineMs = performance.now() + 10_000
  while (!(await condition())) assert.ok(performance.now() < deadlineMs, 'the condition holds in time')
}

/** Also while only its exit code is left, because its parent, which is this process, has not asked for it yet. */
function isGone(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return /^\d+ \(.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
  } catch (err) {
    return (err as NodeJS.ErrnoException).code === 'ESRCH'
  }
}
