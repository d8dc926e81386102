/** Devices that carry a space: they have what is encrypted, no key, and pass it on. */

import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, it } from 'vitest'
import * as z from 'zod'
import { sealTo, unsealOwn } from '../../../node/memory/space/boxes.ts'
import { SpaceFeed } from '../../../node/memory/sync/feed.ts'
import type { MemoryEngine } from '../../../node/memory/worker/engine.ts'
import { openCharter } from '../../../protocols/memory/charter.ts'
import { encodeEnvelope, openEnvelope, sealEnvelope } from '../../../protocols/memory/envelope.ts'
import { decodeControl } from '../../../protocols/wire/control.ts'
import {
  type Device,
  type DeviceOptions,
  device,
  facts,
  hashOf,
  keyOfDevice,
  meet,
  pull,
  set,
  sync
} from './engines.ts'

/** Two devices that write and never meet, and one between them. */
function carried(options: DeviceOptions = {}) {
  const [one, two, carrier] = [device('one'), device('two'), device('carrier', options)]
  meet([one, two, carrier])
  const { id } = one.do(engine => engine.create('plans'))
  one.do(engine => engine.share(id, { peerId: two.peerId }, 'write'))
  one.do(engine => engine.share(id, { peerId: carrier.peerId }, 'carry'))
  set(one, id, 'first', 'CANARY of one', 'CANARY-doc')
  sync(one, carrier)
  sync(carrier, two)
  const round = () => {
    for (const writer of [one, two, one]) sync(writer, carrier)
  }
  return { one, two, carrier, id, round }
}

const info = (at: Device, id: string) => at.do(engine => engine.space(id))
const envelopes = (at: Device, id: string) => at.do(engine => engine.envelopesAfter(id, [], 2 ** 24))
const codes = ({ refused }: { refused: readonly { code: string }[] }) => refused.map(({ code }) => code)

/** Envelope 2 of `two`: in the right place, signed, and with a box that does not open. */
const nonsense = (two: Device, id: string) => {
  set(two, id, 'a', 'x')
  const last = openEnvelope(envelopes(two, id).at(-1)!)
  const box = new Uint8Array(last.box!)
  box[box.length - 1]! ^= 1
  const next = { seq: last.seq + 1, prev: last.hash, after: [], clock: last.clock + 1 }
  return encodeEnvelope(sealEnvelope({ ...last, ...next }, box, keyOfDevice('two')))
}

/** All files of the home of a device, as one text. */
const bytesAt = (at: Device): string =>
  readdirSync(dirname(at.path))
    .map(name => readFileSync(join(dirname(at.path), name), 'latin1'))
    .join('')

