import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { afterEach, beforeEach, describe, it } from 'vitest'
import { type ErrorCode, LumosError } from '../../interface/errors.ts'
import { LEAF_BYTES } from '../../interface/weights.ts'
import { type DownloadOptions, download } from '../../node/weights/origins/download.ts'
import { HttpClient, SILENCE_MS } from '../../node/weights/origins/http-client.ts'
import { keyOf, obtainFile } from '../../node/weights/origins/obtain.ts'
import type { OriginFile } from '../../node/weights/origins/origin.ts'
import { FakeHub, sha256 } from './fake-hub.ts'
import { HastyClock } from './hasty-clock.ts'
import { MemoryPartials } from './memory-partials.ts'

const BYTES = 5 * LEAF_BYTES + 12_345
const CONTENT = randomBytes(BYTES)

let hub: FakeHub
let clock: HastyClock
let client: HttpClient
let store: MemoryPartials
let progress: number[]
let options: DownloadOptions
beforeEach(async () => {
  hub = await FakeHub.start()
  clock = new HastyClock()
  client = new HttpClient({ clock, env: {} })
  store = new MemoryPartials()
  progress = []
  options = { client, random: () => 0, onBytes: bytes => progress.push(bytes) }
})
afterEach(async () => {
  await client.close()
  await hub[Symbol.asyncDispose]()
})

const fileOf = (more: Partial<OriginFile> = {}): OriginFile => ({
  path: 'model.gguf',
  bytes: BYTES,
  url: `${hub.url}/files/model.gguf`,
  sha256: sha256(CONTENT),
  ...more
})

const rejects = (promise: Promise<unknown>, code: ErrorCode, message?: RegExp) =>
  assert.rejects(promise, err => {
    assert.ok(err instanceof LumosError, String(err))
    assert.equal(err.code, code, err.message)
    if (message) assert.match(err.message, message)
    return true
  })

