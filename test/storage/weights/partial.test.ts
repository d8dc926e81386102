import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import {
  appendFileSync,
  chmodSync,
  existsSync,
  readdirSync,
  readFileSync,
  statSync,
  truncateSync,
  writeFileSync
} from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'vitest'
import { LEAF_BYTES } from '../../../interface/limits.ts'
import { leafCidText } from '../../../storage/weights/cid.ts'
import { content, hex, leafOf, sha256 } from './content.ts'
import { addFile } from './plain-unixfs.ts'
import { openStore, temporaryFolder } from './store-parts.ts'

const BYTES = content(3 * LEAF_BYTES + 10)
const KEY = hex(BYTES)
const INVALID = { code: 'WEIGHTS_INVALID' }
/** A number and a digest. */
const ENTRY_BYTES = 36

describe('a file that comes leaf by leaf', () => {
  it('takes leaves in any order, some of them twice and at once, and becomes a file of the store', async () => {
    const { store } = await openStore(temporaryFolder())
    const partial = await store.partial(KEY, BYTES.length)
    assert.deepEqual([partial.leaves, partial.bytesHave, partial.has(2)], [4, 0, false])
    const order = [2, 0, 3, 3, 1, 0]
    await Promise.all(
      order.map(leaf => partial.write(leaf, leafOf(BYTES, leaf), sha256(leafOf(BYTES, leaf))))
    )
    assert.equal(partial.bytesHave, BYTES.length)
    assert.deepEqual(partial.digest(3), new Uint8Array(sha256(leafOf(BYTES, 3))))
    assert.deepEqual(new Uint8Array(await partial.read(1)), leafOf(BYTES, 1))
    const { cid } = await addFile(BYTES)
    assert.deepEqual(await partial.finish({ sha256: KEY, cid }), { sha256: KEY, cid, bytes: BYTES.length })
    assert.deepEqual(new Uint8Array(readFileSync(store.ground.folder.fileOf(KEY))), BYTES)
    assert.deepEqual(readdirSync(store.ground.folder.partial), [])
  })

  it('is served from while it comes, and not once it was given up', async () => {
    const { store } = await openStore(temporaryFolder())
    const partial = await store.partial(KEY, BYTES.length)
    const cid = leafCidText(sha256(leafOf(BYTES, 1)))
    assert.equal(await store.block(cid), undefined)
    await partial.write(1, leafOf(BYTES, 1))
    assert.ok(store.hasBlock(cid))
    assert.deepEqual(new Uint8Array((await store.block(cid))!), leafOf(BYTES, 1))
    assert.deepEqual(store.namesOf(cid), [])
    await partial.discard()
    assert.equal(store.hasBlock(cid), false)
    assert.equal(await store.block(cid), undefined)
    assert.deepEqual(readdirSync(store.ground.folder.partial), [])
  })

  it('keeps nothing of what is wrong', async () => {
    const { store } = await openStore(temporaryFolder())
    const partial = await store.partial(KEY, BYTES.length)
    const leaf = leafOf(BYTES, 0)
    await assert.rejects(partial.write(0, leaf, sha256(leafOf(BYTES, 1))), INVALID)
    await assert.rejects(partial.write(0, leaf.subarray(1)), INVALID)
    await assert.rejects(partial.write(3, leaf), INVALID)
    for (const place of [-1, 4, 0.5, Number.NaN]) await assert.rejects(partial.write(place, leaf), INVALID)
    assert.equal(partial.bytesHave, 0)
    await assert.rejects(partial.read(0), INVALID)
    await assert.rejects(partial.finish({}), /lacks 3145738 of its 3145738 bytes/)
    for (const key of ['../../etc/passwd', 'a/b', '', 'A'.repeat(64), 'x'.repeat(300)])
      await assert.rejects(store.partial(key, 5), INVALID)
  })

  it('that is whole and another than announced leaves those leaves that are to stay, also over a restart', async () => {
    const folder = temporaryFolder()
    const { store, close } = await openStore(folder)
    const partial = await store.partial(KEY, BYTES.length)
    for (let leaf = 0; leaf < 4; leaf++)
      await partial.write(leaf, leaf === 2 ? randomBytes(LEAF_BYTES) : leafOf(BYTES, leaf))
    await assert.rejects(partial.finish({ sha256: KEY }, { keep: new Set([3, 1]) }), INVALID)
    await close()
    const { store: later } = await openStore(folder)
    const rest = await later.partial(KEY, BYTES.length)
    assert.deepEqual(
      [0, 1, 2, 3].map(leaf => rest.has(leaf)),
      [false, true, false, true]
    )
    for (const leaf of [0, 2]) await rest.write(leaf, leafOf(BYTES, leaf))
    assert.equal((await rest.finish({ sha256: KEY })).sha256, KEY)
  })

  it('that is whole and another than announced is thrown away', async () => {
    const { store } = await openStore(temporaryFolder())
    for (const expected of [{ sha256: 'f'.repeat(64) }, { cid: leafCidText(sha256(BYTES)) }]) {
      const partial = await store.partial(KEY, BYTES.length)
      for (let leaf = 0; leaf < 4; leaf++) await partial.write(leaf, leafOf(BYTES, leaf))
      await assert.rejects(partial.finish(expected), INVALID)
      assert.deepEqual(readdirSync(store.ground.folder.partial), [])
    }
    assert.equal(store.file(KEY), undefined)
    assert.deepEqual(readdirSync(store.ground.folder.files), [])
  })

  it('of no bytes has one leaf of none', async () => {
    const { store } = await openStore(temporaryFolder())
    const none = new Uint8Array()
    const partial = await store.partial(hex(none), 0)
    assert.equal(partial.leaves, 1)
    await assert.rejects(partial.finish({}), INVALID)
    await partial.write(0, none)
    const { cid } = await partial.finish({ sha256: hex(none) })
    assert.equal(cid, (await addFile(none)).cid)
    assert.deepEqual(new Uint8Array((await store.block(cid))!), none)
  })

  it('belongs to one caller at a time', async () => {
    const { store } = await openStore(temporaryFolder())
    const first = await store.partial(KEY, BYTES.length)
    const abort = new AbortController()
    const given = store.partial(KEY, BYTES.length, { signal: abort.signal })
    const second = store.partial(KEY, BYTES.length)
    abort.abort(new Error('enough'))
    await assert.rejects(given, /enough/)
    await first.write(0, leafOf(BYTES, 0))
    await first.close()
    assert.equal((await second).bytesHave, LEAF_BYTES)
    await (await second).close()
  })
})

