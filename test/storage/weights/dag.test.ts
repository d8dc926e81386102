import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdtemp, open, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, it } from 'vitest'
import { systemClock } from '../../../interface/clock.ts'
import { LEAF_BYTES } from '../../../interface/limits.ts'
import { leafCidText } from '../../../storage/weights/cid.ts'
import { HashThread } from '../../../storage/weights/hash-thread.ts'
import { addAll, addFile } from './plain-unixfs.ts'

const sha256 = (bytes: Uint8Array): Buffer => createHash('sha256').update(bytes).digest()

let folder: string
const thread = new HashThread(systemClock)
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'weights-'))
})
afterAll(async () => {
  await thread.close()
  await rm(folder, { recursive: true })
})

/** The CID of a file of these bytes, by way of the disk. */
async function cidOnDisk(bytes: Uint8Array): Promise<{ cid: string; dagBytes: number }> {
  const path = join(folder, 'file')
  await writeFile(path, bytes)
  const { sha256: whole, digests } = await thread.hash(path, bytes.length)
  assert.equal(whole, sha256(bytes).toString('hex'))
  return await thread.fileDag(bytes.length, digests)
}

describe('CIDs of weights', () => {
  it.each([0, 1, LEAF_BYTES - 1, LEAF_BYTES, LEAF_BYTES + 1, 2 * LEAF_BYTES, 5 * LEAF_BYTES - 7])(
    'a file of %i bytes has the CID of a plain UnixFS import',
    async size => {
      const bytes = new Uint8Array(size).map((_, n) => (n * 2654435761) >>> 24)
      assert.equal((await cidOnDisk(bytes)).cid, (await addFile(bytes)).cid)
      if (size <= LEAF_BYTES) assert.equal((await cidOnDisk(bytes)).cid, leafCidText(sha256(bytes)))
    }
  )

  it('a file of more leaves than a node has links has the nodes of a plain UnixFS import', async () => {
    const count = 1025
    // A few leaves over and over: the import of a gigabyte costs what its hashing does.
    const leaves = [1, 2, 3].map(n => new Uint8Array(LEAF_BYTES).fill(n))
    const digests = Buffer.concat(Array.from({ length: count }, (_, n) => sha256(leaves[n % 3]!)))
    const { cid, nodes, dagBytes } = await thread.fileDag(count * LEAF_BYTES, digests)
    const plain = await addFile(Array.from({ length: count }, (_, n) => leaves[n % 3]!))
    assert.deepEqual({ cid, dagBytes }, { cid: plain.cid, dagBytes: plain.size })
    assert.equal(nodes.length, 3)
    for (const node of nodes) assert.deepEqual(plain.blocks.get(node.cid), node.bytes)
  }, 60_000)

  it('directories, also nested ones, have the CIDs of a plain UnixFS import', async () => {
    const Name = fc.stringMatching(/^[a-z][a-z0-9._-]{0,20}[a-z0-9]$/)
    const Path = fc.array(Name, { minLength: 1, maxLength: 3 }).map(parts => parts.join('/'))
    const Files = fc.dictionary(Path, fc.uint8Array({ maxLength: 64 }), { minKeys: 1, maxKeys: 12 })
    await fc.assert(
      fc.asyncProperty(Files, async named => {
        const files = Object.entries(named).filter(
          ([path]) => !Object.keys(named).some(other => other.startsWith(`${path}/`))
        )
        const plain = await addAll(files.map(([path, content]) => ({ path, content })))
        const { cid, nodes } = await thread.directoryDag(
          files.map(([path, bytes]) => ({ path, cid: leafCidText(sha256(bytes)), bytes: bytes.length }))
        )
        assert.equal(cid, plain.cid)
        for (const node of nodes) assert.deepEqual(plain.blocks.get(node.cid), node.bytes)
      }),
      { numRuns: 60 }
    )
  })

  it('a directory whose links take more than 256 KiB is a HAMT, as of a plain UnixFS import', async () => {
    const content = new Uint8Array(3)
    const paths = Array.from({ length: 1000 }, (_, n) => `${'shard-of-a-large-model-'.repeat(10)}${n}.bin`)
    const plain = await addAll(paths.map(path => ({ path, content })))
    const cid = leafCidText(sha256(content))
    const dag = await thread.directoryDag(paths.map(path => ({ path, cid, bytes: 3 })))
    assert.equal(dag.cid, plain.cid)
    assert.ok(dag.nodes.length > 100)
  })

  it('a large file in a directory is linked with the size of its DAG, known or not', async () => {
    const bytes = new Uint8Array(3 * LEAF_BYTES + 5)
    const { cid, dagBytes } = await cidOnDisk(bytes)
    const plain = await addAll([{ path: 'model.gguf', content: bytes }])
    for (const known of [dagBytes, undefined]) {
      const file = { path: 'model.gguf', cid, bytes: bytes.length, dagBytes: known }
      assert.equal((await thread.directoryDag([file])).cid, plain.cid)
    }
  })
})

