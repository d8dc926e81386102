/** Weights between real processes that are killed, lie, run out of disk, or are away. */

import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, it } from 'vitest'
import { LEAF_BYTES } from '../../interface/limits.ts'
import { smallDisk } from '../storage/home.ts'
import { DeviceProcess } from './processes/devices.ts'
import { killPull } from './processes/kill-pull.ts'

const LEAVES = 24
const BYTES = LEAVES * LEAF_BYTES
/** What the store leaves to databases, and the model. */
const DISK_MEBIBYTES = 64 + LEAVES + 8
/** Each starts processes, which take their time beside other tests. */
const TIMEOUT_MS = 120_000

const folder = mkdtempSync(join(tmpdir(), 'lumos-processes-'))
const directoryOf = (number: number): string => join(folder, String(number), 'weights')
const from = (sources: readonly { from: string; bytes: number }[], isSo: (from: string) => boolean): number =>
  sources.reduce((sum, source) => sum + (isSo(source.from) ? source.bytes : 0), 0)

describe('weights between processes', { timeout: TIMEOUT_MS }, () => {
  let seeder: DeviceProcess
  let second: DeviceProcess
  let liar: DeviceProcess
  let cid: string
  let sha256: string

  const start = (number: number, how: { lies?: boolean; leaves?: number; directory?: string } = {}) =>
    DeviceProcess.start({ number, directory: directoryOf(number), ...how })

  /** All that is on disk is the model, and it is right. */
  function assertWhole(directory: string, model: string): void {
    assert.equal(hashOf(join(model, 'model.bin')), sha256)
    assert.deepEqual(readdirSync(join(directory, 'files')), [sha256])
    assert.deepEqual(readdirSync(join(directory, 'partial')), [])
  }

  beforeAll(async () => {
    ;[seeder, second, liar] = (await Promise.all([
      start(1, { leaves: LEAVES }),
      start(2, { leaves: LEAVES }),
      start(3, { leaves: LEAVES, lies: true })
    ])) as [DeviceProcess, DeviceProcess, DeviceProcess]
    cid = seeder.introduction.cid!
    sha256 = readdirSync(join(directoryOf(1), 'files'))[0]!
  }, TIMEOUT_MS)
  afterAll(async () => {
    await Promise.all([seeder, second, liar].map(device => device?.kill()))
    rmSync(folder, { recursive: true, force: true })
  })

  it('come whole and right where one of three sends wrong bits and another is killed at half', async () => {
    await using puller = await start(4)
    puller.meet(liar, second, seeder)
    const half = puller.until(({ bytesDone }) => bytesDone >= BYTES / 2)
    const fetched = puller.fetch(cid)
    await half
    await second.kill()
    const { fetched: sources, directory } = await fetched
    assert.equal(
      from(sources, () => true),
      BYTES
    )
    assert.equal(sources.length, 2, 'nothing of the liar counts')
    assert.deepEqual(puller.warnings, ['a peer sent wrong weights and is not asked for any for a while'])
    assertWhole(directoryOf(4), directory)
  })

  it('go on after kill -9 of the device that pulls them, and nothing that was there comes again', async () => {
    for (const dieAt of [2, 17]) {
      const directory = join(folder, `killed-${dieAt}`, 'weights')
      const { directory: model } = await killPull({ directory, seeder, cid, bytes: BYTES, dieAt })
      assertWhole(directory, model)
    }
  })

  it('say that the disk is full, and go on once it is not', async context => {
    const disk = smallDisk(DISK_MEBIBYTES)
    context.skip(disk === undefined, 'not run: a small disk can be mounted by root only, on Linux')
    const directory = join(disk!, 'weights')
    await using puller = await start(6, { directory })
    puller.meet(seeder)
    await assert.rejects(puller.fetch(cid, { fillAt: LEAVES / 2 }), { code: 'WEIGHTS_FULL' })
    rmSync(join(disk!, 'ballast'))
    const { fetched, directory: model } = await puller.fetch(cid)
    assert.ok(from(fetched, name => name === 'disk') >= BYTES / 2, JSON.stringify(fetched))
    assertWhole(directory, model)
  })

  it('wait for the only device that has them, name it, and go on when it is back', async () => {
    await using puller = await start(7)
    await seeder.kill()
    puller.meet(seeder)
    const isMissing = puller.until(({ missing }) => missing.length > 0)
    const fetched = puller.fetch(cid)
    assert.deepEqual((await isMissing).missing, ['device-1'])
    seeder = await start(1, { leaves: LEAVES })
    puller.meet(seeder)
    const { directory } = await fetched
    assertWhole(directoryOf(7), directory)
  })
})

const hashOf = (path: string): string => createHash('sha256').update(readFileSync(path)).digest('hex')
