/** What comes of an npm registry, and of what only looks like one. */

import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync
} from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest'
import { packagesFor } from '../../capabilities/install/package-list.ts'
import { enginesIn } from './install-options.ts'

type Handler = (request: IncomingMessage, response: ServerResponse) => void

const server = createServer((request, response) => handler(request, response))
let handler: Handler
server.listen(0, '127.0.0.1')
await once(server, 'listening')
const registry = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
afterAll(() => void server.close())

let directory: string
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'lumos-engines-'))
})
afterEach(() => rmSync(directory, { recursive: true }))

/** An archive as npm makes it. */
function archive(files: Readonly<Record<string, string>>, type = '0'): Buffer {
  const blocks = Object.entries(files).flatMap(([name, words]) => {
    const header = Buffer.alloc(512)
    header.write(name)
    header.write('0000644\0', 100)
    header.write(`${Buffer.byteLength(words).toString(8).padStart(11, '0')}\0`, 124)
    header.write(type, 156)
    const body = Buffer.alloc(Math.ceil(Buffer.byteLength(words) / 512) * 512)
    body.write(words)
    return [header, body]
  })
  return gzipSync(Buffer.concat([...blocks, Buffer.alloc(1024)]))
}

const listed = (bytes: Buffer, more: object = {}) => ({
  path: 'node_modules/@a/lamp',
  version: '1.0.0',
  bytes: bytes.length,
  integrity: `sha512-${createHash('sha512').update(bytes).digest('base64')}`,
  platform: process.platform,
  arch: process.arch,
  ...more
})
const GOOD = archive({
  'package/index.js': 'export const lamp = 1\n',
  'package/lib/deep.js': 'x'.repeat(2000)
})
const optionsFor = (bytes: Buffer, more: object = {}) => ({
  packages: packagesFor({ version: '1.0.0', packages: [listed(bytes, more)] }, process, []),
  version: '1.0.0',
  accelerators: [],
  onProgress() {}
})
const give =
  (bytes: Buffer): Handler =>
  (_, response) =>
    void response.end(bytes)
const treeOf = (path: string) => readdirSync(path, { recursive: true }).map(String).sort()

