import assert from 'node:assert/strict'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync
} from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'vitest'
import { LEAF_BYTES } from '../../../interface/limits.ts'
import { leafCidText } from '../../../storage/weights/cid.ts'
import { collect, diskUse, removeRepository, verify } from '../../../storage/weights/housekeeping.ts'
import { content, ENVELOPE, hex, leafOf, sha256 } from './content.ts'
import { addAll, addFile } from './plain-unixfs.ts'
import { keep, leavesOf, openStore, repositoryOf, temporaryFolder } from './store-parts.ts'

const ONE_DAY = 24 * 3600_000

/** Resolves once this holds; what makes it so tells the store's `onChange`. */
async function until(holds: () => boolean, changed: { now: () => Promise<void> }): Promise<void> {
  while (!holds()) await changed.now()
}

function changes(): { onChange(): void; now(): Promise<void> } {
  let next = Promise.withResolvers<void>()
  return {
    onChange() {
      next.resolve()
      next = Promise.withResolvers<void>()
    },
    now: () => next.promise
  }
}

/** One bit of a file, which looks as if nothing had happened unless its time is looked at. */
function flip(path: string, at: number): void {
  chmodSync(path, 0o600)
  const bytes = readFileSync(path)
  bytes[at]! ^= 1
  writeFileSync(path, bytes)
}

