import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, it } from 'vitest'
import { systemClock } from '../../interface/clock.ts'
import { type ErrorCode, LumosError } from '../../interface/errors.ts'
import {
  HttpClient,
  type Listing,
  type Origin,
  type OriginRef,
  obtainFile,
  originOf,
  originSettings,
  parseRef
} from '../../node/weights/origins/index.ts'
import { COMMIT, FakeHub, gitSha1, sha256 } from './fake-hub.ts'
import { HastyClock } from './hasty-clock.ts'
import { MemoryPartials } from './memory-partials.ts'

const TOKEN = 'hf_thesecretone'

let hub: FakeHub
let client: HttpClient
beforeEach(async () => {
  hub = await FakeHub.start()
  client = new HttpClient({ clock: systemClock, env: {} })
})
afterEach(async () => {
  await client.close()
  await hub[Symbol.asyncDispose]()
})

const at = (text: string, env: Record<string, string> = {}, more: object = {}): Origin =>
  originOf(parseRef(text) as OriginRef, {
    client,
    settings: originSettings.parse({ hf: hub.url, ms: hub.url, ollama: hub.url, ...more }),
    env,
    memoryBytes: 8e9
  })

const paths = ({ files }: Listing): string[] => files.map(({ path }) => path).sort()

async function rejects(promise: Promise<unknown>, code: ErrorCode, message: RegExp): Promise<void> {
  await assert.rejects(promise, err => {
    assert.ok(err instanceof LumosError, String(err))
    assert.equal(err.code, code, err.message)
    assert.match(err.message, message)
    assert.doesNotMatch(JSON.stringify([err.message, err.hint, err.details]), /thesecretone/)
    return true
  })
}

describe('a repository of Hugging Face', () => {
  const fill = () => {
    hub.put('config.json', '{}', { git: true })
    hub.put('onnx/model_quantized.onnx', 'weights')
  }

  it('is listed by its commit, with the hash of each file', async () => {
    fill()
    const { name, revision, host, files } = await at('hf:acme/tiny@v1').list()
    assert.deepEqual([name, revision, host], ['acme/tiny', COMMIT, new URL(hub.url).host])
    const url = (path: string) => `${hub.url}/acme/tiny/resolve/${COMMIT}/${path}`
    assert.deepEqual(files, [
      { path: 'config.json', bytes: 2, url: url('config.json'), gitSha1: gitSha1(Buffer.from('{}')) },
      {
        path: 'onnx/model_quantized.onnx',
        bytes: 7,
        url: url('onnx/model_quantized.onnx'),
        sha256: sha256('weights')
      }
    ])
  })

  it('is read page by page, from the hub that was named, whatever host its links have', async () => {
    for (let n = 0; n < 25; n++) hub.put(`model-${n}.safetensors`, `${n}`)
    hub.pageSize = 10
    assert.equal((await at('hf:acme/tiny').list()).files.length, 25)
    assert.equal(hub.seen.filter(({ path }) => path.includes('/tree/')).length, 3)
  })

  it('comes from the host that the hub redirects to, which never sees the token', async () => {
    await using cdn = await FakeHub.start()
    fill()
    for (const [path, { bytes }] of hub.files) cdn.put(path, bytes)
    hub.cdn = cdn.url
    const origin = at('hf:acme/tiny', { HF_TOKEN: TOKEN })
    const store = new MemoryPartials()
    for (const file of (await origin.list()).files)
      await obtainFile(store, file, { client, random: () => 0, token: await origin.token?.() })
    assert.ok(store.whole.has(sha256('weights')))
    assert.equal(hub.seen.length, 4)
    assert.deepEqual(
      new Set(hub.seen.map(({ headers }) => headers.authorization)),
      new Set([`Bearer ${TOKEN}`])
    )
    assert.equal(cdn.seen.length, 2)
    assert.deepEqual(new Set(cdn.seen.map(({ headers }) => headers.authorization)), new Set([undefined]))
  })

  it('keeps the token where a listing is redirected to another host', async () => {
    await using other = await FakeHub.start()
    other.put('model.safetensors', 'x')
    hub.answer = (path, response) => !!response.writeHead(307, { location: other.url + path }).end()
    await at('hf:acme/tiny', { HF_TOKEN: TOKEN }).list()
    assert.ok(other.seen.length > 0)
    assert.deepEqual(new Set(other.seen.map(({ headers }) => headers.authorization)), new Set([undefined]))
  })

  it.each([
    [401, {}, undefined, /has no acme\/tiny, or gives it only to an account/],
    [401, {}, TOKEN, /does not take the token of this node, with which acme\/tiny was asked for/],
    [403, {}, TOKEN, /does not give acme\/tiny to the account of the token/],
    [
      401,
      { 'x-error-code': 'GatedRepo' },
      undefined,
      /acme\/tiny only to accounts that have accepted its terms/
    ],
    [403, { 'x-error-code': 'GatedRepo' }, TOKEN, /acme\/tiny only to accounts that have accepted its terms/]
  ])('says what is the matter when the hub answers %i %o to %s', async (status, headers, token, message) => {
    hub.answer = (_, response) => !!response.writeHead(status, headers).end()
    await rejects(at('hf:acme/tiny', token ? { HF_TOKEN: token } : {}).list(), 'DENIED', message)
  })

  it('that is not there is not found', async () => {
    await rejects(at('hf:acme/none').list(), 'MODEL_NOT_FOUND', /has no acme\/none/)
  })

  it('comes from the mirror that HF_ENDPOINT names, unless the settings name one', async () => {
    fill()
    const mirror = { HF_ENDPOINT: `${hub.url}/` }
    assert.equal((await at('hf:acme/tiny', mirror, { hf: undefined }).list()).files.length, 2)
    await rejects(at('hf:acme/none', { HF_ENDPOINT: 'http://127.0.0.1:9' }).list(), 'MODEL_NOT_FOUND', /none/)
  })
})