describe('an installation', () => {
  it('is there whole once its archives have their hashes, and nothing else stays', async () => {
    const asked: string[] = []
    handler = (request, response) => {
      asked.push(request.url!)
      response.end(GOOD)
    }
    const engines = enginesIn(directory, { registry })
    const progress: number[] = []
    assert.equal(engines.get('lamp'), undefined)
    const { path, version } = await engines.install('lamp', {
      ...optionsFor(GOOD),
      onProgress: done => progress.push(done)
    })
    assert.deepEqual(asked, ['/@a/lamp/-/lamp-1.0.0.tgz'])
    assert.equal(version, '1.0.0')
    assert.equal(readFileSync(join(path, 'node_modules/@a/lamp/index.js'), 'utf8'), 'export const lamp = 1\n')
    assert(progress.includes(GOOD.length))
    assert.deepEqual(readdirSync(join(directory, 'lamp')).sort(), ['1.0.0+test', 'installed.json'])
  })

  it('goes on where it was cut, also after another start', async () => {
    const ranges: (string | undefined)[] = []
    let cut = true
    let first: ServerResponse | undefined
    handler = ({ headers }, response) => {
      ranges.push(headers.range)
      const from = Number(/bytes=(\d+)-/.exec(headers.range ?? '')?.[1] ?? 0)
      response.writeHead(from > 0 ? 206 : 200)
      if (!cut) return void response.end(GOOD.subarray(from))
      if (from > 0) return void response.destroy()
      first = response
      response.write(GOOD.subarray(0, 50))
    }
    // What has not arrived is lost with its connection.
    const optionsToCut = {
      ...optionsFor(GOOD),
      onProgress: (done: number) => void (done >= 50 && first?.destroy())
    }
    await assert.rejects(enginesIn(directory, { registry }).install('lamp', optionsToCut), {
      code: 'ENGINE_FAILED',
      message: /lamp 1\.0\.0/
    })
    cut = false
    const { path } = await enginesIn(directory, { registry }).install('lamp', optionsFor(GOOD))
    assert.deepEqual(ranges, [undefined, 'bytes=50-', 'bytes=50-'])
    assert.equal(statSync(join(path, 'node_modules/@a/lamp/lib/deep.js')).size, 2000)
  })

  it('begins an archive anew for a server without ranges', async () => {
    mkdirSync(join(directory, 'lamp/.install-test'), { recursive: true })
    writeFileSync(join(directory, 'lamp/.install-test/a-lamp-1.0.0.tgz'), GOOD.subarray(0, 40))
    handler = give(GOOD)
    await enginesIn(directory, { registry }).install('lamp', optionsFor(GOOD))
  })

  it.for([
    ['another archive of the same length', Buffer.from(GOOD).fill(7, 30, 40), /its hash is another/],
    ['a longer one', Buffer.concat([GOOD, GOOD]), /sends more than the \d+ bytes/],
    ['a shorter one', GOOD.subarray(0, 60), /has no @a\/lamp 1\.0\.0: status 416/]
  ] as const)('refuses %s, and the next try succeeds', async ([, sent, message]) => {
    const engines = enginesIn(directory, { registry })
    handler = (request, response) =>
      request.headers.range === undefined ? response.end(sent) : response.writeHead(416).end()
    await assert.rejects(engines.install('lamp', optionsFor(GOOD)), { code: 'ENGINE_FAILED', message })
    assert.equal(engines.get('lamp'), undefined)
    handler = ({ headers }, response) => {
      const from = Number(/bytes=(\d+)-/.exec(headers.range ?? '')?.[1] ?? 0)
      response.writeHead(from > 0 ? 206 : 200).end(GOOD.subarray(from))
    }
    await engines.install('lamp', optionsFor(GOOD))
  })

  it('says when the registry does not have it', async () => {
    handler = (_, response) => void response.writeHead(404).end()
    await assert.rejects(enginesIn(directory, { registry }).install('lamp', optionsFor(GOOD)), {
      message: /has no @a\/lamp 1\.0\.0: status 404/
    })
  })

  it.for([
    ['leads out of its folder', archive({ 'package/../../../evil.js': 'x' })],
    ['has an absolute path', archive({ '/package/evil.js': 'x' })],
    ['has a link', archive({ 'package/link': '' }, '2')],
    ['has one file twice', gzipTwice()],
    ['unpacks to far more than it is', archive({ 'package/zeros': '0'.repeat(9_000_000) })],
    ['is no archive', Buffer.from('no archive at all')],
    ['is cut', cutArchive()]
  ] as const)('is refused when an archive %s, even with its hash', async ([, bytes]) => {
    handler = give(bytes)
    const engines = enginesIn(directory, { registry })
    await assert.rejects(engines.install('lamp', optionsFor(bytes)), err => {
      expect(err).toMatchObject({ code: expect.stringMatching(/^(ENGINE_FAILED|STORE_FAILED)$/) })
      return true
    })
    assert.equal(engines.get('lamp'), undefined)
    assert(!treeOf(directory).some(name => name.endsWith('evil.js')))
  })

  it('comes from a folder without any network', async () => {
    const from = join(directory, 'stick')
    mkdirSync(from)
    writeFileSync(join(from, 'a-lamp-1.0.0.tgz'), GOOD)
    const engines = enginesIn(directory)
    await engines.install('lamp', { ...optionsFor(GOOD), from })
    assert(engines.get('lamp') !== undefined)
    writeFileSync(join(from, 'a-lamp-1.0.0.tgz'), 'another')
    await assert.rejects(engines.install('lamp', { ...optionsFor(GOOD), from }), {
      message: /is not @a\/lamp/
    })
  })

  it('ends when it is given up, and what had come is kept', async () => {
    const controller = new AbortController()
    handler = (_, response) => {
      response.write(GOOD.subarray(0, 80), () => setImmediate(() => controller.abort(new Error('given up'))))
    }
    const { signal } = controller
    await assert.rejects(
      enginesIn(directory, { registry }).install('lamp', { ...optionsFor(GOOD), signal }),
      {
        message: 'given up'
      }
    )
    server.closeAllConnections()
  })

  it('takes the place of another, and can be removed', async () => {
    handler = give(GOOD)
    const engines = enginesIn(directory, { registry })
    const first = await engines.install('lamp', optionsFor(GOOD))
    const second = await engines.install('lamp', optionsFor(GOOD))
    assert.notEqual(first.path, second.path)
    assert.deepEqual(readdirSync(join(directory, 'lamp')).sort(), ['1.0.0+test+again', 'installed.json'])
    assert.equal(await engines.remove('lamp'), true)
    assert.equal(await engines.remove('lamp'), false)
    assert.equal(engines.get('lamp'), undefined)
  })
})

function gzipTwice(): Buffer {
  // Two entries of one name cannot be keys of one object, so the second differs by what is left out.
  return archive({ 'package/a.js': 'x', 'package/./a.js': 'y' })
}

function cutArchive(): Buffer {
  const header = Buffer.alloc(512)
  header.write('package/a.js')
  header.write('00000001000\0', 124)
  header.write('0', 156)
  return gzipSync(header)
}

describe('a folder of engines', () => {
  const installed = async () => {
    handler = give(GOOD)
    const engines = enginesIn(directory, { registry })
    const { path } = await engines.install('lamp', optionsFor(GOOD))
    return { engines, path }
  }

  it.skipIf(process.platform === 'win32')('that every user may write to is not used', async () => {
    const { engines, path } = await installed()
    for (const one of [directory, join(directory, 'lamp'), path]) {
      const { mode } = statSync(one)
      chmodSync(one, 0o777)
      assert.equal(engines.get('lamp'), undefined)
      assert.match(engines.obstacle('lamp')!, /every user may write to/)
      chmodSync(one, mode)
      assert.ok(engines.get('lamp'))
    }
    chmodSync(directory, 0o777)
    await expect(engines.install('lamp', optionsFor(GOOD))).rejects.toMatchObject({ code: 'DENIED' })
  })

  it.runIf(process.getuid?.() === 0)('that is another user’s is not used', async () => {
    const { engines, path } = await installed()
    chownSync(path, 1234, 1234)
    assert.equal(engines.get('lamp'), undefined)
    assert.match(engines.obstacle('lamp')!, /belongs to another user/)
  })

  it.each(['.', '..', '../x', '.hidden'])('whose list names the folder %j has no engine', async folder => {
    const { engines } = await installed()
    const mark = join(directory, 'lamp', 'installed.json')
    writeFileSync(mark, JSON.stringify({ version: '1', folder, accelerators: [] }))
    assert.equal(engines.get('lamp'), undefined)
  })
})
