/** Homes as people have them: without HOME, of another user, with a long path, with files that were removed under the node. */

import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, watch } from 'node:fs'
import { chmod, cp, link, mkdir, mkdtemp, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, it, vi } from 'vitest'
import { findNode } from '../../cli/client.ts'
import { startFailure } from '../../cli/few-files.ts'
import { systemClock } from '../../interface/clock.ts'
import { LumosError } from '../../interface/errors.ts'
import { formatInviteCode, SECRET_BYTES } from '../../node/pairing/invite-code.ts'
import { homePath, userHome } from '../../storage/home/home-path.ts'
import { lockHolder } from '../../storage/home/lock-holder.ts'
import { readRunFile } from '../../storage/home/run-file.ts'
import { makeSocketPath, removeSocketPath } from '../../storage/home/socket-path.ts'
import { device } from '../membership/mesh-keys.ts'
import { runCli, spawnCli } from './run-cli.ts'
import { ALONE, startNode, temporaryHome } from './started-node.ts'

const temporary = async () => {
  const path = await mkdtemp(join(tmpdir(), 'lumos-home-'))
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) }
}

/** A machine that does much else starts each command in seconds. */
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 })

/** Resolves once there is such a file in that folder. */
async function appears(folder: string, path: string): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  const look = () => existsSync(path) && resolve()
  const watcher = watch(folder, look)
  look()
  await promise
  watcher.close()
}

/** A user that is not listed, as containers have. */
const STRANGER = ['setpriv', '--reuid', '54321', '--regid', '54321', '--clear-groups']
const isRoot = process.getuid?.() === 0

describe('the path of a home', () => {
  it('asks for the home directory of the user only where nothing else says where it is', () => {
    const nowhere = () => {
      throw new Error('uv_os_homedir')
    }
    assert.throws(() => userHome(nowhere), { code: 'CONFIG_INVALID', message: /is not known/ })
    for (const odd of ['', 'rel', './x']) assert.throws(() => userHome(() => odd), { code: 'CONFIG_INVALID' })
    assert.equal(
      userHome(() => '/'),
      '/'
    )
    assert.equal(homePath('/srv/lumos', {}), '/srv/lumos')
    assert.equal(homePath(undefined, { LUMOS_HOME: '/srv/den' }), '/srv/den')
    assert.equal(homePath('~/den', {}), join(userHome(), 'den'))
  })

  it.runIf(isRoot)('needs no entry for its user where a variable names the home', async () => {
    await using folder = await temporary()
    await chmod(folder.path, 0o755)
    // As a program of its own: the rest of this clone may be in a folder that such a user cannot read.
    const clone = join(folder.path, 'storage')
    await cp(new URL('../../storage/home', import.meta.url), join(clone, 'home'), { recursive: true })
    await cp(new URL('../../interface', import.meta.url), join(folder.path, 'interface'), { recursive: true })
    await link(process.execPath, join(folder.path, 'node')).catch(() =>
      cp(process.execPath, join(folder.path, 'node'))
    )
    // A home of root.
    const den = join(folder.path, 'den')
    await mkdir(den, { mode: 0o700 })
    await mkdir(join(den, 'deep'))
    await writeFile(
      join(folder.path, 'where.mts'),
      `import { homePath } from './storage/home/home-path.ts'
      const where = (env, HOME) => {
        if (HOME === undefined) delete process.env.HOME
        else process.env.HOME = HOME
        try { return homePath(undefined, env) } catch (err) { return err.code + ' ' + err.message }
      }
      console.log(JSON.stringify([where({}), where({}, 'rel'), where({ XDG_DATA_HOME: '/tmp/xdg' }),
        where({ LUMOS_HOME: '${den}' }), where({ LUMOS_HOME: '${den}/deep' })]))`
    )
    const args = [...STRANGER.slice(1), join(folder.path, 'node'), join(folder.path, 'where.mts')]
    const { stdout } = await promisify(execFile)(STRANGER[0]!, args)
    assert.deepEqual(JSON.parse(stdout), [
      'CONFIG_INVALID The home directory of this user is not known.',
      'CONFIG_INVALID The home directory of this user is "rel", which is no absolute path.',
      '/tmp/xdg/lumos-node',
      `DENIED ${den} belongs to root, and this user may not read it.`,
      `DENIED ${den}/deep is in a folder of another user, and this user may not read it.`
    ])
  })
})

describe('the socket of a node', () => {
  it('lies in TMPDIR where the home is deep, and in /tmp where TMPDIR is of no use', async () => {
    await using folder = await temporary()
    const deep = join(folder.path, 'x'.repeat(120))
    const before = process.env.TMPDIR
    const placed = (tmp: string): string => {
      process.env.TMPDIR = tmp
      try {
        const path = makeSocketPath(deep)
        removeSocketPath(deep, path)
        return path
      } finally {
        if (before === undefined) delete process.env.TMPDIR
        else process.env.TMPDIR = before
      }
    }
    assert.ok(placed(folder.path).startsWith(folder.path))
    const long = join(folder.path, 'y'.repeat(100))
    await mkdir(long)
    assert.match(placed(long), /^\/tmp\/lumos-[0-9a-f]{16}\/node\.sock$/)
    const gone = join(folder.path, 'gone')
    assert.match(placed(gone), /^\/tmp\/lumos-/)
    assert.equal(existsSync(gone), false)
  })
})