describe('a device that carries a space', () => {
  it('brings two writers together that never meet, and gives the second one its key', () => {
    const { one, two, id, round } = carried()
    assert.deepEqual({ ...facts(two, id, 'CANARY-doc') }, { first: 'CANARY of one' })
    for (let n = 0; n < 5; n++) {
      set(one, id, `one ${n}`, 'x')
      set(two, id, `two ${n}`, 'y')
      round()
    }
    assert.equal(Object.keys(facts(one, id)).length, 10)
    assert.equal(hashOf(one, id), hashOf(two, id))
  })

  it('reads nothing, writes nothing, and has nothing in clear', () => {
    const { one, two, carrier, id, round } = carried()
    set(two, id, 'second', 'CANARY of two', 'CANARY-doc')
    round()
    const { right, hash, docs, entries, bytes, name } = info(carrier, id)
    assert.deepEqual({ right, hash, docs, entries }, { right: 'carry', hash: null, docs: 0, entries: 0 })
    assert.ok(bytes > 0 && name.startsWith('carried-'))
    assert.deepEqual(
      carrier.do(engine => engine.spaces().map(space => space.id)),
      [id]
    )
    const denied = { code: 'MEMORY_DENIED', message: /carries the space/ }
    assert.throws(() => facts(carrier, id, 'CANARY-doc'), denied)
    assert.throws(() => set(carrier, id, 'a', 'b'), denied)
    for (const call of ['docs', 'history', 'compact', 'export'] as const)
      assert.throws(() => carrier.do(engine => engine[call](id)), denied)
    assert.throws(() => carrier.do(engine => engine.share(id, { role: 'member' }, 'own')), denied)
    assert.deepEqual(
      carrier.do(engine => engine.searched()),
      []
    )
    assert.deepEqual(
      carrier.do(engine => engine.verify(id)),
      { envelopes: 2, problems: [] }
    )
    assert.match(bytesAt(one) + bytesAt(carrier), /SQLite format/)
    assert.doesNotMatch(bytesAt(carrier), /CANARY|plans/)
  })

  it('has no key from a reader, even where a hostile one hands it the key of the space', () => {
    const { one, two, carrier, id } = carried()
    const honest = one.do(engine => engine.charters(id, 1, carrier.peerId))
    assert.equal(honest.key, null)
    // As the first version reads it: no right that it does not know.
    const payload = decodeControl(z.tuple([z.instanceof(Uint8Array), z.unknown()]), honest.records.at(-1)!)[0]
    const charter = decodeControl(
      z.object({ grants: z.array(z.object({ right: z.enum(['read', 'write', 'own']) })) }),
      payload
    )
    assert.equal(charter.grants.length, 1)
    assert.deepEqual(
      honest.keys?.map(([to]) => to),
      [two.peerId]
    )
    const about = `lumos/memory/key/1 ${id} 1`
    const { key: own } = one.do(engine => engine.charters(id, 1, two.peerId))
    const key = sealTo(carrier.peerId, about, unsealOwn(keyOfDevice('two'), about, own!))
    const bundle = { records: [], key, keys: [[carrier.peerId, key] as const] }
    carrier.do(engine => engine.acceptCharters(id, bundle, two.peerId))
    assert.equal(info(carrier, id).hash, null)
  })

  it('keeps the key of a reader, however many carriers hand it others', () => {
    const { one, two, carrier, id } = carried()
    const others = ['c1', 'c2', 'c3', 'c4', 'c5'].map(name => device(name))
    meet([one, two, carrier, ...others])
    for (const { peerId } of others) one.do(engine => engine.share(id, { peerId }, 'carry'))
    sync(one, carrier)
    const keys = () => carrier.do(engine => engine.charters(id, 1, two.peerId)).keys ?? []
    const [real] = keys()
    for (const { peerId } of others) {
      const bogus = sealTo(two.peerId, peerId, new Uint8Array(32))
      const bundle = { records: [], key: null, keys: [[two.peerId, bogus] as const] }
      carrier.do(engine => engine.acceptCharters(id, bundle, peerId))
    }
    assert.deepEqual(keys()[0], real)
    assert.equal(keys().length, 2)
  })

  it('takes from each writer no more than any device does', () => {
    const { one, two, carrier, id } = carried({ spaceBytesMax: 200_000 })
    const sent = Array.from({ length: 20 }, (_, n) => {
      set(two, id, `k${n}`, 'x'.repeat(20_000))
      return n
    })
    const accepted = pull(two, carrier)
    assert.ok(accepted.taken < sent.length)
    assert.ok(codes(accepted).every(code => code === 'MEMORY_FULL'))
    assert.ok(info(carrier, id).bytes < 200_000)
    // What it has no room for of one device, it has for the next one.
    set(one, id, 'small', 'y')
    assert.deepEqual(codes(pull(one, carrier)), [])
    sync(carrier, two)
    assert.equal(
      two.do(engine => engine.get(id, 'default', 'small')),
      'y'
    )
  })

  it('refuses what it can know to be false without a key', () => {
    const { one, two, carrier, id } = carried()
    const stranger = device('stranger')
    for (const key of ['a', 'b', 'c']) set(two, id, key, 'x')
    const [own, first, second, third] = envelopes(two, id) as [Uint8Array, Uint8Array, Uint8Array, Uint8Array]
    const accept = (...wires: Uint8Array[]) => carrier.do(engine => engine.accept(id, wires, two.peerId))
    const envelope = openEnvelope(first)
    const forged = encodeEnvelope({ ...envelope, signature: new Uint8Array(64) })
    assert.deepEqual(codes(accept(forged)), ['MEMORY_FORGED'])
    const changed = new Uint8Array(first)
    changed[changed.length - 1]! ^= 1
    assert.deepEqual(codes(accept(changed)), ['MEMORY_INVALID'])
    assert.deepEqual(codes(accept(new Uint8Array(300_000))), ['MEMORY_INVALID'])
    meet([one, carrier, stranger])
    assert.deepEqual(codes(accept(first)), ['MEMORY_DENIED'])
    meet([one, two, carrier])
    // Out of order, and each of them twice.
    assert.deepEqual(accept(third, third, second), { taken: 0, waiting: 2, refused: [] })
    assert.deepEqual(accept(own, first, first), { taken: 3, waiting: 0, refused: [] })
    assert.equal(carrier.do(engine => engine.verify(id)).envelopes, 4)
  })

  it('carries checkpoints, and drops for them what all readers have', () => {
    const { one, two, carrier, id, round } = carried()
    for (let n = 0; n < 40; n++) set(one, id, 'same', `value ${n}`)
    round()
    const before = info(carrier, id).bytes
    one.do(engine => engine.compact(id))
    sync(one, carrier)
    assert.ok(info(carrier, id).bytes < before / 2)
    set(two, id, 'late', 'written on what is gone')
    round()
    const three = device('three')
    meet([one, two, carrier, three])
    one.do(engine => engine.share(id, { peerId: three.peerId }, 'read'))
    round()
    sync(carrier, three)
    assert.equal(hashOf(three, id), hashOf(one, id))
    assert.equal(
      three.do(engine => engine.get(id, 'default', 'same')),
      'value 39'
    )
  })

  it('reads what it carried once it may, also where its writer is gone', () => {
    const { one, two, carrier, id, round } = carried()
    set(two, id, 'last', 'of two')
    sync(two, carrier)
    one.do(engine => engine.share(id, { peerId: carrier.peerId }, 'write'))
    sync(one, carrier)
    assert.deepEqual({ ...facts(carrier, id) }, { last: 'of two' })
    assert.equal(info(carrier, id).name, 'plans')
    assert.equal(info(carrier, id).right, 'write')
    set(carrier, id, 'own', 'too')
    round()
    assert.equal(hashOf(carrier, id), hashOf(one, id))
    assert.equal(hashOf(two, id), hashOf(one, id))
  })

  it('loses its key and all that it opened where a reader becomes a carrier', () => {
    const { one, two, carrier, id, round } = carried()
    one.do(engine => engine.share(id, { peerId: carrier.peerId }, 'write'))
    round()
    set(carrier, id, 'by the carrier', 'CANARY', 'CANARY-doc')
    carrier.do(engine => engine.save())
    round()
    one.do(engine => engine.share(id, { peerId: carrier.peerId }, 'carry'))
    set(one, id, 'after', 'new')
    round()
    assert.equal(info(carrier, id).hash, null)
    assert.throws(() => facts(carrier, id, 'CANARY-doc'), { code: 'MEMORY_DENIED' })
    assert.equal(hashOf(two, id), hashOf(one, id))
    assert.equal(
      two.do(engine => engine.get(id, 'CANARY-doc', 'by the carrier')),
      'CANARY'
    )
    const { epochs } = openCharter(
      one.do(engine => engine.charters(id, 1, one.peerId)).records.at(-1)!
    ).charter
    assert.equal(epochs.length, 2)
  })

  it('gets nothing more when its right is taken, and forgets what it has', () => {
    const { one, carrier, id } = carried()
    one.do(engine => engine.share(id, { peerId: carrier.peerId }, null))
    set(one, id, 'after', 'x')
    assert.deepEqual(codes(pull(one, carrier)), [])
    assert.deepEqual(
      one.do(engine => engine.statesFor(carrier.peerId)),
      []
    )
    carrier.do(engine => engine.forget(id))
    assert.deepEqual(
      carrier.do(engine => engine.spaces()),
      []
    )
  })
})