describe('a store of weights', () => {
  it('gives the blocks that a plain UnixFS import of the same files has', async () => {
    const { store } = await openStore(temporaryFolder())
    const files = {
      'model.gguf': content(3 * LEAF_BYTES + 5),
      'card/README.md': content(10, 9),
      empty: content(0)
    }
    const repository = await repositoryOf(store, 'org/one', files)
    const plain = await addAll(Object.entries(files).map(([path, bytes]) => ({ path, content: bytes })))
    assert.equal(repository.cid, plain.cid)
    const stored = await store.add(repository, ENVELOPE)
    assert.deepEqual(stored, {
      ...repository,
      files: repository.files.toSorted((a, b) => (a.path < b.path ? -1 : 1)),
      envelope: ENVELOPE,
      pinned: false,
      directory: join(store.ground.folder.models, 'org%2Fone')
    })

    for (const [cid, bytes] of plain.blocks) assert.deepEqual(await store.block(cid), bytes)
    const gguf = files['model.gguf']
    const { cid } = store.file(hex(gguf))!
    const leaves = leavesOf(store, cid)
    assert.equal(leaves.length, 4)
    assert.deepEqual(store.digestsOf(cid, 1, 2), store.digestsOf(cid).subarray(32, 96))
    assert.equal(store.digestsOf(cid, 3, 9).length, 32)
    for (const from of [4, 2 ** 31, Number.MAX_SAFE_INTEGER])
      assert.equal(store.digestsOf(cid, from).length, 0)
    assert.equal(store.digestsOf(repository.cid).length, 0)
    for (const [n, leaf] of leaves.entries()) {
      assert.deepEqual(new Uint8Array((await store.block(leaf))!), leafOf(gguf, n))
      assert.deepEqual(store.namesOf(leaf), ['org/one'])
    }
    for (const inner of [cid, repository.cid]) assert.deepEqual(store.namesOf(inner), ['org/one'])
    assert.equal(store.hasBlock(leafCidText(sha256(content(11)))), false)
    assert.deepEqual(store.namesOf('no cid'), [])
    assert.equal(await store.block('no cid'), undefined)
  })

  it('keeps equal files once, and their bytes are those that engines open', async () => {
    const { store } = await openStore(temporaryFolder())
    const bytes = content(2 * LEAF_BYTES)
    await store.add(await repositoryOf(store, 'one', { 'a.gguf': bytes }), ENVELOPE)
    const two = await store.add(await repositoryOf(store, 'two', { 'deep/er/b.gguf': bytes }), ENVELOPE)
    const { folder } = store.ground
    assert.deepEqual(readdirSync(folder.files), [hex(bytes)])
    assert.equal(statSync(join(two.directory, 'deep/er/b.gguf')).ino, statSync(folder.fileOf(hex(bytes))).ino)
    assert.deepEqual(store.namesOf(store.file(hex(bytes))!.cid), ['one', 'two'])
    const use = await diskUse(store)
    assert.equal(use.bytes, bytes.length)
    assert.deepEqual(use.models, [
      { model: 'one', bytes: bytes.length, sharedBytes: bytes.length },
      { model: 'two', bytes: bytes.length, sharedBytes: bytes.length }
    ])
  })

  it('refuses a repository that is not what it says', async () => {
    const { store } = await openStore(temporaryFolder())
    const bytes = content(10)
    const right = await repositoryOf(store, 'org/one', { 'a.gguf': bytes })
    const [file] = right.files
    const other = (await addFile(content(11))).cid
    const wrong = [
      { ...right, cid: other },
      { ...right, bytes: 11 },
      { ...right, files: [{ ...file!, path: '../a.gguf' }] },
      { ...right, files: [{ ...file!, sha256: 'f'.repeat(64) }] },
      { ...right, files: [{ ...file!, cid: other }] },
      { ...right, bytes: 20, files: [file!, { ...file!, path: 'A.gguf' }] },
      { ...right, bytes: 20, files: [file!, { ...file!, path: 'a.gguf/b' }] },
      { ...right, name: '../../etc' }
    ]
    for (const repository of wrong)
      await assert.rejects(store.add(repository, ENVELOPE), { code: 'WEIGHTS_INVALID' })
    assert.deepEqual(store.repositories(), [])
    assert.deepEqual(readdirSync(store.ground.folder.models), [])
    await store.add(right, ENVELOPE)
    await assert.rejects(store.add({ ...right, name: 'Org/one' }, ENVELOPE), /case only/)
  })

  it('replaces a repository of the same name, and touches nothing that is not its own', async () => {
    const { store } = await openStore(temporaryFolder())
    const first = await repositoryOf(store, 'one', { 'a.gguf': content(10), 'sub/b': content(11) })
    const { directory } = await store.add(first, ENVELOPE)
    const second = await repositoryOf(store, 'one', { 'a.gguf': content(12) })
    await store.add(second, ENVELOPE)
    assert.deepEqual(readdirSync(directory), ['a.gguf'])
    assert.equal(readFileSync(join(directory, 'a.gguf')).length, 12)
    assert.deepEqual(store.namesOf(first.cid), [])

    writeFileSync(join(directory, 'notes.txt'), 'mine')
    await assert.rejects(store.add(first, ENVELOPE), /not of the store/)
    await removeRepository(store, store.ground.repositories.find('one')!)
    assert.deepEqual(readdirSync(directory), ['notes.txt'])
  })

  it('removes with a repository what no other has, and gc what was left behind long ago', async () => {
    const home = temporaryFolder()
    let wallMs = Date.now()
    const clock = { wallMs: () => wallMs, monotonicMs: () => wallMs, setTimer: () => ({ cancel() {} }) }
    const { store } = await openStore(home, { clock })
    const shared = content(20)
    await store.add(await repositoryOf(store, 'one', { a: shared, b: content(LEAF_BYTES + 1) }), ENVELOPE)
    await store.add(await repositoryOf(store, 'two', { a: shared }), ENVELOPE)
    await removeRepository(store, store.ground.repositories.find('one')!)
    assert.deepEqual(readdirSync(store.ground.folder.files), [hex(shared)])
    assert.deepEqual(store.ground.repositories.unusedNodes(), [])
    assert.equal(existsSync(join(store.ground.folder.models, 'one')), false)

    const fetched = await keep(store, content(30))
    const partial = await store.partial('f'.repeat(64), LEAF_BYTES)
    await partial.close()
    writeFileSync(store.ground.folder.fileOf('e'.repeat(64)), 'no row')
    store.putNode('bafyunused', new Uint8Array(5))
    assert.deepEqual(await collect(store, { dryRun: true }), { files: 1, nodes: 1, bytes: 6 })
    assert.deepEqual(await collect(store, {}), { files: 1, nodes: 1, bytes: 6 })
    assert.deepEqual(await collect(store, {}), { files: 0, nodes: 0, bytes: 0 })
    assert.deepEqual(store.file(fetched.sha256), fetched)

    wallMs += 8 * ONE_DAY
    const open = await store.partial('d'.repeat(64), LEAF_BYTES)
    await collect(store, {})
    assert.equal(store.file(fetched.sha256), undefined)
    assert.deepEqual(readdirSync(store.ground.folder.files), [hex(shared)])
    assert.deepEqual(readdirSync(store.ground.folder.partial).sort(), [
      `${'d'.repeat(64)}.data`,
      `${'d'.repeat(64)}.journal`
    ])
    assert.deepEqual(await collect(store, { unfinished: true }), { files: 0, nodes: 0, bytes: 0 })
    await open.close()
    await keep(store, content(40))
    const unfinished = { files: 2, nodes: 0, bytes: LEAF_BYTES + 40 }
    assert.deepEqual(await collect(store, { unfinished: true, dryRun: true }), unfinished)
    assert.deepEqual(await collect(store, { unfinished: true }), unfinished)
    assert.deepEqual(readdirSync(store.ground.folder.partial), [])
    assert.equal((await verify(store, store.ground.repositories.all(), {})).problems.length, 0)
  })
})