describe('a node of a user', () => {
  let node: Awaited<ReturnType<typeof startNode>>
  let user: Awaited<ReturnType<typeof temporary>>
  let env: { HOME: string }
  beforeAll(async () => {
    user = await temporary()
    env = { HOME: user.path }
    node = await startNode(join(user.path, 'den'), [], { env })
  })
  afterAll(async () => {
    await node[Symbol.asyncDispose]()
    await user[Symbol.asyncDispose]()
  })

  it('goes on, where the reader of its output went away', async () => {
    node.child.stdout!.destroy()
    node.child.stderr!.destroy()
    const again = await runCli(['start', '--json'], { home: node.home })
    assert.equal(again.code, 0)
  })

  it('writes to paths that begin with ~, and the command says why one cannot be written', async () => {
    const invited = await runCli(['invite', '--file', '~/code', '--home', '~/den', '--json'], { env })
    assert.equal(JSON.parse(invited.stdout).file, join(user.path, 'code'))
    assert.equal((await stat(join(user.path, 'code'))).mode & 0o777, 0o600)
    const exported = await runCli(['mesh', 'export', '--file', '~/no/root', '--home', '~/den'], { env })
    assert.equal(exported.code, 1)
    assert.match(exported.stderr, /\/no\/root cannot be written: ENOENT.*\(E_INVALID_INPUT\)/)
  })

  it('is as it was after a join that is interrupted, which ends with 130', async () => {
    const { home } = node
    const [mesh, inviter] = [await device(), await device()]
    // Takes connections, and says nothing.
    const silent = createServer()
    await new Promise<void>(resolve => silent.listen(0, '127.0.0.1', resolve))
    const { port } = silent.address() as AddressInfo
    const code = formatInviteCode({
      mesh: mesh.id,
      inviter: inviter.id,
      secret: randomBytes(SECRET_BYTES),
      expiresAtMs: systemClock.wallMs() + 60_000,
      addresses: [`/ip4/127.0.0.1/tcp/${port}`]
    })
    const joining = spawnCli(['join', code], { home })
    const [socket] = (await once(silent, 'connection')) as [Socket]
    socket.resume()
    const closed = once(socket, 'close')
    joining.kill('SIGINT')
    const [words, [exit]] = await Promise.all([text(joining.stderr), once(joining, 'close')])
    assert.equal(exit, 130)
    assert.match(words, /^Given up: .*lumos-node mesh show\n$/)
    await closed
    silent.close()
    const shown = JSON.parse((await runCli(['mesh', 'show', '--json'], { home })).stdout)
    assert.notEqual(shown.id, mesh.id)
    assert.equal(shown.members, 1)
  })

  it('keeps an invitation whose command is interrupted', async () => {
    const invite = spawnCli(['invite', '--wait', '--json'], { home: node.home })
    await once(invite.stdout, 'data')
    invite.kill('SIGINT')
    const [words, [exit]] = await Promise.all([text(invite.stderr), once(invite, 'close')])
    assert.deepEqual([exit, words], [130, 'The code is good for the rest of its ten minutes.\n'])
  })

  it('makes its socket and its run file again, and is said to be there until then', async () => {
    const { home, child } = node
    const { socketPath } = readRunFile(home)!
    await Promise.all([rm(socketPath), rm(join(home, 'run.json'))])
    assert.equal(lockHolder(home), child.pid)
    assert.throws(
      () => findNode({ home }),
      ({ code, message }) =>
        code === 'NODE_NOT_RUNNING' && message.startsWith(`Process ${child.pid} has ${home}, and cannot be`)
    )
    await appears(home, join(home, 'run.json'))
    await appears(home, socketPath)
    assert.equal((await runCli(['status'], { home })).code, 0)
    assert.match(
      await readFile(join(home, 'logs', 'lumos.log'), 'utf8'),
      /the socket of this node was removed/
    )
  })

  it('is stopped by the command although it cannot be reached, and its keys take a passphrase of a file in ~', async () => {
    await rm(join(node.home, 'run.json'))
    const stopped = await runCli(['stop'], { home: node.home })
    assert.deepEqual([stopped.code, await node.exited], [0, 0])
    assert.equal(lockHolder(node.home), undefined)

    await writeFile(join(user.path, 'secret'), 'correct horse battery\n', { mode: 0o600 })
    const key = await runCli(['key', 'protect', '--passphrase-file', '~/secret', '--home', '~/den'], { env })
    assert.equal(key.code, 0, key.stderr)
  })
})

describe('a node whose home is replaced', () => {
  it('ends, and leaves the other one alone', async () => {
    const home = await temporaryHome()
    await using node = await startNode(home)
    const aside = `${home}-aside`
    await rename(home, aside)
    await mkdir(home)
    await writeFile(join(home, 'run.json'), 'of the next node')
    assert.equal(await node.exited, 1)
    assert.equal(await readFile(join(home, 'run.json'), 'utf8'), 'of the next node')
    await rm(aside, { recursive: true })
  })
})

describe('a node that may open few files', () => {
  it('says so, wherever it needed the next one', async () => {
    for (const thrown of [
      new Error('listen EMFILE: too many open files 0.0.0.0:0'),
      new Error('uv_interface_addresses returned Unknown system error 24'),
      new Error('could not start', { cause: new Error('EMFILE: too many open files, open') })
    ]) {
      assert.equal(startFailure(thrown, 1024).code, 'CONFIG_INVALID')
    }
    assert.equal(startFailure(new Error('unable to open database file'), 30).code, 'CONFIG_INVALID')
    assert.equal(startFailure(new Error('unable to open database file'), 1024).code, 'INTERNAL')
    assert.equal(startFailure(new LumosError('HOME_LOCKED', 'in use'), 30).code, 'HOME_LOCKED')

    const home = await temporaryHome()
    const through = ['bash', '-c', 'ulimit -n 30; exec "$0" "$@"']
    const { code, stderr } = await runCli(['start', ...ALONE], { home, through })
    assert.match(stderr, /^This process may open 30 files, too few for a node\. .*ulimit -n/m)
    assert.equal(code, 8)
    await rm(home, { recursive: true })
  })
})