describe('a hostile writer and a carrier, which cannot read what it signs', () => {
  it('is refused by readers, and named as the one that signed it', () => {
    const { one, two, carrier, id, round } = carried()
    const bad = nonsense(two, id)
    round()
    const { taken } = carrier.do(engine => engine.accept(id, [bad], two.peerId))
    assert.equal(taken, 1)
    const before = hashOf(one, id)
    const [refused] = pull(carrier, one).refused
    assert.deepEqual([refused?.code, refused?.writer?.device], ['MEMORY_INVALID', two.peerId])
    assert.equal(hashOf(one, id), before)
    // A carrier that may read now takes what it had as a reader does.
    one.do(engine => engine.share(id, { peerId: carrier.peerId }, 'read'))
    sync(one, carrier)
    assert.equal(hashOf(carrier, id), before)
    assert.equal(
      carrier.do(engine => engine.verify(id)).envelopes,
      one.do(engine => engine.verify(id)).envelopes
    )
  })

  it('that signs a number twice is ended by the carrier, also for those that come later', () => {
    const { one, two, carrier, id, round } = carried()
    const bad = nonsense(two, id)
    round()
    set(two, id, 'b', 'y')
    carrier.do(engine => engine.accept(id, [bad], two.peerId))
    assert.ok(codes(pull(two, carrier)).includes('MEMORY_EQUIVOCATED'))
    assert.ok(codes(pull(carrier, one)).includes('MEMORY_EQUIVOCATED'))
    one.do(engine => engine.share(id, { peerId: carrier.peerId }, 'read'))
    sync(one, carrier)
    assert.deepEqual({ ...facts(carrier, id) }, { a: 'x' })
    assert.equal(hashOf(carrier, id), hashOf(one, id))
    const heads = (at: Device) => at.do(engine => engine.statesFor(at.peerId))[0]!.heads
    assert.deepEqual(
      heads(carrier).map(({ frozen }) => frozen ?? false),
      heads(one).map(({ frozen }) => frozen ?? false)
    )
  })
})

