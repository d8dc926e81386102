import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync
} from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { openDataDir } from '../../storage/home/data-dir.ts'
import { readRunFile } from '../../storage/home/run-file.ts'
import { startProcess, temporaryHome } from './home.ts'

const modeOf = (path: string) => statSync(path).mode & 0o777

const contentsOf = (home: string) =>
  readdirSync(home, { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile() && entry.name !== 'lock.db')
    .map(entry => join(entry.parentPath, entry.name))
    .sort()
    .map(path => [path, createHash('sha256').update(readFileSync(path)).digest('hex')])

const holder = (home: string) => `
  import { openDataDir } from './home/data-dir.ts'
  await openDataDir(${JSON.stringify(home)})
  console.log('open')
  setInterval(() => {}, 1000)
`

describe('a home', () => {
  it('is made private, with everything in it', async () => {
    const home = join(temporaryHome(), 'deep', 'home')

    await using dataDir = await openDataDir(home)

    assert.equal(modeOf(home), 0o700)
    for (const name of ['core.db', 'core.db-wal', 'cache.db', 'format']) {
      assert.equal(modeOf(join(home, name)), 0o600, name)
    }
    assert.equal(modeOf(dataDir.logDir), 0o700)
  })

  it('lets the user of engines read a model file of its own folder: only the home above is private', async () => {
    await using dataDir = await openDataDir(join(temporaryHome(), 'home'))

    assert.equal(modeOf(dataDir.path), 0o700)
    assert.equal(modeOf(dataDir.modelsDir), 0o755 & ~process.umask())
  })

  it('keeps its gateway token, readable by its owner only', async () => {
    const home = temporaryHome()
    const first = await openDataDir(home)
    const token = first.gatewayToken()
    first.close()

    await using second = await openDataDir(home)

    assert.match(token, /^[\w-]{43}$/)
    assert.equal(second.gatewayToken(), token)
    assert.equal(modeOf(second.tokenPath), 0o600)
  })

  it('tells where the node runs while it is open, no longer after', async () => {
    const home = temporaryHome()
    const info = {
      pid: process.pid,
      peerId: '12D3KooW',
      name: 'den',
      version: '0.1.0',
      socketPath: join(home, 'node.sock'),
      gateway: 'http://127.0.0.1:5866',
      startedAtMs: 1_700_000_000_000
    }
    const dataDir = await openDataDir(home)

    dataDir.writeRunFile(info)
    assert.deepEqual(readRunFile(home), info)
    assert.equal(modeOf(join(home, 'run.json')), 0o600)
    const [copy, link] = [temporaryHome(), join(temporaryHome(), 'link')]
    copyFileSync(join(home, 'run.json'), join(copy, 'run.json'))
    assert.equal(readRunFile(copy), undefined, 'a copy has no running node')
    symlinkSync(home, link)
    assert.deepEqual(readRunFile(link), info)

    dataDir.close()
    assert.equal(readRunFile(home), undefined)
  })

  it.each(['', '{', '[]', 'null', '{"pid":"1"}'])('has no running node when its run file holds %j', text => {
    const home = temporaryHome()
    writeFileSync(join(home, 'run.json'), text)
    assert.equal(readRunFile(home), undefined)
  })

  it('can be listened on however long its path is', async () => {
    for (const home of [temporaryHome(), join(temporaryHome(), 'd'.repeat(150))]) {
      await using dataDir = await openDataDir(home)
      const server = createServer().listen(dataDir.socketPath)
      await new Promise((resolve, reject) => server.once('listening', resolve).once('error', reject))
      server.close()
    }
  })

  it('refuses a folder for its socket that others can write to', async () => {
    const home = join(temporaryHome(), 'd'.repeat(150))
    const dataDir = await openDataDir(home)
    const folder = join(dataDir.socketPath, '..')
    dataDir.close()
    assert.equal(existsSync(folder), false)
    mkdirSync(folder)
    chmodSync(folder, 0o777)

    try {
      await expect(openDataDir(home)).rejects.toMatchObject({ code: 'DENIED' })
    } finally {
      rmSync(folder, { recursive: true })
    }
  })

  it('that cannot be a directory is a mistake in the configuration', async () => {
    const path = join(temporaryHome(), 'file')
    writeFileSync(path, '')
    await expect(openDataDir(path)).rejects.toMatchObject({ code: 'CONFIG_INVALID' })
    await expect(openDataDir(join(path, 'below'))).rejects.toMatchObject({ code: 'CONFIG_INVALID' })
  })
})

describe('the lock of a home', () => {
  it('admits one user at a time within a process', async () => {
    const home = temporaryHome()
    const first = await openDataDir(home)
    await expect(openDataDir(home)).rejects.toMatchObject({
      code: 'HOME_LOCKED',
      details: { pid: process.pid }
    })

    first.close()
    const second = await openDataDir(home)
    second.close()
  })

  it('names the process that holds it, and is free once that was killed', async () => {
    const home = temporaryHome()
    const other = startProcess(holder(home))
    await other.lines.next()

    await expect(openDataDir(home)).rejects.toMatchObject({
      code: 'HOME_LOCKED',
      message: expect.stringContaining(`process ${other.pid}`)
    })

    await other.kill()
    await using dataDir = await openDataDir(home)
    assert.equal(dataDir.path, home)
  })

  it('lets exactly one of several processes in', async () => {
    const home = temporaryHome()
    const contender = `
      import { openDataDir } from './home/data-dir.ts'
      await openDataDir(${JSON.stringify(home)}).then(() => console.log('in'), err => console.log(err.code))
      setInterval(() => {}, 1000)
    `
    const contenders = Array.from({ length: 4 }, () => startProcess(contender))

    const outcomes = await Promise.all(contenders.map(async ({ lines }) => (await lines.next()).value))

    assert.deepEqual(outcomes.sort(), ['HOME_LOCKED', 'HOME_LOCKED', 'HOME_LOCKED', 'in'])
  })

  it('keeps others out though nothing in its process refers to it any more', async () => {
    const home = temporaryHome()
    const other = startProcess(`
      import { setFlagsFromString } from 'node:v8'
      import { runInNewContext } from 'node:vm'
      import { openDataDir } from './home/data-dir.ts'
      await openDataDir(${JSON.stringify(home)}).then(() => {})
      setFlagsFromString('--expose-gc')
      // The database of an unreachable lock is closed in a turn of its own.
      for (let n = 0; n < 3; n++) {
        runInNewContext('gc')()
        await new Promise(setImmediate)
      }
      console.log('collected')
      setInterval(() => {}, 1000)
    `)
    await other.lines.next()
    await expect(openDataDir(home)).rejects.toMatchObject({ code: 'HOME_LOCKED' })
    await other.kill()
  })

  it('clears away what a killed process left', async () => {
    const home = temporaryHome()
    const other = startProcess(holder(home))
    await other.lines.next()
    writeFileSync(join(home, 'run.json'), '{"pid":1,"socketPath":"x"}')
    await other.kill()

    await using _dataDir = await openDataDir(home)

    assert.equal(existsSync(join(home, 'run.json')), false)
  })
})

describe('a home in a state we cannot use', () => {
  it('of a newer format is refused and not changed', async () => {
    const home = temporaryHome()
    const dataDir = await openDataDir(home)
    dataDir.close()
    writeFileSync(join(home, 'format'), '2\n')
    const before = contentsOf(home)

    await expect(openDataDir(home)).rejects.toMatchObject({ code: 'HOME_NEWER', hint: expect.any(String) })

    assert.deepEqual(contentsOf(home), before)
  })

  it('with an unreadable format is refused', async () => {
    const home = temporaryHome()
    writeFileSync(join(home, 'format'), 'one')
    await expect(openDataDir(home)).rejects.toMatchObject({ code: 'STORE_DAMAGED' })
  })

  it.each([
    ['emptied', (path: string) => truncateSync(path, 0)],
    ['cut short', (path: string) => truncateSync(path, 5000)],
    ['overwritten', (path: string) => writeFileSync(path, 'not a database '.repeat(1000))]
  ])('with a core.db that was %s is refused and not changed', async (_what, damage) => {
    const home = temporaryHome()
    const dataDir = await openDataDir(home)
    dataDir.close()
    damage(join(home, 'core.db'))
    const before = contentsOf(home)

    await expect(openDataDir(home)).rejects.toMatchObject({ code: 'STORE_DAMAGED', hint: expect.any(String) })

    assert.deepEqual(contentsOf(home), before)
  })

  it('with a damaged cache.db goes on with a new one and says so', async () => {
    const home = temporaryHome()
    const warnings: string[] = []
    const ignore = () => {}
    const log = {
      debug: ignore,
      info: ignore,
      error: ignore,
      warn: (_: object, text: string) => void warnings.push(text)
    }

    for (let n = 1; n <= 5; n++) {
      writeFileSync(join(home, 'cache.db'), 'not a database '.repeat(1000))
      await using dataDir = await openDataDir(home, { log })
      assert.equal(dataDir.cache.prepare('SELECT 1 FROM datastore').get(), undefined)
    }

    assert.equal(warnings.length, 5)
    const kept = readdirSync(home).filter(name => name.includes('damaged'))
    assert.deepEqual(kept.sort(), ['cache.db.damaged-1', 'cache.db.damaged-2', 'cache.db.damaged-3'])
  })
})
