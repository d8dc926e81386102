/** Files that leave the store. */

import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { symlinkSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { it, onTestFinished } from 'vitest'
import type { LumosError } from '../../interface/errors.ts'
import { exportFiles } from '../../node/weights/export-files.ts'
import { repositoryOf } from './memory-store.ts'

const MIB = 1024 * 1024

it('an export says how far it is, and leaves nothing behind where it is given up or its disk is full', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'export-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  const files = { 'a/a.bin': randomBytes(3 * MIB), 'b.bin': randomBytes(MIB) }
  const stored = {
    ...repositoryOf('model', files),
    ...{ envelope: new Uint8Array(), pinned: false, directory: '' }
  }
  for (const { path, sha256 } of stored.files)
    await writeFile(join(folder, sha256), files[path as keyof typeof files])
  const fileOf = (sha256: string): string => join(folder, sha256)
  const there = join(folder, 'there')
  await mkdir(there)

  const gone = new AbortController()
  const cut = { signal: gone.signal, onProgress: () => gone.abort(new Error('given up')) }
  for (const to of [join(folder, 'new/deeper'), there])
    await assert.rejects(exportFiles(stored, fileOf, to, cut), /given up/)
  assert.deepEqual(
    (await readdir(folder)).filter(name => name.length < 64),
    ['there']
  )
  assert.deepEqual(await readdir(there), [])

  const huge = { ...stored, bytes: Number.MAX_SAFE_INTEGER }
  await assert.rejects(exportFiles(huge, fileOf, there, {}), err => {
    const { code, hint = '' } = err as LumosError
    return code === 'WEIGHTS_FULL' && /Nothing was left there/.test(hint)
  })
  assert.deepEqual(await readdir(there), [])

  const steps: number[] = []
  await exportFiles(stored, fileOf, there, { onProgress: done => steps.push(done) })
  assert.equal(steps.at(-1), 4 * MIB)
  assert.ok(steps.includes(MIB), `${steps}`)
  assert.deepEqual(await readFile(join(there, 'a/a.bin')), files['a/a.bin'])
})

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
