/** Repositories that move between devices: who sends what, who may have it, and what becomes of liars. */

import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { afterEach, beforeEach, describe, it } from 'vitest'
import type { FetchProgress } from '../../node/weights/transfer/fetch.ts'
import { FRAME } from '../../protocols/blocks/codec.ts'
import { BLOCKS_PROTOCOL } from '../../protocols/blocks/index.ts'
import { encodeControl } from '../../protocols/wire/control.ts'
import { FrameStream } from '../../protocols/wire/frames.ts'
import { leafCidText } from '../../storage/weights/cid.ts'
import { repositoryOf } from './memory-store.ts'
import { type Device, MeshPeers } from './mesh-peers.ts'

const MIB = 1024 * 1024
const WEIGHTS = randomBytes(12 * MIB + 5)
const FILES = { 'model.bin': WEIGHTS, 'config.json': Buffer.from('{}'), 'empty.txt': Buffer.alloc(0) }
const BYTES = WEIGHTS.byteLength + 2

describe('a transfer of weights', () => {
  let mesh: MeshPeers
  let a: Device
  let b: Device
  let c: Device

  beforeEach(async () => {
    mesh = new MeshPeers()
    a = await mesh.add('anna')
    b = await mesh.add('berta')
    c = await mesh.add('clara')
  })
  afterEach(() => mesh[Symbol.asyncDispose]())

  const sum = (sources: readonly { bytes: number }[]) => sources.reduce((all, { bytes }) => all + bytes, 0)
  const from = (sources: readonly { from: string; bytes: number }[], peer: string) =>
    sources.find(source => source.from === peer)?.bytes ?? 0

  it('brings a repository by its name, its CID, or the hash of a file, and says from where', async () => {
    const cid = await a.importAs('org/model', FILES)
    const { repository, sources } = await b.transfer.fetch('org/model')
    assert.equal(repository.cid, cid)
    assert.deepEqual(sources, [{ from: a.peerId, bytes: BYTES }])
    for (const file of repository.files) assert.ok(b.store.file(file.sha256), file.path)
    const bySha = await c.transfer.fetch(repository.files[0]!.sha256)
    assert.equal(bySha.repository.cid, cid)
    assert.equal(sum(bySha.sources), BYTES)
  })

  it('takes from all holders, and nothing twice', async () => {
    const cid = await a.importAs('model', FILES)
    await b.importAs('model', FILES)
    const { sources } = await c.transfer.fetch(cid)
    assert.equal(sum(sources), BYTES)
    assert.ok(from(sources, a.peerId) > 0 && from(sources, b.peerId) > 0, JSON.stringify(sources))
  })

  it('copies what other files of this device have, and fetches the rest', async () => {
    const other = Buffer.concat([WEIGHTS.subarray(0, 4 * MIB), randomBytes(MIB)])
    await b.importAs('other', { 'other.bin': other, 'config.json': FILES['config.json'] })
    await a.importAs('model', FILES)
    const { sources } = await b.transfer.fetch('model')
    assert.equal(from(sources, 'disk'), 4 * MIB + 2)
    assert.equal(from(sources, a.peerId), BYTES - 4 * MIB - 2)
  })

  it('goes on from the leaves that are on disk', async () => {
    await a.importAs('model', FILES)
    const controller = new AbortController()
    const onProgress = ({ bytesDone }: FetchProgress) => bytesDone > 5 * MIB && controller.abort()
    await assert.rejects(b.transfer.fetch('model', { signal: controller.signal, onProgress }), {
      code: 'CANCELLED'
    })
    const before = b.store.written
    assert.ok(before >= 5)
    const { sources } = await b.transfer.fetch('model')
    assert.equal(sum(sources), BYTES)
    assert.ok(from(sources, 'disk') >= 5 * MIB, JSON.stringify(sources))
    assert.ok(b.store.written <= 15)
  })

  it('sends on what is still coming to a third device', async () => {
    const cid = await a.importAs('model', { 'model.bin': randomBytes(24 * MIB) })
    let third: ReturnType<typeof c.transfer.fetch> | undefined
    const second = b.transfer.fetch(cid, {
      onProgress({ bytesDone }) {
        if (bytesDone < 4 * MIB || third !== undefined) return
        // From now on `b` is all that `c` can ask.
        c.part.onManifest!(a.peerId, undefined)
        third = c.transfer.fetch(cid)
      }
    })
    await second
    const { sources } = await third!
    assert.deepEqual(sources, [{ from: b.peerId, bytes: 24 * MIB }])
  })

  it('drops a holder that sends flipped bits, asks it no more, and is complete without it', async () => {
    const cid = await a.importAs('model', FILES)
    await b.importAs('model', FILES)
    for (const [cid, bytes] of a.store.blocks) {
      if (bytes.byteLength !== MIB) continue
      const flipped = Buffer.from(bytes)
      flipped[77]! ^= 1
      a.store.blocks.set(cid, flipped)
    }
    const { repository, sources } = await c.transfer.fetch(cid)
    assert.equal(from(sources, b.peerId) >= 12 * MIB, true)
    assert.ok(WEIGHTS.equals(c.store.files.get(repository.files[0]!.sha256)!.bytes))
    assert.ok(c.warnings.some(fields => 'peerId' in fields && fields.peerId === a.peerId))
    assert.deepEqual(
      (await c.transfer.holders(cid)).map(({ name }) => name),
      ['clara', 'berta']
    )
  })

  it('finishes from the others when a holder is killed at half', async () => {
    const cid = await a.importAs('model', { 'model.bin': randomBytes(24 * MIB) })
    await b.importAs('model', { 'model.bin': a.store.files.values().next().value!.bytes })
    let killed: Promise<void> | undefined
    const { sources } = await c.transfer.fetch(cid, {
      onProgress({ bytesDone }) {
        if (bytesDone >= 12 * MIB) killed ??= a.leave()
      }
    })
    await killed
    assert.equal(sum(sources), 24 * MIB)
  })

  it('says who is missing while the only holder is away, and goes on when it is back', async () => {
    const cid = await a.importAs('model', { 'model.bin': randomBytes(24 * MIB) })
    let left: Promise<void> | undefined
    let back: Promise<void> | undefined
    const { sources } = await b.transfer.fetch(cid, {
      onProgress({ bytesDone, missing }) {
        if (bytesDone >= 4 * MIB) left ??= a.leave()
        if (missing.length > 0) {
          assert.deepEqual(missing, ['anna'])
          back ??= left?.then(() => a.back())
        }
      }
    })
    await back
    assert.ok(back)
    assert.deepEqual(sources, [{ from: a.peerId, bytes: 24 * MIB }])
  })

  it('waits for the only holder that was away before the fetch began', async () => {
    const cid = await a.importAs('model', FILES)
    await a.leave()
    let back: Promise<void> | undefined
    const { sources } = await b.transfer.fetch('model', {
      onProgress({ missing }) {
        if (missing.length > 0) back ??= a.back()
      }
    })
    assert.equal(sum(sources), BYTES)
    await back
    assert.ok(b.store.repository(cid))
  })

  it('is not held up by a holder that states to have all and sends nothing', async () => {
    const cid = await a.importAs('model', FILES)
    await b.importAs('model', FILES)
    a.store.block = async () => undefined
    const { sources } = await c.transfer.fetch(cid)
    assert.deepEqual(sources, [{ from: b.peerId, bytes: BYTES }])
    b.store.block = a.store.block
    const d = await mesh.add('dora')
    a.announce()
    b.announce()
    await c.leave()
    await assert.rejects(d.transfer.fetch(cid, { waitMs: 1000 }), { code: 'TIMEOUT' })
  })

  it('is not held up by a holder that does not say which leaves it has', async () => {
    const files = Object.fromEntries(Array.from({ length: 9 }, (_, n) => [`${n}.json`, Buffer.from(`${n}`)]))
    const cid = await a.importAs('model', files)
    const { envelope } = a.store.repository('model')!
    await c.importAs('model', files)
    await c.libp2p.unhandle(BLOCKS_PROTOCOL)
    await c.libp2p.handle(BLOCKS_PROTOCOL, async stream => {
      const frames = new FrameStream(stream)
      for (let question = await frames.read(); question !== undefined; question = await frames.read()) {
        if (question.type !== FRAME.find) continue
        await frames.write(
          FRAME.found,
          encodeControl({ bytes: envelope.byteLength, bytesHave: 1, bytesTotal: 9 })
        )
        await frames.write(FRAME.piece, envelope)
      }
    })
    const { sources } = await b.transfer.fetch(cid, { signal: AbortSignal.timeout(8000) })
    assert.deepEqual(sources, [{ from: a.peerId, bytes: 9 }])
  })

  it('ends after its time without a byte, naming the holder that is away', async () => {
    const cid = await a.importAs('model', { 'model.bin': randomBytes(24 * MIB) })
    let left: Promise<void> | undefined
    const fetching = b.transfer.fetch(cid, {
      waitMs: 1500,
      onProgress({ bytesDone }) {
        if (bytesDone >= 4 * MIB) left ??= a.leave()
      }
    })
    await assert.rejects(fetching, { code: 'TIMEOUT', details: { missing: ['anna'] } })
    await left
  })

  it('gives weights that are offered to some to these alone; for others they are not there', async () => {
    const cid = await a.importAs('secret', FILES)
    a.offers.set('secret', { peers: ['berta'] })
    a.announce()
    await assert.rejects(c.transfer.fetch('secret'), { code: 'WEIGHTS_NOT_FOUND' })
    await assert.rejects(c.transfer.fetch(cid), { code: 'WEIGHTS_NOT_FOUND' })
    assert.equal((await b.transfer.fetch('secret')).repository.cid, cid)
  })

  it('gives no block of theirs either to a peer that knows its CID', async () => {
    await a.importAs('secret', FILES)
    const { cid } = a.store.repository('secret')!.files[0]!
    const leaf = leafCidText(a.store.digestsOf(cid, 0, 1))
    const client = await c.transfer.devices.open(a.peerId, {})
    assert.equal((await client.block(leaf))?.byteLength, MIB)
    a.offers.set('secret', { roles: ['admin'] })
    assert.equal(await client.block(leaf), undefined)
    await client.close()
  })

  it('makes no private weights those of a model whose manifest lists their hashes', async () => {
    const secret = { 'model.bin': Buffer.from('a secret') }
    await b.importAs('secret', secret)
    b.offers.set('secret', undefined)
    await a.importAs('bait', { 'model.bin': Buffer.from('other') })
    await a.resign('bait', repositoryOf('bait', secret))
    await assert.rejects(b.transfer.fetch('bait', { waitMs: 300 }), { code: 'TIMEOUT' })
    const client = await a.transfer.devices.open(b.peerId, {})
    assert.equal(await client.block(b.store.repository('secret')!.files[0]!.cid), undefined)
    await client.close()

    // A device that has the bytes sends them.
    await c.importAs('open', secret)
    const { sources } = await b.transfer.fetch('open')
    assert.deepEqual(sources, [{ from: c.peerId, bytes: 8 }])
  })

  it('gives a guest no weights but those that name it', async () => {
    const guest = await mesh.add('gustav', 'guest')
    await a.importAs('model', FILES)
    await assert.rejects(guest.transfer.fetch('model'), { code: 'WEIGHTS_NOT_FOUND' })
    a.offers.set('model', { peers: ['gustav'] })
    a.announce()
    assert.equal((await guest.transfer.fetch('model')).repository.name, 'model')
  })

  it('refuses a name that means two things, unless more devices have one of them', async () => {
    const cid = await a.importAs('model', FILES)
    await b.importAs('model', { 'model.bin': randomBytes(10) })
    await assert.rejects(c.transfer.fetch('model'), { code: 'INVALID_INPUT' })
    const d = await mesh.add('dora')
    await d.importAs('model', FILES)
    b.announce()
    a.announce()
    assert.equal((await c.transfer.fetch('model')).repository.cid, cid)
  })

  it('never takes a repository for another one because its name is the CID or hash of that one', async () => {
    const cid = await a.importAs('model', FILES)
    const { sha256 } = a.store.repository('model')!.files[0]!
    a.offers.set('model', undefined)
    for (const address of [cid, sha256]) {
      await c.importAs(address, { 'model.bin': randomBytes(10) })
      await assert.rejects(b.transfer.fetch(address), { code: 'WEIGHTS_NOT_FOUND' })
    }
  })

  it('leaves what has a name here, whatever a device says that the name means', async () => {
    await a.importAs('model', FILES)
    const own = await b.importAs('Model', { 'model.bin': randomBytes(10) })
    const { cid, files } = a.store.repository('model')!
    for (const ref of [cid, files[0]!.sha256])
      await assert.rejects(b.transfer.fetch(ref), { code: 'INVALID_INPUT', message: /called Model on this/ })
    const same = await c.importAs('model', { 'model.bin': randomBytes(10) })
    await assert.rejects(c.transfer.fetch(cid), { code: 'INVALID_INPUT' })
    assert.equal(b.store.repository('Model')!.cid, own)
    assert.equal(c.store.repository('model')!.cid, same)
    assert.equal(b.store.written + c.store.written, 0)
  })

  it('asks for room for all of a repository before its first byte', async () => {
    await a.importAs('model', FILES)
    b.store.room = BYTES - 1
    await assert.rejects(b.transfer.fetch('model'), { code: 'WEIGHTS_FULL' })
    assert.equal(b.store.written, 0)
    b.store.room = BYTES
    await b.transfer.fetch('model')
  })

  it('finds content that an open repository has, although a private one has it too', async () => {
    a.offers.set('first', undefined)
    await a.importAs('first', FILES)
    const cid = await a.importAs('second', FILES)
    assert.equal((await b.transfer.fetch(cid)).repository.name, 'second')
  })

  it('refuses a repository that a device signed which was never a member', async () => {
    const cid = await a.importAs('model', FILES)
    await b.transfer.fetch(cid)
    mesh.members.delete(a.peerId)
    await assert.rejects(c.transfer.fetch(cid), { code: 'WEIGHTS_NOT_FOUND' })
  })

  it('refuses a manifest whose sizes or hashes are not those of its files', async () => {
    await a.importAs('model', FILES)
    const stored = a.store.repository('model')!
    for (const change of [
      { bytes: stored.bytes + 1 },
      { files: stored.files.map(file => ({ ...file, path: 'same.bin' })) },
      { files: stored.files.map(file => ({ ...file, bytes: file.bytes + MIB })) },
      { cid: stored.files[0]!.cid }
    ]) {
      await a.resign('model', change)
      const fresh = await mesh.add('fritz')
      a.announce()
      await assert.rejects(fresh.transfer.fetch('model'), { code: /WEIGHTS/ })
      const isLiar = (fields: object) => 'peerId' in fields && fields.peerId === a.peerId
      assert.ok(fresh.warnings.some(isLiar), JSON.stringify(Object.keys(change)))
    }
  })

  it('refuses questions when the node stops', async () => {
    await a.importAs('model', FILES)
    a.part.refuse!()
    await assert.rejects(b.transfer.fetch('model', { waitMs: 0 }), { code: 'TIMEOUT' })
  })

  it('says who has how much', async () => {
    await a.importAs('model', FILES)
    await b.transfer.fetch('model')
    assert.deepEqual(await c.transfer.holders('model'), [
      { peerId: a.peerId, name: 'anna', bytesHave: BYTES, bytesTotal: BYTES },
      { peerId: b.peerId, name: 'berta', bytesHave: BYTES, bytesTotal: BYTES }
    ])
  })
})