describe('a damaged file', () => {
  it('is found by verify, withdrawn, and healed by what is wrong with it alone', async () => {
    const { store } = await openStore(temporaryFolder())
    const bytes = content(4 * LEAF_BYTES)
    const repository = await repositoryOf(store, 'one', { 'a.gguf': bytes, b: content(5) })
    const { directory } = await store.add(repository, ENVELOPE)
    const { files, bytes: read, problems } = await verify(store, store.ground.repositories.all(), {})
    assert.deepEqual({ files, read, problems }, { files: 2, read: repository.bytes, problems: [] })

    flip(store.ground.folder.fileOf(hex(bytes)), 2 * LEAF_BYTES + 7)
    const found = await verify(store, store.ground.repositories.all(), {})
    assert.deepEqual(found.problems, [
      { model: 'one', path: 'a.gguf', problem: '1 of its 4 MiB are not what they were' }
    ])
    assert.equal(existsSync(directory), false)
    assert.equal(store.file(hex(bytes)), undefined)
    assert.deepEqual(store.repositories(), [])
    assert.equal(await store.block(repository.files[0]!.cid).then(block => block !== undefined), true)

    const partial = await store.partial(hex(bytes), bytes.length)
    assert.deepEqual(
      [0, 1, 2, 3].map(leaf => partial.has(leaf)),
      [true, true, false, true]
    )
    await partial.write(2, leafOf(bytes, 2))
    await partial.finish({ sha256: hex(bytes) })
    assert.deepEqual(
      store.repositories().map(({ name }) => name),
      ['one']
    )
    assert.deepEqual(new Uint8Array(readFileSync(join(directory, 'a.gguf'))), bytes)
  })

  it('is not served from the moment that a read sees it changed', async () => {
    const changed = changes()
    const { store } = await openStore(temporaryFolder(), { onChange: changed.onChange })
    const bytes = content(2 * LEAF_BYTES)
    await store.add(await repositoryOf(store, 'one', { a: bytes }), ENVELOPE)
    const [leaf] = leavesOf(store, store.file(hex(bytes))!.cid)
    const path = store.ground.folder.fileOf(hex(bytes))
    flip(path, 5)
    assert.equal(await store.block(leaf!), undefined)
    await until(() => store.ground.files.bySha256(hex(bytes))?.state === 'bad', changed)
    flip(path, 5)
    assert.equal((await verify(store, store.ground.repositories.all(), {})).problems.length, 0)
    assert.deepEqual(new Uint8Array((await store.block(leaf!))!), leafOf(bytes, 0))
  })

  it('that was turned while the node was down is never there for an engine', async () => {
    const home = temporaryFolder()
    const bytes = content(2 * LEAF_BYTES)
    const before = await openStore(home)
    const { directory } = await before.store.add(
      await repositoryOf(before.store, 'one', { a: bytes }),
      ENVELOPE
    )
    await before.close()
    flip(before.store.ground.folder.fileOf(hex(bytes)), 5)

    const changed = changes()
    const { store, close } = await openStore(home, { onChange: changed.onChange })
    assert.equal(existsSync(directory), false)
    assert.equal(store.file(hex(bytes)), undefined)
    await until(() => store.ground.files.bySha256(hex(bytes))?.state === 'bad', changed)
    assert.deepEqual(store.repositories(), [])
    await keep(store, bytes)
    assert.equal(existsSync(directory), true)
    await close()
  })

  it('that is gone is damage, until its disk is back', async () => {
    const home = temporaryFolder()
    const bytes = content(5)
    const one = await openStore(home)
    await one.store.add(await repositoryOf(one.store, 'one', { a: bytes }), ENVELOPE)
    await one.close()
    const path = one.store.ground.folder.fileOf(hex(bytes))
    const kept = join(home, 'aside')
    const { linkSync } = await import('node:fs')
    linkSync(path, kept)
    rmSync(path)
    const two = await openStore(home)
    assert.deepEqual(two.store.repositories(), [])
    await two.close()
    linkSync(kept, path)
    const three = await openStore(home)
    assert.equal(three.store.repositories().length, 1)
  })
})