describe('the feed of a carrier', () => {
  it('is refused by readers, which hear the carrier all the same', async () => {
    const { one, two, carrier, id, round } = carried()
    const bad = nonsense(two, id)
    round()
    const lies: string[] = []
    const feedOf = (peer: string) =>
      new SpaceFeed({
        engine: {
          accept: async (space, wires, from) => one.do(engine => engine.accept(space, wires, from)),
          rightOf: async (space, from) => one.do(engine => engine.rightOf(space, from))
        } as MemoryEngine,
        log: { debug() {}, info() {}, warn() {}, error() {} },
        ...{ peer, asker: { want() {}, have() {}, need() {}, abort() {} } },
        ...{ step() {}, refreshed: async () => {}, onDenied() {}, onClosed() {} },
        onLie: ({ code }) => lies.push(code)
      })
    await feedOf(carrier.peerId).onEnvelopes(id, [bad])
    assert.deepEqual(lies, [])
    // A reader would not have passed it on, and no carrier passes on what is not signed.
    await assert.rejects(feedOf(two.peerId).onEnvelopes(id, [bad]), { code: 'MEMORY_INVALID' })
    await assert.rejects(feedOf(carrier.peerId).onEnvelopes(id, [new Uint8Array(9)]), {
      code: 'MEMORY_INVALID'
    })
  })
})

describe('a hostile carrier', () => {
  it('changes nothing by holding back, mixing, repeating or changing what it passes on', () => {
    const { one, two, carrier, id } = carried()
    for (let n = 0; n < 6; n++) set(one, id, `k${n}`, 'x')
    sync(one, carrier)
    const before = hashOf(two, id)
    const sent = envelopes(carrier, id).slice(1)
    const accept = (wires: readonly Uint8Array[]) =>
      two.do(engine => engine.accept(id, wires, carrier.peerId))
    const changed = sent.map(wire => {
      const other = new Uint8Array(wire)
      other[other.length - 1]! ^= 1
      return other
    })
    assert.equal(codes(accept(changed)).length, sent.length)
    // The first one is held back: what follows it waits, and says so.
    const { taken, waiting } = accept([...sent.slice(1)].reverse())
    assert.deepEqual({ taken, waiting }, { taken: 0, waiting: sent.length - 1 })
    assert.equal(hashOf(two, id), before)
    assert.equal(accept([...sent, ...sent].reverse()).taken, sent.length)
    assert.equal(hashOf(two, id), hashOf(one, id))
  })

  it('keeps no reader from its key by keys that are none', () => {
    const { one, two, carrier, id } = carried()
    const late = device('late')
    meet([one, two, carrier, late])
    one.do(engine => engine.share(id, { peerId: late.peerId }, 'read'))
    sync(one, carrier)
    const junk = [late.peerId, Buffer.alloc(104, 7)] as const
    carrier.do(engine => engine.acceptCharters(id, { records: [], key: null, keys: [junk] }, two.peerId))
    const bundle = carrier.do(engine => engine.charters(id, 1, late.peerId))
    assert.equal(bundle.keys?.length, 2)
    sync(carrier, late)
    assert.equal(hashOf(late, id), hashOf(one, id))
    // Where only such keys came, its sender has not lied: it cannot know.
    const other = device('other')
    meet([one, other, carrier])
    const alone = { ...bundle, key: null, keys: [[other.peerId, junk[1]] as const] }
    assert.throws(() => other.do(engine => engine.acceptCharters(id, alone, carrier.peerId)), {
      code: 'MEMORY_DENIED'
    })
  })
})
