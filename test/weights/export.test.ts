/** Files that leave the store. */

import assert from 'node:assert/strict'
import { symlinkSync } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { it, onTestFinished } from 'vitest'
import { exportFiles } from '../../node/weights/export-files.ts'
import { repositoryOf } from './memory-store.ts'

it('an export writes to no link that appears in its folder meanwhile', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'export-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  const [from, precious, to] = [join(folder, 'from'), join(folder, 'precious'), join(folder, 'to')]
  await writeFile(from, 'weights')
  await writeFile(precious, 'precious')
  const stored = {
    ...repositoryOf('model', { 'a.bin': Buffer.from('weights') }),
    ...{ envelope: new Uint8Array(), pinned: false, directory: '' }
  }
  const fileOf = (): string => {
    symlinkSync(precious, join(to, 'a.bin'))
    return from
  }
  await assert.rejects(exportFiles(stored, fileOf, to, {}), /EEXIST|exist/)
  assert.equal(await readFile(precious, 'utf8'), 'precious')
})