describe('a file that comes, opened again', () => {
  /** Leaves 0, 1 and 3 of a file whose process was killed. */
  async function killed() {
    const home = temporaryFolder()
    const { store, kill } = await openStore(home)
    const partial = await store.partial(KEY, BYTES.length)
    for (const leaf of [0, 3, 1]) await partial.write(leaf, leafOf(BYTES, leaf))
    await kill()
    const at = (ending: string): string => join(home, 'weights', 'partial', KEY + ending)
    return { home, data: at('.data'), journal: at('.journal') }
  }

  async function has(home: string): Promise<boolean[]> {
    const { store, close } = await openStore(home)
    const partial = await store.partial(KEY, BYTES.length)
    const found = [0, 1, 2, 3].map(leaf => partial.has(leaf))
    for (let leaf = 0; leaf < 4; leaf++) await partial.write(leaf, leafOf(BYTES, leaf))
    await partial.finish({ sha256: KEY })
    assert.deepEqual(new Uint8Array(readFileSync(store.ground.folder.fileOf(KEY))), BYTES)
    await close()
    return found
  }

  it('has what was written', async () => {
    const { home } = await killed()
    assert.deepEqual(await has(home), [true, true, false, true])
  })

  it('lacks the leaf of which a bit was turned, and no other', async () => {
    const { home, data } = await killed()
    const bytes = readFileSync(data)
    bytes[LEAF_BYTES + 77]! ^= 4
    writeFileSync(data, bytes)
    assert.deepEqual(await has(home), [true, false, false, true])
  })

  it('lacks the leaf whose entry was torn', async () => {
    const { home, journal } = await killed()
    truncateSync(journal, 3 * ENTRY_BYTES - 1)
    assert.deepEqual(await has(home), [true, false, false, true])
  })

  it('believes no journal that says more than there is', async () => {
    const { home, journal } = await killed()
    const entry = Buffer.alloc(ENTRY_BYTES, 0xff)
    appendFileSync(journal, entry)
    entry.writeUInt32BE(2)
    appendFileSync(journal, entry)
    appendFileSync(journal, Buffer.alloc(ENTRY_BYTES))
    // Of two entries the later counts: that of zeros is none that the first leaf has.
    assert.deepEqual(await has(home), [false, true, false, true])
  })

  it('begins anew where its data is gone, or is of another length', async () => {
    const { home, data } = await killed()
    truncateSync(data, BYTES.length - 1)
    assert.deepEqual(await has(home), [false, false, false, false])
  })

  it('loses nothing when it is killed again while it is checked', async () => {
    const { home } = await killed()
    const { store, kill } = await openStore(home)
    const abort = new AbortController()
    const opened = store.partial(KEY, BYTES.length, { signal: abort.signal })
    abort.abort(new Error('killed'))
    await assert.rejects(opened, /killed/)
    await kill()
    assert.deepEqual(await has(home), [true, true, false, true])
  })

  it('is there again when its file had a name and no row yet', async () => {
    const { home, data } = await killed()
    const files = join(home, 'weights', 'files')
    // What `finish` had done when the process was killed.
    const { linkSync } = await import('node:fs')
    chmodSync(data, 0o444)
    linkSync(data, join(files, KEY))
    const { store, kill } = await openStore(home)
    const partial = await store.partial(KEY, BYTES.length)
    assert.equal(statSync(data).mode & 0o777, 0o600)
    await partial.close()
    await kill()
    assert.deepEqual(await has(home), [true, true, false, true])
    assert.ok(existsSync(join(files, KEY)))
  })
})
