/** The engine in its thread: what was acknowledged is on disk, and no envelope can stop it for good. */

import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readFileSync, statSync, watch } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { fileURLToPath } from 'node:url'
import { describe, it, onTestFinished } from 'vitest'
import { systemClock } from '../../../interface/clock.ts'
import type { LumosError } from '../../../interface/errors.ts'
import type { EngineEvent, MemoryEngine } from '../../../node/memory/worker/engine.ts'
import { openMemoryEngine } from '../../../node/memory/worker/memory-thread.ts'
import { MEMORY_MIGRATIONS } from '../../../storage/memory/schema.ts'
import { device, keyOfDevice, MESH, meet, seedOf, set, temporaryHome } from './engines.ts'

const DYING = fileURLToPath(new URL('./dying-memory.ts', import.meta.url))
const quiet = { debug() {}, info() {}, warn() {}, error() {} }

function open(
  name: string,
  options: { path?: string; worker?: URL; envelopeMsMax?: number; heapMbMax?: number } = {}
): MemoryEngine {
  const path = options.path ?? join(temporaryHome(), 'memory.db')
  const engine = openMemoryEngine({
    ...{ seed: seedOf(name), spaceBytesMax: 1e9, clock: systemClock, log: quiet },
    ...options,
    path
  })
  onTestFinished(() => engine.close())
  return engine
}

