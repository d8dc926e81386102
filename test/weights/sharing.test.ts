/** A file that several devices download at once: who asks the origin, what the others take from it, and what becomes of liars. */

import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { setTimeout as wait } from 'node:timers/promises'
import { afterEach, beforeEach, describe, it } from 'vitest'
import { LumosError } from '../../interface/errors.ts'
import { LEAF_BYTES } from '../../interface/limits.ts'
import type { MeshContext } from '../../node/feature.ts'
import type { LeafTarget } from '../../node/weights/origins/index.ts'
import { LeafLists } from '../../node/weights/sharing/leaf-lists.ts'
import { IncomingFile } from '../../node/weights/transfer/incoming.ts'
import type { OfComing } from '../../protocols/blocks/index.ts'
import { LEAF_LIST, type LeafList } from '../../protocols/weights/leaf-list.ts'
import type { Signed } from '../../protocols/wire/signed-record.ts'
import type { StoredFile } from '../../storage/weights/types.ts'
import { MemoryPartials } from './memory-partials.ts'
import { type Device, MeshPeers } from './mesh-peers.ts'

const LEAVES = 16
const BYTES = randomBytes(LEAVES * LEAF_BYTES + 5)
const SHA256 = createHash('sha256').update(BYTES).digest('hex')
const CONTENT = { path: 'model.bin', sha256: SHA256, bytes: BYTES.byteLength }
const PAUSE_MS = 50

/** A place outside of the mesh that counts what it sends. */
class Origin {
  sent = 0
  /** By the name of the device that asks. */
  readonly sentTo = new Map<string, number>()
  /** What a device gets in place of the file. */
  readonly lies = new Map<string, Uint8Array>()
  readonly refused = new Set<string>()
  /** The first device that asks gets so many leaves, and then nothing more. */
  firstGets = Number.POSITIVE_INFINITY

  readonly download =
    (device: Device) =>
    async (target: LeafTarget, signal: AbortSignal): Promise<void> => {
      const { name } = device
      if (this.refused.has(name)) throw new LumosError('ORIGIN_FAILED', 'The origin does not answer.')
      const bytes = this.lies.get(name) ?? BYTES
      for (let leaf = 0, sent = 0; leaf < target.leaves; leaf++) {
        if (target.has(leaf)) continue
        const isFirst = (this.sentTo.keys().next().value ?? name) === name
        if (isFirst && sent++ === this.firstGets)
          await new Promise((_, reject) => signal.addEventListener('abort', reject))
        await wait(PAUSE_MS, undefined, { signal })
        const part = bytes.subarray(leaf * LEAF_BYTES, (leaf + 1) * LEAF_BYTES)
        this.sent += part.byteLength
        this.sentTo.set(name, (this.sentTo.get(name) ?? 0) + part.byteLength)
        await target.write(leaf, part)
      }
    }
}

interface Obtained {
  readonly stored: StoredFile
  /** Bytes by PeerId, and by `origin`. */
  readonly from: ReadonlyMap<string, number>
}

describe('a block that another device lists', () => {
  it('is shown once it came, or the whole file is proven, and at the place of a leaf alone', async () => {
    const bytes = 2 * LEAF_BYTES
    const leaves = [0, 1].map(leaf => BYTES.subarray(leaf * LEAF_BYTES, (leaf + 1) * LEAF_BYTES))
    const [came, listed] = leaves.map(leaf => createHash('sha256').update(leaf).digest())
    const digests = Buffer.concat([came!, listed!])
    const file = new IncomingFile({ path: 'model.bin', sha256: SHA256, bytes, cid: '' }, Math.random)
    file.digests = digests
    const partial = await new MemoryPartials().partial(SHA256, bytes)
    file.open(partial)
    await file.write(0, leaves[0]!)
    const shown = [came!, listed!, digests.subarray(1, 33)].map(digest => file.contains(digest))
    assert.deepEqual(shown, [true, false, false])
    file.becomeWhole()
    assert.ok(file.contains(listed!))
  })
})

describe('lists of other devices', () => {
  it('are kept up to a kibibyte for each leaf, and a mebibyte', () => {
    const lists = new LeafLists(4 * LEAF_BYTES)
    const take = (first: number, bytes: number): boolean => {
      const value = { sha256: SHA256, bytes: 4 * LEAF_BYTES, first, digests: randomBytes(32) }
      const signed: Partial<Signed<LeafList>> = { value, signer: 'a', envelope: new Uint8Array(bytes) }
      return lists.take(signed as Signed<LeafList>, 'a')
    }
    assert.deepEqual([take(0, 2 ** 20), take(1, 4097), take(1, 4096), take(2, 1)], [true, false, true, false])
    assert.equal(lists.envelopes.length, 2)
  })
})

