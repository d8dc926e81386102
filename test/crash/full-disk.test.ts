/** A node whose disk is full goes on answering, says so, and is whole again soon after there is space. And disks that are read-only. */

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { appendFileSync, copyFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it, onTestFinished } from 'vitest'
import { systemClock } from '../../interface/clock.ts'
import type { LumosNode } from '../../interface/node.ts'
import { deviceFindings } from '../../node/doctor/index.ts'
import { openDatabase } from '../../storage/database/database.ts'
import { CORE_MIGRATIONS } from '../../storage/database/schema.ts'
import { openDataDir } from '../../storage/home/data-dir.ts'
import { MeshStore } from '../../storage/mesh/mesh-store.ts'
import { knows, meets, startNode, until } from '../node/mesh-nodes.ts'
import { smallDisk } from '../storage/home.ts'
import { assertWhole } from './observe.ts'

const NO_DISK = 'not run: a disk of a few MiB can be mounted by root only, on Linux'
const DISK_MEBIBYTES = 4
/** What is promised. */
const CURED_MS_MAX = 10_000
const ECHO = { settings: { 'engines.echo': true } }

/** Takes all space there is; giving it back is removing the file. */
function fill(disk: string): string {
  const ballast = join(disk, 'ballast')
  for (const size of [65_536, 1]) {
    try {
      for (;;) appendFileSync(ballast, Buffer.alloc(size))
    } catch (err) {
      assert.equal((err as NodeJS.ErrnoException).code, 'ENOSPC')
    }
  }
  return ballast
}

async function answered(asker: LumosNode, peer: LumosNode, text: string): Promise<void> {
  const input = { messages: [{ role: 'user', content: text }] }
  const chunks = await Array.fromAsync(asker.infer({ model: 'echo', input }, { peer: peer.peerId }))
  assert.equal(chunks.at(-1)?.type, 'done')
}

describe('a node on a full disk', () => {
  it('answers, asks, and keeps out whom it removes; with space again it stores everything by itself', async context => {
    const disk = smallDisk(DISK_MEBIBYTES)
    context.skip(disk === undefined, NO_DISK)
    const unhandled: unknown[] = []
    const note = (reason: unknown) => void unhandled.push(reason)
    process.on('unhandledRejection', note)
    onTestFinished(() => void process.off('unhandledRejection', note))
    const home = join(disk!, 'home')
    let removed = ''
    {
      await using node = await startNode('den', [], { ...ECHO, home })
      await using other = await startNode('attic', [node], ECHO)
      await using lost = await startNode('lost', [node])
      removed = lost.peerId
      await Promise.all([meets(node, other), meets(node, lost), knows(node, other), knows(other, node)])

      const full = until(node, 'node.storage_changed', data => data?.code === 'STORE_FULL')
      const ballast = fill(disk!)
      assert.throws(() => node.mesh.invite(), { code: 'STORE_FULL' })
      assert.equal(node.status().storage, 'full')
      await full
      for (let n = 0; n < 20; n++) {
        await answered(other, node, `${n}`)
        await answered(node, other, `${n}`)
      }
      await assert.rejects(node.mesh.revoke(lost.peerId), { code: 'STORE_FULL' })
      await assert.rejects(node.mesh.rename('elsewhere'), { code: 'STORE_FULL' })
      await assert.rejects(node.mesh.importRoot(node.mesh.exportRoot()), { code: 'STORE_FULL' })
      assert.ok(!node.mesh.members().some(({ peerId }) => peerId === lost.peerId), 'it is out all the same')
      await assert.rejects(node.admit({ subject: lost.peerId, role: 'member', name: 'again' }))

      const beganMs = performance.now()
      const cured = until(node, 'node.storage_changed', data => data?.code === null)
      rmSync(ballast)
      await cured
      const tookMs = performance.now() - beganMs
      assert.equal(node.status().storage, 'ok')
      console.log(`stored again after ${(tookMs / 1000).toFixed(1)} s`)
      assert.ok(tookMs < CURED_MS_MAX, `${tookMs} ms`)
      node.mesh.invite()
      await answered(other, node, 'after')
    }
    await using dataDir = await openDataDir(home)
    for (const database of [dataDir.core, dataDir.cache]) assertWhole(database)
    const store = new MeshStore(dataDir.core)
    assert.deepEqual(
      store.revocations().map(({ subject }) => subject),
      [removed]
    )
    assert.equal(store.invites().length, 1, 'no invitation of which nobody was told')
    assert.deepEqual(unhandled, [])
  }, 60_000)

  it('does not start, and says why', async context => {
    const disk = smallDisk(1)
    context.skip(disk === undefined, NO_DISK)
    fill(disk!)
    await assert.rejects(startNode('den', [], { home: join(disk!, 'home') }), { code: 'STORE_FULL' })
  })
})

describe('a home on a disk that became read-only', () => {
  it('is refused as a disk that fails, by start and doctor, and is the same home when that is over', async context => {
    const disk = smallDisk(DISK_MEBIBYTES)
    context.skip(disk === undefined, NO_DISK)
    const home = join(disk!, 'home')
    const remount = (how: 'ro' | 'rw') => execFileSync('/bin/mount', ['-o', `remount,${how}`, disk!])
    {
      await using _dataDir = await openDataDir(home)
      // As a killed node leaves it.
      for (const side of ['-wal', '-shm'])
        copyFileSync(join(home, `core.db${side}`), join(disk!, `core.db${side}`))
    }
    for (const side of ['-wal', '-shm'])
      copyFileSync(join(disk!, `core.db${side}`), join(home, `core.db${side}`))
    remount('ro')
    try {
      await assert.rejects(openDataDir(home), { code: 'STORE_FAILED', message: /is read-only\.$/ })
      // A node that runs opens it again after the first write that failed.
      const open = () =>
        openDatabase(join(home, 'core.db'), { migrations: CORE_MIGRATIONS, synchronous: 'FULL' })
      assert.throws(open, { code: 'STORE_FAILED', message: /is read-only\.$/ })
      const settings = { home, path: join(home, 'lumos.yaml'), list: async () => [] } as never
      const found = await deviceFindings(settings, systemClock.wallMs())
      assert.deepEqual(
        found.find(({ check }) => check === 'home'),
        {
          ...{ check: 'home', status: 'fail', unit: null, message: `${home} is on a read-only disk.` },
          fix: 'Choose another home: --home or LUMOS_HOME.'
        }
      )
    } finally {
      remount('rw')
    }
    await using again = await openDataDir(home)
    assertWhole(again.core)
  })
})