describe('the thread of memory', () => {
  it('does what the engine does, and acknowledges what is on disk', async () => {
    const path = join(temporaryHome(), 'memory.db')
    const engine = open('one', { path })
    const events: EngineEvent[] = []
    engine.onEvent(event => events.push(event))
    const { id } = await engine.create('notes')
    const keys = Array.from({ length: 200 }, (_, n) => `key ${n}`)
    await Promise.all(
      keys.map(key => engine.write(id, 'default', 'facts', [{ type: 'set', key, value: key }]))
    )
    assert.equal(events.filter(({ type }) => type === 'appended').length, 200)
    await assert.rejects(engine.read(id, 'other'), { code: 'MEMORY_NOT_FOUND' })
    const given = new AbortController()
    given.abort(new Error('given up'))
    await assert.rejects(engine.read(id, 'default', { signal: given.signal }), /given up/)
    const { hash } = await engine.space('notes')
    await engine.close()
    const again = open('one', { path })
    assert.equal((await again.space('notes')).hash, hash)
    assert.equal(await again.get('notes', 'default', 'key 7'), 'key 7')
  })

  it('says of a file that this version did not make what to do, leaves it as it is, and reads it once it is back', async () => {
    const path = join(temporaryHome(), 'memory.db')
    const engine = open('one', { path })
    await engine.create('notes')
    await engine.close()
    const spoils: Record<string, readonly [string, string]> = {
      HOME_NEWER: ['PRAGMA user_version = 99', `PRAGMA user_version = ${MEMORY_MIGRATIONS.length}`],
      STORE_DAMAGED: [
        'ALTER TABLE space RENAME COLUMN sealed TO box',
        'ALTER TABLE space RENAME COLUMN box TO sealed'
      ]
    }
    const other = open('another', { path })
    await assert.rejects(other.spaces(), { code: 'STORE_DAMAGED', message: /key of this device/ })
    await other.close()
    for (const [code, [sql, back]] of Object.entries(spoils)) {
      const change = (statement: string): void => {
        using database = new DatabaseSync(path)
        database.exec(statement)
      }
      change(sql)
      const before = readFileSync(path)
      await assert.rejects(open('one', { path }).spaces(), (err: LumosError) => {
        assert.equal(err.code, code)
        assert.match(err.hint ?? '', /newer|Install|restore/)
        return true
      })
      if (code === 'HOME_NEWER') assert.ok(readFileSync(path).equals(before))
      change(back)
      const again = open('one', { path })
      assert.equal((await again.spaces())[0]!.name, 'notes')
      await again.close()
    }
  })

  it('leaves no log beside the database once nothing is asked', async () => {
    const path = join(temporaryHome(), 'memory.db')
    const engine = open('one', { path })
    const { id } = await engine.create('notes')
    await engine.write(id, 'default', 'facts', [{ type: 'set', key: 'key', value: 'x'.repeat(200_000) }])
    const logBytes = (): number => statSync(`${path}-wal`).size
    assert.ok(logBytes() > 200_000)
    const shrunk = Promise.withResolvers<void>()
    const watcher = watch(`${path}-wal`, () => logBytes() === 0 && shrunk.resolve())
    await shrunk.promise
    watcher.close()
    assert.ok(statSync(path).size > 200_000)
  })

  it('loses nothing that it acknowledged when its process is killed', async () => {
    const path = join(temporaryHome(), 'memory.db')
    let said = 0
    for (let kill = 0; kill < 2; kill++) {
      const lines = await new Promise<string[]>(resolve =>
        execFile(process.execPath, [DYING, path, String(25 + kill * 17)], (_, out) =>
          resolve(out.trim().split('\n'))
        )
      )
      said = Math.max(said, ...lines.map(Number))
      const engine = open('one', { path })
      const content = await engine.read('diary', 'default')
      assert.ok(content.kind === 'facts' && Object.keys(content.facts).length >= said, `${said}`)
      assert.deepEqual((await engine.verify('diary')).problems, [])
      await engine.close()
    }
    assert.ok(said > 60)
  })

  it('loses nothing that it acknowledged, and no space, when it runs out of memory, and the next one goes on', async () => {
    const worker = new URL('./hanging-worker.ts', import.meta.url)
    const engine = open('one', { worker, heapMbMax: 48 })
    const { id } = await engine.create('notes')
    await engine.create('other')
    const put = (doc: string, key: string) =>
      engine.write(id, doc, 'facts', [{ type: 'set', key, value: 'kept' }])
    for (let n = 0; n < 20; n++) await put('default', `key ${n}`)
    for (let death = 0; death < 2; death++) {
      const [dead, beside] = await Promise.allSettled([put('huge', 'key'), put('default', `beside ${death}`)])
      assert.equal(dead.status === 'rejected' && dead.reason.code, 'MEMORY_FULL')
      assert.equal(beside.status, 'rejected')
      assert.equal((await engine.spaces()).length, 2)
      const content = await engine.read(id, 'default')
      assert.equal(content.kind === 'facts' && Object.keys(content.facts).length, 20 + death)
      await put('default', `after ${death}`)
    }
    assert.deepEqual((await engine.verify(id)).problems, [])
  })

  it('takes its time where no envelope of another device is in work', async () => {
    const worker = new URL('./hanging-worker.ts', import.meta.url)
    const engine = open('one', { worker, envelopeMsMax: 500 })
    const { id } = await engine.create('notes')
    await engine.write(id, 'slow', 'facts', [{ type: 'set', key: 'key', value: 'kept' }])
    assert.equal(await engine.get(id, 'slow', 'key'), 'kept')
  })

  it('is ended where an envelope never gets done, and takes all but that one afterwards', async () => {
    const peer = device('peer')
    const path = join(temporaryHome(), 'memory.db')
    const worker = new URL('./hanging-worker.ts', import.meta.url)
    const engine = open('one', { path, worker, envelopeMsMax: 500 })
    const self = keyOfDevice('one').peerId
    const members = [peer.peerId, self].map(peerId => ({ peerId, role: 'member' as const, revoked: false }))
    meet([peer, { ...peer, peerId: self }])
    await engine.setMembers(MESH, members)
    const { id } = peer.do(local => local.create('notes'))
    peer.do(local => local.share(id, { peerId: self }, 'write'))
    await engine.acceptCharters(
      id,
      peer.do(local => local.charters(id, 1, self)),
      peer.peerId
    )
    set(peer, id, 'fine', 'yes')
    set(peer, id, 'hang', 'yes')
    const envelopes = peer.do(local => local.envelopesAfter(id, [], 1e6))
    for (let attempt = 0; attempt < 2; attempt++)
      await assert.rejects(engine.accept(id, envelopes, peer.peerId), { code: 'TIMEOUT' })
    const accepted = await engine.accept(id, envelopes, peer.peerId)
    assert.equal(accepted.taken, 1)
    assert.deepEqual(
      accepted.refused.map(({ code, writer }) => [code, writer?.device]),
      [['MEMORY_POISON', peer.peerId]]
    )
    await engine.write(id, 'default', 'facts', [{ type: 'set', key: 'own', value: 'yes' }])
    assert.equal(await engine.get(id, 'default', 'fine'), 'yes')
    await engine.close()
    const again = open('one', { path, worker, envelopeMsMax: 500 })
    await again.setMembers(MESH, members)
    assert.equal((await again.accept(id, envelopes, peer.peerId)).refused[0]!.code, 'MEMORY_POISON')
  })
})
