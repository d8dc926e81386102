/** What of a path on this device becomes a repository. */

import assert from 'node:assert/strict'
import { mkdir, mkdtemp, realpath, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, it } from 'vitest'
import { listPath } from '../../node/weights/listing.ts'

let folder: string
beforeEach(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), 'listing-')))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const refused = (path: string, message: RegExp) =>
  assert.rejects(listPath(join(folder, path)), { code: 'WEIGHTS_INVALID', message })

describe('the folder in which the hub of Hugging Face caches a repository', () => {
  const HUB = 'models--acme--tiny'

  async function cache(...revisions: string[]): Promise<void> {
    await mkdir(join(folder, HUB, 'blobs'), { recursive: true })
    await mkdir(join(folder, HUB, 'refs'))
    for (const revision of revisions) {
      const snapshot = join(folder, HUB, 'snapshots', revision)
      await mkdir(snapshot, { recursive: true })
      await writeFile(join(folder, HUB, 'blobs', `blob-${revision}`), revision)
      await symlink(`../../blobs/blob-${revision}`, join(snapshot, 'model.bin'))
    }
  }
  const listed = async () => {
    const { name, files } = await listPath(join(folder, HUB))
    return [name, files.map(({ path, source }) => [path, source])]
  }
  const ofRevision = (revision: string) => [
    'acme/tiny',
    [['model.bin', join(folder, HUB, 'blobs', `blob-${revision}`)]]
  ]

  it('means the files of its branch main', async () => {
    await cache('old', 'new')
    await writeFile(join(folder, HUB, 'refs', 'main'), 'new\n')
    assert.deepEqual(await listed(), ofRevision('new'))
  })

  it('means those of its only revision where it has no such branch, also for one that leads out of it', async () => {
    await cache('old')
    await writeFile(join(folder, HUB, 'refs', 'main'), '../../..')
    assert.deepEqual(await listed(), ofRevision('old'))
  })

  it('is refused with its revisions where it has several', async () => {
    await cache('old', 'new')
    await refused(HUB, /several revisions.*snapshots\/new, .*snapshots\/old/)
  })
})

describe('a part of a model in several files', () => {
  it('means all parts, under the name of the model', async () => {
    for (const n of [1, 2, 3]) await writeFile(join(folder, `tiny-q8_0-0000${n}-of-00003.gguf`), `${n}`)
    const { name, files } = await listPath(join(folder, 'tiny-q8_0-00002-of-00003.gguf'))
    assert.equal(name, 'tiny-q8_0')
    assert.deepEqual(
      files.map(({ path }) => path),
      [1, 2, 3].map(n => `tiny-q8_0-0000${n}-of-00003.gguf`)
    )
  })

  it('is refused where another one is missing, with its name', async () => {
    await writeFile(join(folder, 'tiny-00001-of-00002.gguf'), '1')
    await refused('tiny-00001-of-00002.gguf', /its part tiny-00002-of-00002\.gguf is not there/)
    await writeFile(join(folder, 'tiny-00001-of-00000.gguf'), '1')
    assert.equal((await listPath(join(folder, 'tiny-00001-of-00000.gguf'))).files.length, 1)
  })
})