describe('after an unclean stop', () => {
  it('what was written last is hashed before it is served, and what is older is not', async () => {
    const home = temporaryFolder()
    let wallMs = 1_800_000_000_000
    const clock = { wallMs: () => wallMs, monotonicMs: () => wallMs, setTimer: () => ({ cancel() {} }) }
    const killed = await openStore(home, { clock })
    await killed.store.add(await repositoryOf(killed.store, 'old', { a: content(1) }), ENVELOPE)
    wallMs += ONE_DAY
    const { directory } = await killed.store.add(
      await repositoryOf(killed.store, 'new', { a: content(2) }),
      ENVELOPE
    )
    await killed.kill()

    const changed = changes()
    const { store, close } = await openStore(home, { onChange: changed.onChange })
    assert.deepEqual(
      store.repositories().map(({ name }) => name),
      ['old']
    )
    assert.equal(existsSync(directory), false)
    await until(() => store.repositories().length === 2, changed)
    assert.equal(existsSync(directory), true)
    await close()
    assert.equal((await openStore(home)).store.repositories().length, 2)
  })

  it('what is asked for before it was hashed is not fetched a second time', async () => {
    const home = temporaryFolder()
    const bytes = content(3 * LEAF_BYTES)
    const killed = await openStore(home)
    await killed.store.add(await repositoryOf(killed.store, 'one', { a: bytes }), ENVELOPE)
    await killed.kill()
    const { store } = await openStore(home)
    assert.equal(store.file(hex(bytes)), undefined)
    const partial = await store.partial(hex(bytes), bytes.length)
    assert.equal(partial.bytesHave, bytes.length)
    await partial.finish({ sha256: hex(bytes) })
    assert.equal(store.repositories().length, 1)
    assert.deepEqual((await verify(store, store.ground.repositories.all(), {})).problems, [])
  })

  it('a repository without its folder gets it back, and a draft of one is removed', async () => {
    const home = temporaryFolder()
    const one = await openStore(home)
    const { directory } = await one.store.add(
      await repositoryOf(one.store, 'one', { a: content(1) }),
      ENVELOPE
    )
    await one.close()
    rmSync(directory, { recursive: true })
    const draft = join(one.store.ground.folder.models, '.draft-one')
    writeFileSync(draft, '')
    await openStore(home)
    assert.equal(existsSync(join(directory, 'a')), true)
    assert.equal(existsSync(draft), false)
  })
})

describe('the directory of a store', () => {
  it.skipIf(process.platform === 'win32')('has no folder that another user may lead elsewhere', async () => {
    const home = temporaryFolder()
    const directory = join(home, 'weights')
    mkdirSync(join(directory, 'files'), { recursive: true })
    chmodSync(join(directory, 'files'), 0o777)
    const { store, close } = await openStore(home)
    assert.equal(statSync(store.ground.folder.files).mode & 0o022, 0)
    await close()
    rmSync(join(directory, 'partial'), { recursive: true })
    symlinkSync(temporaryFolder(), join(directory, 'partial'))
    await assert.rejects(openStore(home), { code: 'CONFIG_INVALID', message: /partial is no folder/ })
  })

  it('is one of one process, and of one home', async () => {
    const directory = join(temporaryFolder(), 'shared')
    const one = await openStore(temporaryFolder(), { directory })
    await keep(one.store, content(5))
    const other = temporaryFolder()
    await assert.rejects(openStore(other, { directory }), (err: Error & { hint?: string }) => {
      assert.match(err.message, /shared is in use by process \d+/)
      assert.match(err.hint!, /weights\.directory/)
      return true
    })
    await one.close()
    await assert.rejects(openStore(other, { directory }), { code: 'CONFIG_INVALID', message: /another home/ })
  })

  it('is not there before the first file', async () => {
    const home = temporaryFolder()
    const { store, close } = await openStore(home)
    assert.deepEqual(store.repositories(), [])
    assert.deepEqual(await collect(store, {}), { files: 0, nodes: 0, bytes: 0 })
    assert.equal((await diskUse(store)).bytes, 0)
    await close()
    assert.equal(existsSync(join(home, 'weights')), false)
  })

  it('takes no more than the quota, and says so before a byte is written', async () => {
    const { store } = await openStore(temporaryFolder(), { diskMax: 3 * LEAF_BYTES })
    await keep(store, content(LEAF_BYTES))
    await assert.rejects(store.partial('a'.repeat(64), 3 * LEAF_BYTES), (err: Error & { code?: string }) => {
      assert.equal(err.code, 'WEIGHTS_FULL')
      assert.match(err.message, /need 3\.1 MB more, and weights\.diskMax has room for 2\.1 MB/)
      return true
    })
    assert.deepEqual(readdirSync(store.ground.folder.partial), [])
    const first = await store.partial('a'.repeat(64), 2 * LEAF_BYTES)
    // What is promised to one file is not there for another.
    await assert.rejects(store.partial('b'.repeat(64), LEAF_BYTES), { code: 'WEIGHTS_FULL' })
    await first.discard()
    await (await store.partial('b'.repeat(64), LEAF_BYTES)).close()
    await assert.rejects(store.partial('c'.repeat(64), Number.MAX_SAFE_INTEGER), { code: 'WEIGHTS_FULL' })
  })
})
