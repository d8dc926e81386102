/** UnixFS over the store, as the block broker of transfers and any program with Helia would use it. */

import assert from 'node:assert/strict'
import { CID } from 'multiformats/cid'
import { it } from 'vitest'
import { LEAF_BYTES } from '../../interface/limits.ts'
import { openHelia } from '../../node/weights/helia.ts'
import { content, ENVELOPE } from '../storage/weights/content.ts'
import { addAll } from '../storage/weights/plain-unixfs.ts'
import { openStore, repositoryOf, temporaryFolder } from '../storage/weights/store-parts.ts'

it('a repository is read by CID over the store, and nothing else is asked', async () => {
  const { store } = await openStore(temporaryFolder())
  const files = { 'a/model.gguf': content(2 * LEAF_BYTES + 7), 'README.md': content(9) }
  const repository = await repositoryOf(store, 'one', files)
  await store.add(repository, ENVELOPE)
  await using opened = await openHelia(store)
  const root = CID.parse(repository.cid)
  const read: Uint8Array[] = []
  for await (const part of opened.fs.cat(root, { path: 'a/model.gguf' })) read.push(part)
  assert.deepEqual(new Uint8Array(Buffer.concat(read)), files['a/model.gguf'])
  const names: string[] = []
  for await (const { name } of opened.fs.ls(root)) names.push(name)
  assert.deepEqual(names.sort(), ['README.md', 'a'])
  const stats = await opened.fs.stat(root, { path: 'a/model.gguf', extended: true })
  assert.equal(Number(stats.size), 2 * LEAF_BYTES + 7)
})

it('a block that is not here comes from a block broker, and an inner node is kept', async () => {
  const { store } = await openStore(temporaryFolder())
  const plain = await addAll([{ path: 'a', content: content(2 * LEAF_BYTES) }])
  const asked: string[] = []
  const broker = {
    name: 'test',
    async retrieve(cid: CID): Promise<Uint8Array> {
      asked.push(cid.toString())
      const block = plain.blocks.get(cid.toString())
      if (block === undefined) throw new Error('no such block')
      return block
    }
  }
  await using opened = await openHelia(store, [broker])
  for (const round of [1, 2]) {
    const stats = await opened.fs.stat(CID.parse(plain.cid), { path: 'a' })
    assert.equal(Number(stats.size), 2 * LEAF_BYTES, `round ${round}`)
  }
  assert.equal(asked.length, new Set(asked).size)
  assert.ok(store.hasBlock(plain.cid))
})
