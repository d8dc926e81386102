/** A repository that several devices fetch at once, each also from the others: one lies, one has a full disk, the only holder goes. */

import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { afterEach, beforeEach, describe, it } from 'vitest'
import { LumosError } from '../../interface/errors.ts'
import type { FetchProgress } from '../../node/weights/transfer/fetch.ts'
import { type Device, MeshPeers } from './mesh-peers.ts'

const MIB = 1024 * 1024
const LEAVES = 16
const WEIGHTS = randomBytes(LEAVES * MIB)

describe('a repository that several devices fetch at once', () => {
  let mesh: MeshPeers
  let seeder: Device
  let pullers: Device[]
  let cid: string

  beforeEach(async () => {
    mesh = new MeshPeers()
    seeder = await mesh.add('seeder')
    pullers = []
    for (const name of ['anna', 'berta', 'clara']) pullers.push(await mesh.add(name))
    cid = await seeder.importAs('model', { 'model.bin': WEIGHTS })
  })
  afterEach(() => mesh[Symbol.asyncDispose]())

  const fetch = ({ transfer }: Device, onProgress: (progress: FetchProgress) => void = () => {}) =>
    transfer.fetch(cid, { onProgress })

  /** After so many leaves the seeder sends no more `until` then. `reached`: it would have sent one more. */
  function stopSeeder(leaves: number, until: Promise<unknown>): { reached: Promise<void> } {
    const { promise: reached, resolve } = Promise.withResolvers<void>()
    const block = seeder.store.block
    let sent = 0
    seeder.store.block = async wanted => {
      if (sent++ >= leaves) {
        resolve()
        await until
      }
      return await block(wanted)
    }
    return { reached }
  }

  function assertWhole({ store }: Device): void {
    const { files } = store.repository(cid)!
    assert.ok(WEIGHTS.equals(store.files.get(files[0]!.sha256)!.bytes))
  }

  it('is whole and right on all of them where one sends the others wrong bytes, and that one is asked no more', async () => {
    const [liar, ...honest] = pullers as [Device, Device, Device]
    const block = liar.store.block
    liar.store.block = async wanted => {
      const bytes = await block(wanted)
      const flipped = bytes && Buffer.from(bytes)
      if (flipped?.byteLength === MIB) flipped[77]! ^= 1
      return flipped
    }
    // It has some before the others begin, and then the seeder sends nothing until they have asked it.
    const found = Promise.all(honest.map(({ warnings }) => nextOf(warnings)))
    const { reached } = stopSeeder(4, found)
    const first = fetch(liar)
    await reached
    const fetched = await Promise.all([...honest.map(device => fetch(device)), first])
    for (const device of pullers) assertWhole(device)
    for (const { sources } of fetched) assert.ok(sources.every(({ from }) => from !== liar.peerId))
    for (const { warnings } of honest)
      assert.deepEqual(
        warnings.map(fields => 'peerId' in fields && fields.peerId),
        [liar.peerId]
      )
    for (const { warnings } of [liar, seeder]) assert.deepEqual(warnings, [])
  })

  it('goes on elsewhere when the disk of one of them is full, which says so and loses nothing', async () => {
    const [full, ...others] = pullers as [Device, Device, Device]
    const { files } = seeder.store.repository(cid)!
    const partial = await full.store.partial(files[0]!.sha256, WEIGHTS.byteLength)
    const write = partial.write.bind(partial)
    let room = LEAVES / 2
    partial.write = async (...leaf) => {
      if (room-- <= 0) throw new LumosError('WEIGHTS_FULL', 'The disk is full.')
      await write(...leaf)
    }
    const fetches = pullers.map(device => fetch(device))
    await assert.rejects(fetches[0]!, { code: 'WEIGHTS_FULL' })
    await Promise.all(fetches.slice(1))
    for (const device of others) assertWhole(device)
    assert.ok(pullers.every(({ warnings }) => warnings.length === 0))
    const kept = partial.bytesHave
    assert.ok(kept >= (LEAVES / 2) * MIB)
    room = Number.POSITIVE_INFINITY
    const { sources } = await fetch(full)
    assert.equal(sources.find(({ from }) => from === 'disk')?.bytes, kept)
    assertWhole(full)
  })

  it('waits for its only holder that went in the middle, names it, and goes on when that is back', async () => {
    const back = Promise.withResolvers<void>()
    const { reached } = stopSeeder(6, back.promise)
    const left = reached.then(() => seeder.leave())
    const named = pullers.map(() => Promise.withResolvers<readonly string[]>())
    const fetches = pullers.map((device, n) =>
      fetch(device, ({ missing }) => missing.length > 0 && named[n]!.resolve(missing))
    )
    for (const { promise } of named) assert.deepEqual(await promise, ['seeder'])
    await left
    back.resolve()
    await seeder.back()
    await Promise.all(fetches)
    for (const device of pullers) assertWhole(device)
  })
})

/** Resolves when the list is added to. */
const nextOf = (list: object[]): Promise<void> =>
  new Promise(resolve => {
    list.push = (...more) => {
      resolve()
      return Array.prototype.push.apply(list, more)
    }
  })