describe('a file that several devices download', () => {
  let mesh: MeshPeers
  let origin: Origin
  /** Devices that are connected before any of them downloads. */
  const add = async (...names: string[]): Promise<Device[]> => {
    const devices: Device[] = []
    for (const name of names) devices.push(await mesh.add(name, name === 'guest' ? 'guest' : 'member'))
    for (const one of devices)
      for (const other of devices) if (one.peerId < other.peerId) await one.libp2p.dial(other.libp2p.peerId)
    return devices
  }

  beforeEach(() => {
    mesh = new MeshPeers()
    origin = new Origin()
  })
  afterEach(() => mesh[Symbol.asyncDispose]())

  interface How {
    readonly onBytes?: (all: number) => void
    readonly signal?: AbortSignal
    readonly model?: string
  }

  async function obtain(device: Device, { onBytes, signal, model = 'model' }: How = {}): Promise<Obtained> {
    const from = new Map<string, number>()
    let all = 0
    const stored = await device.transfer.sharing.obtain(CONTENT, {
      model,
      ...(signal && { signal }),
      mayReuse: () => true,
      download: origin.download(device),
      onKept: bytes => from.set('disk', bytes),
      onBytes(source = 'origin', bytes) {
        from.set(source, (from.get(source) ?? 0) + bytes)
        all += bytes
        onBytes?.(all)
      }
    })
    return { stored, from }
  }

  it('comes from the origin once, and leaf by leaf from device to device', async () => {
    const devices = await add('a', 'b', 'c', 'd')
    const obtained = await Promise.all(devices.map(device => obtain(device)))
    // Two that begin at once on a busy machine may both download a leaf or two.
    assert.ok(origin.sent < 1.5 * BYTES.byteLength, `${origin.sent}`)
    for (const device of devices) assert.ok(BYTES.equals(device.store.files.get(SHA256)!.bytes))
    for (const { from } of obtained)
      assert.equal(
        [...from.values()].reduce((sum, bytes) => sum + bytes, 0),
        BYTES.byteLength
      )
  })

  it('is taken over when the device that downloads it dies, and nothing that is here is downloaded again', async () => {
    const devices = await add('a', 'b', 'c', 'd')
    origin.firstGets = 10
    let killed: Device | undefined
    const came = new Map<Device, number>()
    const lives = new Map(devices.map(device => [device, new AbortController()]))
    const pulls = devices.map(device => {
      const onBytes = (all: number) => {
        came.set(device, all)
        const isHalf = came.size === 4 && [...came.values()].every(all => all >= BYTES.byteLength / 2)
        if (killed !== undefined || !isHalf) return
        killed = devices.find(({ name }) => origin.sentTo.has(name))!
        lives.get(killed)!.abort(new Error('it was killed'))
        void killed.leave()
      }
      return obtain(device, { onBytes, signal: lives.get(device)!.signal })
    })
    const ended = await Promise.allSettled(pulls)
    assert.equal(ended.filter(({ status }) => status === 'fulfilled').length, 3)
    for (const device of devices) if (device !== killed) assert.ok(device.store.file(SHA256))
    assert.equal(origin.sentTo.size, 2)
    // Each had a half, and the dead one two leaves more.
    assert.ok(origin.sent <= BYTES.byteLength + 2 * LEAF_BYTES, `${origin.sent / BYTES.byteLength}`)
  })

  it('is not there for a device that may not have the model, which downloads it by itself', async () => {
    const [a, b] = (await add('a', 'b')) as [Device, Device]
    for (const device of [a, b]) device.offers.set('model', { roles: ['admin'] })
    await Promise.all([obtain(a), obtain(b)])
    assert.equal(origin.sent, 2 * BYTES.byteLength)
    assert.equal(await a.transfer.sharing.answer(b.peerId, QUESTION), undefined)
  })

  it('is asked for by a member itself where a guest downloads it', async () => {
    const [guest, a] = (await add('guest', 'a')) as [Device, Device]
    await Promise.all([obtain(guest), obtain(a)])
    assert.equal(origin.sentTo.get('a'), BYTES.byteLength)
    assert.equal(await a.transfer.sharing.answer(guest.peerId, QUESTION), undefined)
  })

  it('comes whole and right when the device that downloads it lies about its leaves, and that one is not asked again', async () => {
    const devices = await add('a', 'b', 'c')
    const first = devices.toSorted((x, y) => (x.peerId < y.peerId ? -1 : 1))[0]!
    const lie = Buffer.from(BYTES)
    lie[3 * LEAF_BYTES]! ^= 1
    origin.lies.set(first.name, lie)
    const ended = await Promise.allSettled(devices.map(device => obtain(device)))
    for (const [n, device] of devices.entries()) {
      if (device === first) continue
      assert.equal(ended[n]!.status, 'fulfilled')
      assert.ok(BYTES.equals(device.store.files.get(SHA256)!.bytes))
    }
    const warnings = devices.flatMap(({ warnings }) => warnings)
    assert.ok(warnings.some(fields => 'peerId' in fields && fields.peerId === first.peerId))
    // What came of the liar, and after that no more than a device that is alone has to ask for.
    for (const device of devices)
      if (device !== first)
        assert.ok(
          (origin.sentTo.get(device.name) ?? 0) < 1.5 * BYTES.byteLength,
          JSON.stringify([...origin.sentTo])
        )
  })

  it('is completed by another device when a liar dies, and no leaf is sent to that one a second time', async () => {
    const devices = await add('a', 'b', 'c')
    const liar = devices.toSorted((x, y) => (x.peerId < y.peerId ? -1 : 1))[0]!
    const honest = devices.filter(device => device !== liar)
    const lie = Buffer.from(BYTES)
    lie[3 * LEAF_BYTES]! ^= 1
    origin.lies.set(liar.name, lie)
    origin.firstGets = LEAVES / 2
    const dies = new AbortController()
    const came = new Set<Device>()
    const pulls = devices.map(device =>
      obtain(device, {
        onBytes(all) {
          if (all >= (LEAVES / 2) * LEAF_BYTES) came.add(device)
          if (came.size < devices.length || dies.signal.aborted) return
          dies.abort(new Error('it was killed'))
          void liar.leave()
        },
        ...(device === liar && { signal: dies.signal })
      })
    )
    await Promise.allSettled(pulls)
    for (const { store } of honest) assert.ok(BYTES.equals(store.files.get(SHA256)!.bytes))
    const sent = honest.map(({ name }) => (origin.sentTo.get(name) ?? 0) / BYTES.byteLength)
    assert.ok(
      sent.every(share => share <= 1),
      `${sent}`
    )
  })

  it('comes from another origin of the mesh where that of this device fails', async () => {
    const [a, b] = (await add('a', 'b')) as [Device, Device]
    for (const { name } of [a, b]) origin.refused.add(name)
    await assert.rejects(obtain(a), { code: 'ORIGIN_FAILED' })
    origin.refused.delete('b')
    await Promise.all([obtain(a), obtain(b)])
    assert.deepEqual([...origin.sentTo], [['b', BYTES.byteLength]])
  })

  it('begins with what is on the disks of all that download it', async () => {
    const [a, b] = (await add('a', 'b')) as [Device, Device]
    for (const [device, leaves] of [
      [a, [0, 1, 2, 3]],
      [b, [2, 3, 4, 5, 6]]
    ] as const) {
      const partial = await device.store.partial(SHA256, BYTES.byteLength)
      for (const leaf of leaves)
        await partial.write(leaf, BYTES.subarray(leaf * LEAF_BYTES, (leaf + 1) * LEAF_BYTES))
    }
    await Promise.all([obtain(a), obtain(b)])
    assert.equal(origin.sent, BYTES.byteLength - 7 * LEAF_BYTES)
  })

  it.each<readonly [string, (evil: Device) => Promise<Uint8Array[]>]>([
    ['what no device has signed', async () => [randomBytes(200)]],
    ['leaves of another file', async ({ seal }) => [await listBy(seal, { sha256: 'ab'.repeat(32) })]],
    ['leaves beyond the end', async ({ seal }) => [await listBy(seal, { first: LEAVES + 1 })]],
    ['a list of half a digest', async ({ seal }) => [await listBy(seal, { digests: randomBytes(16) })]],
    [
      'lists without end',
      async ({ seal }) => await Promise.all(Array.from({ length: 16 }, () => listBy(seal, {})))
    ]
  ])(
    'is not held up by a device that claims it and lists %s, and that is asked for no weights',
    async (_, lie) => {
      const [evil, a] = (await add('evil', 'a')) as [Device, Device]
      evil.transfer.sharing.answer = async () => ({
        ...{ stage: 'claims', able: true, strength: 63, round: 1 },
        have: new Uint8Array([255, 255, 255]),
        lists: await lie(evil)
      })
      await obtain(a)
      assert.equal(origin.sentTo.get('a'), BYTES.byteLength)
      assert.ok(a.warnings.some(fields => 'peerId' in fields && fields.peerId === evil.peerId))
    }
  )
})

const listBy = (seal: MeshContext['seal'], over: Partial<LeafList>): Promise<Uint8Array> =>
  seal(LEAF_LIST, {
    ...{ sha256: SHA256, bytes: BYTES.byteLength, first: 0, digests: randomBytes(32) },
    ...over
  })
const QUESTION: OfComing = {
  ...({ sha256: SHA256, bytes: BYTES.byteLength, stage: 'asks', able: true, strength: 0 } as const),
  ...{ round: 0, since: 0 }
}