describe('a token', () => {
  let folder: string
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'lumos-token-'))
  })
  afterEach(() => rm(folder, { recursive: true, force: true }))

  it('is read from its file at each use', async () => {
    const file = join(folder, 'token')
    const origin = at('ms:acme/tiny', {}, { msTokenFile: file })
    await writeFile(file, 'one\n')
    assert.equal(await origin.token?.(), 'one')
    await writeFile(file, 'two\n')
    assert.equal(await origin.token?.(), 'two')
  })

  it('that is no token is refused without its text', async () => {
    const file = join(folder, 'token')
    await writeFile(file, `${TOKEN}\nand more`)
    await rejects(at('hf:acme/tiny', {}, { hfTokenFile: file }).list(), 'CONFIG_INVALID', /no token/)
    await rejects(
      at('hf:acme/tiny', {}, { hfTokenFile: join(folder, 'none') }).list(),
      'CONFIG_INVALID',
      /ENOENT/
    )
  })
})

describe('a listing that lies', () => {
  const tree = (path: string, size: unknown = 1, more: object = {}) => [
    { type: 'file', path: 'model.safetensors', size: 1 },
    { type: 'file', path, size, ...more }
  ]

  it.each<[string, unknown[], RegExp]>([
    ['a path out of its folder', tree('../../.ssh/authorized_keys'), /"\.\.\/\.\.\/\.ssh.*leads out/],
    ['a path that goes up and down', tree('a/../../b.json'), /leads out/],
    ['an absolute path', tree('/etc/passwd.json'), /"\/etc\/passwd\.json": its path is absolute/],
    ['a path of Windows', tree('C:/x.json'), /absolute/],
    ['a backslash', tree('..\\x.json'), /backslash/],
    ['a control character', tree('a\u001b[2Jb.json'), /control character/],
    ['a part without a name', tree('a//b.json'), /no name/],
    ['no name', tree(''), /no name/],
    ['a path of 2 MB', tree(`${'a/'.repeat(1_000_000)}b.json`), /longer than 255 characters/],
    ['a file twice', tree('model.safetensors'), /twice/],
    ['names that differ in their case', tree('Model.safetensors'), /case alone/],
    [
      'folders that differ in their case',
      [...tree('A/x.safetensors'), ...tree('a/y.safetensors').slice(1)],
      /case alone/
    ],
    ['a file that is a folder, too', tree('model.safetensors/x.safetensors'), /is a file, too/],
    ['a negative size', tree('a.json', -1), /size is -1/],
    ['a size that is no number of bytes', tree('a.json', 1.5), /size is 1\.5/],
    ['a size beyond all disks', tree('a.json', 2 ** 52), /size is/],
    ['no size', [{ type: 'file', path: 'a.json' }], /size is -1/],
    ['a link', [{ type: 'symlink', path: 'x.json', size: 1 }], /"x\.json": it is a "symlink"/],
    ['a hash that is none', tree('a.safetensors', 1, { lfs: { oid: '../x', size: 1 } }), /no SHA-256/],
    ['a name that other systems cannot have', tree('a*b.json'), /same on every system/]
  ])('is refused for %s', async (_, listing, message) => {
    hub.listing = listing
    await rejects(at('hf:acme/tiny').list(), 'WEIGHTS_INVALID', message)
  })

  it('is refused for more files than a repository can have', async () => {
    hub.listing = Array.from({ length: 5000 }, (_, n) => ({
      type: 'file',
      path: `${n}.safetensors`,
      size: 1
    }))
    await rejects(
      at('hf:acme/tiny').list(),
      'WEIGHTS_INVALID',
      /5000 files would be taken; the limit is 4096/
    )
    hub.listing = Array.from({ length: 21_000 }, (_, n) => ({ type: 'file', path: `${n}.x`, size: 1 }))
    await rejects(at('hf:acme/tiny').list(), 'WEIGHTS_INVALID', /20000 files/)
  })

  it('is refused when its pages do not end', async () => {
    hub.answer = (path, response) => {
      if (!path.includes('/tree/')) return false
      response.writeHead(200, { link: `<${hub.url}${path}>; rel="next"` })
      return !!response.end('[]')
    }
    await rejects(at('hf:acme/tiny').list(), 'WEIGHTS_INVALID', /50 pages/)
  })

  it('is given up when it comes by the byte', async () => {
    await client.close()
    client = new HttpClient({ clock: new HastyClock(), env: {} })
    hub.answer = (path, response) => {
      if (!path.includes('/tree/')) return false
      const drip = setInterval(() => response.write(' '), 50)
      return !!response.on('close', () => clearInterval(drip))
    }
    await rejects(at('hf:acme/tiny').list(), 'ORIGIN_FAILED', /too slow/)
  })

  it.each([
    ['is larger than a listing can be', `[${' '.repeat(5_000_000)}]`, /more than 4194304 bytes/],
    ['is no JSON', '<html>', /no JSON/],
    ['has another form', '{"error":"x"}', /form that is not read/]
  ])('is refused when it %s', async (_, text, message) => {
    hub.answer = (path, response) => path.includes('/tree/') && !!response.end(text)
    await rejects(at('hf:acme/tiny').list(), 'PROTOCOL_VIOLATION', message)
  })

  it('of ModelScope or Ollama is refused in the same way', async () => {
    hub.listing = [{ Path: '../x.json', Size: 1 }]
    await rejects(at('ms:acme/tiny').list(), 'WEIGHTS_INVALID', /leads out/)
    hub.listing = [{ mediaType: 'application/vnd.ollama.image.model', digest: 'sha256:../../x', size: 1 }]
    await rejects(at('ollama:tiny').list(), 'PROTOCOL_VIOLATION', /digest/)
    hub.listing = [
      { mediaType: 'application/vnd.ollama.image.model', digest: `sha256:${'0'.repeat(64)}`, size: -5 }
    ]
    await rejects(at('ollama:tiny').list(), 'WEIGHTS_INVALID', /size is -5/)
  })
})

describe('other origins', () => {
  it('list a repository of ModelScope, by its branch', async () => {
    hub.put('onnx/model.onnx', 'weights')
    hub.put('config.json', '{}')
    const listing = await at('ms:acme/tiny').list()
    assert.deepEqual(
      [listing.name, listing.revision, paths(listing)],
      ['acme/tiny', 'master', ['config.json', 'onnx/model.onnx']]
    )
    const store = new MemoryPartials()
    for (const file of listing.files) await obtainFile(store, file, { client, random: () => 0 })
    assert.equal(store.whole.size, 2)
  })

  it('say that ModelScope has no such repository', async () => {
    hub.answer = (_, response) => !!response.end('{"Success":false,"Code":404,"Message":"record not found"}')
    await rejects(at('ms:acme/none').list(), 'MODEL_NOT_FOUND', /acme\/none@master/)
  })

  it('list a model of Ollama with its template, parameters and licences', async () => {
    hub.put('model', 'GGUF')
    hub.put('template', '{{ .Prompt }}')
    hub.put('params', '{"stop":[]}')
    hub.put('license', 'terms')
    const listing = await at('ollama:tiny').list()
    assert.deepEqual(paths(listing), ['LICENSE', 'model.gguf', 'params.json', 'template.txt'])
    const store = new MemoryPartials()
    for (const file of listing.files) await obtainFile(store, file, { client, random: () => 0 })
    assert.ok(store.whole.has(sha256('GGUF')))
  })

  it('list one file of a server by its address, with its length and ETag', async () => {
    hub.put('tiny.gguf', 'GGUF', { etag: '"one"' })
    const { name, files } = await at(`${hub.url}/files/tiny.gguf?key=1`).list()
    assert.equal(name, 'tiny')
    assert.deepEqual(files, [
      { path: 'tiny.gguf', bytes: 4, url: `${hub.url}/files/tiny.gguf?key=1`, version: '"one"' }
    ])
  })

  it('take the hash that a hub states where it redirects', async () => {
    await using cdn = await FakeHub.start()
    cdn.put('tiny.gguf', hub.put('tiny.gguf', 'GGUF'))
    hub.cdn = cdn.url
    const { files } = await at(`${hub.url}/acme/tiny/resolve/main/tiny.gguf`).list()
    assert.deepEqual([files[0]!.sha256, files[0]!.bytes], [sha256('GGUF'), 4])
  })

  it.each([
    ['a page', { 'content-type': 'text/html; charset=utf-8' }, 'INVALID_INPUT' as const, /a page/],
    ['a file without a length', { 'transfer-encoding': 'chunked' }, 'PROTOCOL_VIOLATION' as const, /how long/]
  ])('refuse %s', async (_, headers, code, message) => {
    hub.answer = (_, response) => !!response.writeHead(200, headers).end('x')
    await rejects(at(`${hub.url}/files/tiny.gguf`).list(), code, message)
    await rejects(at(`${hub.url}/`).list(), 'INVALID_INPUT', /no file/)
  })
})