describe('the thread that hashes', () => {
  it('copies a file in the pass that hashes it', async () => {
    const bytes = new Uint8Array(2 * LEAF_BYTES + 3).fill(7)
    const [from, to] = [join(folder, 'from'), join(folder, 'to')]
    await writeFile(from, bytes)
    const read: number[] = []
    const { sha256: whole } = await thread.hash(from, bytes.length, {
      copyTo: to,
      onBytes: n => read.push(n)
    })
    assert.equal(whole, sha256(bytes).toString('hex'))
    await using copy = await open(to)
    assert.deepEqual(new Uint8Array(await copy.readFile()), bytes)
    assert.equal(
      read.reduce((sum, n) => sum + n, 0),
      bytes.length
    )
    await assert.rejects(thread.hash(from, bytes.length, { copyTo: to }), { code: 'EEXIST' })
  })

  it('follows a file that comes, and ends with its hash', async () => {
    const path = join(folder, 'comes')
    const bytes = new Uint8Array(5 * LEAF_BYTES + 3)
    for (let leaf = 0; leaf < 6; leaf++) bytes.fill(leaf + 1, leaf * LEAF_BYTES)
    const leaf = (n: number) => bytes.subarray(n * LEAF_BYTES, (n + 1) * LEAF_BYTES)
    await writeFile(path, bytes)
    await using file = await open(path, 'r+')
    const digests = Array.from({ length: 6 }, (_, n) => new Uint8Array(sha256(leaf(n))))
    // The second was there before, and the first one comes last.
    const followed = thread.follow(path, bytes.length, Uint8Array.of(0, 1, 0, 0, 0, 0))
    await file.write(leaf(4), 0, LEAF_BYTES, 3 * LEAF_BYTES)
    assert.deepEqual(await followed.leaf(3, digests[3]), digests[4])
    await file.write(leaf(3), 0, LEAF_BYTES, 3 * LEAF_BYTES)
    for (const n of [5, 2, 3, 4, 0]) assert.deepEqual(await followed.leaf(n, digests[n]), digests[n])
    assert.equal(await followed.hashed, sha256(bytes).toString('hex'))
  })

  it('gives a file up that is shorter than it was said to be, and one that is no longer wanted', async () => {
    const path = join(folder, 'short')
    await writeFile(path, new Uint8Array(10))
    await assert.rejects(thread.hash(path, 11), /ended at byte 10/)
    const abort = new AbortController()
    const followed = thread.follow(path, 20, new Uint8Array(1))
    await assert.rejects(followed.leaf(0, undefined), /ended at byte 10/)
    followed.cancel()
    await assert.rejects(followed.hashed, /no longer hashed/)
    await assert.rejects(followed.leaf(0, undefined), /no longer hashed/)
    const waits = thread.hash(path, 10, { signal: abort.signal })
    abort.abort(new Error('enough'))
    await assert.rejects(waits, /enough/)
  })

  it.each([
    ['process.exit(1)', /ended: it exited/],
    ["throw new Error('no memory')", /ended: no memory/]
  ])(
    'that ends by itself, by %s, fails all that it was asked, and the next question starts another',
    async (end, message) => {
      const code = `import { parentPort } from 'node:worker_threads'
      parentPort.on('message', ({ id, path, type }) => {
        if (path === 'end') ${end}
        if (path === 'answer') parentPort.postMessage({ id, value: { sha256: type, digests: new Uint8Array() } })
      })`
      const mortal = new HashThread(systemClock, new URL(`data:text/javascript,${encodeURIComponent(code)}`))
      const followed = mortal.follow('waits', 20, new Uint8Array(1))
      const asked = [followed.hashed, mortal.hash('waits', 1), mortal.hash('end', 1)]
      for (const failed of await Promise.allSettled(asked)) {
        assert.equal(failed.status, 'rejected')
        assert.equal(failed.reason.code, 'OVERLOADED')
        assert.match(failed.reason.message, message)
      }
      followed.cancel()
      assert.equal((await mortal.hash('answer', 1)).sha256, 'hash')
      await mortal.close()
    }
  )
})
