/** A store on a disk that has no hard links, no clones and no modes, as FAT, or where engines see another disk. */

import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it, vi } from 'vitest'
import { removeRepository, verify } from '../../../storage/weights/housekeeping.ts'
import { content, ENVELOPE, hex, leafOf } from './content.ts'
import { keep, leavesOf, openStore, repositoryOf, temporaryFolder } from './store-parts.ts'

const refusal = vi.hoisted(() => ({ code: 'EPERM' }))
vi.mock('node:fs/promises', async original => {
  const fs = await original<typeof import('node:fs/promises')>()
  const refuse = async () => {
    throw Object.assign(new Error('operation not permitted'), { code: refusal.code })
  }
  const noModes = async (...[path, mode]: Parameters<typeof fs.chmod>) =>
    await (refusal.code === 'EPERM' ? refuse() : fs.chmod(path, mode))
  return { ...fs, link: refuse, chmod: noModes }
})

const FILES = { 'model.bin': content(1024 * 1024 + 5), 'config.json': content(20, 2) }

describe('a store where hard links are impossible', () => {
  it.each(['EPERM', 'EXDEV', 'EMLINK', 'ENOTSUP'])('that answers %s gives engines copies', async code => {
    refusal.code = code
    const home = temporaryFolder()
    const first = await openStore(home)
    const { directory, cid } = await first.store.add(
      await repositoryOf(first.store, 'org/model', FILES),
      ENVELOPE
    )
    const { folder } = first.store.ground
    for (const [path, bytes] of Object.entries(FILES)) {
      const [placed, whole] = [join(directory, path), folder.fileOf(hex(bytes))]
      assert.deepEqual(new Uint8Array(readFileSync(placed)), bytes)
      assert.notEqual(statSync(placed).ino, statSync(whole).ino)
    }
    assert.deepEqual(readdirSync(folder.partial), [])
    await first.close()

    const { store } = await openStore(home)
    assert.equal(store.repository('org/model')?.cid, cid)
    const bytes = FILES['model.bin']
    const [leaf] = leavesOf(store, store.file(hex(bytes))!.cid)
    assert.deepEqual(new Uint8Array((await store.block(leaf!))!), leafOf(bytes, 0))
    assert.deepEqual((await verify(store, store.ground.repositories.all(), {})).problems, [])
    await keep(store, bytes)
    await removeRepository(store, store.ground.repositories.find('org/model')!)
    assert.equal(existsSync(directory), false)
    assert.deepEqual(readdirSync(store.ground.folder.files), [])
  })
})