describe('a download', () => {
  beforeEach(() => {
    hub.put('model.gguf', CONTENT, { etag: '"one"' })
  })

  it('brings the file, and each of its bytes once', async () => {
    assert.equal((await obtainFile(store, fileOf(), options)).sha256, sha256(CONTENT))
    assert.equal(hub.bytesSent, BYTES)
    assert.equal(
      progress.reduce((sum, bytes) => sum + bytes, 0),
      BYTES
    )
    assert.equal(hub.fetched[0]!.headers.range, undefined)
  })

  it('asks for nothing that the store has', async () => {
    await obtainFile(store, fileOf(), options)
    hub.seen.length = 0
    await obtainFile(store, fileOf(), options)
    assert.deepEqual(hub.seen, [])
  })

  it('goes on after the last whole leaf when the body is cut, again and again', async () => {
    for (let n = 0; n < 4; n++) hub.twists.push({ cutAfter: LEAF_BYTES + 700_000 })
    await obtainFile(store, fileOf(), options)
    assert.deepEqual(
      hub.fetched.map(({ headers }) => headers.range),
      [undefined, 1, 2, 3, 4].map(leaf => leaf && `bytes=${leaf * LEAF_BYTES}-${BYTES - 1}`)
    )
    // A part of a leaf at each cut, and what was under way.
    assert.ok(hub.bytesSent <= BYTES + 4 * LEAF_BYTES, `${hub.bytesSent} bytes were sent.`)
  })

  it('goes on where an earlier process has stopped, and fetches the leaf that is damaged since', async () => {
    const stop = new AbortController()
    const stopping = {
      ...options,
      signal: stop.signal,
      onBytes: () => progress.push(1) === 4 && stop.abort(new Error('stopped'))
    } as DownloadOptions
    await assert.rejects(obtainFile(store, fileOf(), stopping))
    const partial = await store.partial(keyOf(fileOf()), BYTES)
    assert.ok(partial.bytesHave >= 4 * LEAF_BYTES)
    partial.lose(1)
    hub.seen.length = 0
    hub.bytesSent = 0
    await obtainFile(store, fileOf(), options)
    assert.equal(hub.fetched[0]!.headers.range, `bytes=${LEAF_BYTES}-${2 * LEAF_BYTES - 1}`)
    assert.equal(hub.bytesSent, BYTES - 3 * LEAF_BYTES)
  })

  it('takes no leaf that a peer brings meanwhile', async () => {
    const partial = await store.partial(keyOf(fileOf()), BYTES)
    for (const leaf of [2, 3])
      await partial.write(leaf, CONTENT.subarray(leaf * LEAF_BYTES, (leaf + 1) * LEAF_BYTES))
    await download(partial, fileOf(), options)
    assert.deepEqual(
      hub.fetched.map(({ headers }) => headers.range),
      [`bytes=0-${2 * LEAF_BYTES - 1}`, `bytes=${4 * LEAF_BYTES}-${BYTES - 1}`]
    )
  })

  it('goes past what peers bring while it is under way', async () => {
    const partial = await store.partial(keyOf(fileOf()), BYTES)
    const bring = (leaf: number) =>
      partial.write(leaf, CONTENT.subarray(leaf * LEAF_BYTES, (leaf + 1) * LEAF_BYTES))
    const onBytes = () => void (progress.push(1) === 1 && [1, 2].map(bring))
    await download(partial, fileOf(), { ...options, onBytes })
    assert.deepEqual(
      hub.fetched.map(({ headers }) => headers.range),
      [undefined, `bytes=${3 * LEAF_BYTES}-${BYTES - 1}`]
    )
    assert.equal(progress.length, 4)
  })

  it('fetches a wrong leaf again alone, where the mesh knows its hash', async () => {
    hub.twists.push({ flip: 2 * LEAF_BYTES + 5 })
    const digestOf = (leaf: number) =>
      createHash('sha256')
        .update(CONTENT.subarray(leaf * LEAF_BYTES, (leaf + 1) * LEAF_BYTES))
        .digest()
    await obtainFile(store, fileOf(), { ...options, digestOf })
    assert.equal(hub.bytesSent, BYTES + LEAF_BYTES)
  })

  it('begins again once where the whole has another hash, and gives up the second time', async () => {
    hub.twists.push({ flip: 5 })
    await obtainFile(store, fileOf(), options)
    assert.equal(hub.bytesSent, 2 * BYTES)

    store.whole.clear()
    hub.always = { flip: 5 }
    await rejects(obtainFile(store, fileOf(), options), 'WEIGHTS_INVALID')
    assert.equal(store.partials.size, 0)
    assert.equal(store.whole.size, 0)
  })

  it('checks small files by their name in Git', async () => {
    hub.put('config.json', '{"a":1}')
    const file = { path: 'config.json', bytes: 7, url: `${hub.url}/files/config.json` }
    const right = createHash('sha1').update('blob 7\0{"a":1}').digest('hex')
    await obtainFile(store, { ...file, gitSha1: right }, options)
    await rejects(
      obtainFile(store, { ...file, gitSha1: right.replace(/^./, 'f') }, options),
      'WEIGHTS_INVALID',
      /config\.json/
    )
  })

  it('brings an empty file without asking for it', async () => {
    await obtainFile(store, fileOf({ bytes: 0, sha256: sha256('') }), options)
    assert.deepEqual(hub.seen, [])
  })

  it('skips what it has where the server knows no ranges', async () => {
    hub.twists.push({ cutAfter: 3 * LEAF_BYTES }, { ignoreRange: true })
    await obtainFile(store, fileOf(), options)
    assert.equal(
      progress.reduce((sum, bytes) => sum + bytes, 0),
      BYTES
    )
  })

  it('asks with the ETag, and begins again only when that is another', async () => {
    const file = fileOf({ version: '"one"' })
    const { sha256: _, ...unhashed } = file
    hub.twists.push({ cutAfter: 2 * LEAF_BYTES + 500_000 })
    await obtainFile(store, unhashed, options)
    assert.equal(hub.fetched[1]!.headers['if-range'], '"one"')
    assert.ok(hub.bytesSent < BYTES + LEAF_BYTES)

    hub.twists.push({ cutAfter: 2 * LEAF_BYTES + 500_000 })
    hub.answer = path => {
      if (path.startsWith('/files/') && hub.fetched.length === 4)
        hub.put('model.gguf', CONTENT, { etag: '"two"' })
      return false
    }
    await rejects(obtainFile(store, unhashed, options), 'ORIGIN_CHANGED')
    assert.equal(store.partials.size, 0)
  })

  it('does not go on with a file that nothing tells from another', async () => {
    const { sha256: _, ...unknown } = fileOf()
    const partial = await store.partial(keyOf(unknown), BYTES)
    await partial.write(0, new Uint8Array(LEAF_BYTES))
    assert.equal((await obtainFile(store, unknown, options)).sha256, sha256(CONTENT))
  })

  it.each([
    ['is shorter than listed', { bytes: BYTES + LEAF_BYTES }],
    ['is longer than listed', { bytes: BYTES - LEAF_BYTES }]
  ])('of a file that %s ends', async (_, more) => {
    await rejects(obtainFile(store, fileOf(more), options), 'ORIGIN_CHANGED')
    const partial = await store.partial(keyOf(fileOf(more)), more.bytes)
    for (let leaf = 0; leaf < 5; leaf++)
      await partial.write(leaf, new Uint8Array(Math.min(LEAF_BYTES, more.bytes - leaf * LEAF_BYTES)))
    await rejects(obtainFile(store, fileOf(more), options), 'ORIGIN_CHANGED')
  })

  it('ends at the listed length, however long the body is', async () => {
    hub.always = { endless: true }
    await obtainFile(store, fileOf(), options)
    assert.ok(hub.bytesSent < BYTES + 8 * LEAF_BYTES, `${hub.bytesSent} bytes were sent.`)
  })

  it('waits for as long as a busy server says, and tries again when it fails', async () => {
    hub.twists.push({ status: 429, headers: { 'retry-after': '7' } }, { status: 500 }, { status: 502 })
    await obtainFile(store, fileOf(), options)
    assert.deepEqual(clock.pauses, [7000, 1000, 2000])
  })

  it('does not wait for a server that is busy for an hour', async () => {
    hub.twists.push({ status: 503, headers: { 'retry-after': '3600' } })
    await assert.rejects(obtainFile(store, fileOf(), options), err => {
      assert.ok(err instanceof LumosError)
      assert.deepEqual([err.code, err.details.retryAfterMs], ['OVERLOADED', 3_600_000])
      return true
    })
  })

  it('gives a server up that brings nothing new eight times in a row', async () => {
    hub.always = { cutAfter: 1000 }
    await rejects(obtainFile(store, fileOf(), options), 'ORIGIN_FAILED', /cut|ended/)
    assert.equal(hub.fetched.length, 8)
  })

  it('leaves a server that goes silent', async () => {
    hub.twists.push({ silentAfter: LEAF_BYTES + 10 })
    await obtainFile(store, fileOf(), options)
    assert.equal(hub.fetched.length, 2)
    assert.ok(clock.pauses.includes(SILENCE_MS))
  })

  it('ends with its signal, and keeps what came', async () => {
    const stop = new AbortController()
    hub.always = { silentAfter: 2 * LEAF_BYTES + 300_000 }
    const stopping = {
      ...options,
      signal: stop.signal,
      onBytes: () => progress.push(1) === 2 && stop.abort()
    } as DownloadOptions
    await rejects(obtainFile(store, fileOf(), stopping), 'CANCELLED')
    assert.equal((await store.partial(keyOf(fileOf()), BYTES)).bytesHave, 2 * LEAF_BYTES)
  })

  it.each<[string, Parameters<typeof hub.twists.push>[0], ErrorCode, RegExp]>([
    ['a packed body', { headers: { 'content-encoding': 'gzip' } }, 'PROTOCOL_VIOLATION', /gzip/],
    [
      'a range that was not asked for',
      { status: 200, contentRange: 'bytes 0-9/10' },
      'PROTOCOL_VIOLATION',
      /another range/
    ],
    ['that it may not be had', { status: 403 }, 'DENIED', /token/],
    ['that there is none', { status: 404 }, 'MODEL_NOT_FOUND', /has no model\.gguf/]
  ])('is refused when the server answers with %s', async (_, twist, code, message) => {
    const partial = await store.partial(keyOf(fileOf()), BYTES)
    await partial.write(0, CONTENT.subarray(0, LEAF_BYTES))
    hub.always = twist
    await rejects(obtainFile(store, fileOf(), options), code, message)
    assert.equal(hub.fetched.length, 1)
  })
})
