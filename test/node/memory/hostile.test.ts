/** What a member with a right to write can send: each is refused by its code, and changes nothing. */

import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { copyFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'vitest'
import * as Y from 'yjs'
import type { DocKind } from '../../../interface/memory.ts'
import { docOpener } from '../../../node/memory/docs/index.ts'
import { openBatch, sealBatch } from '../../../node/memory/space/batches.ts'
import { unsealOwn } from '../../../node/memory/space/boxes.ts'
import { Keyring } from '../../../node/memory/space/keyring.ts'
import { openCharter, spaceIdOf } from '../../../protocols/memory/charter.ts'
import {
  type Envelope,
  type EnvelopeHeader,
  encodeEnvelope,
  openEnvelope,
  sealEnvelope
} from '../../../protocols/memory/envelope.ts'
import { openDatabase } from '../../../storage/database/database.ts'
import { MEMORY_MIGRATIONS } from '../../../storage/memory/schema.ts'
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
  temporaryHome
} from './engines.ts'

const ZEROS = new Uint8Array(32)

function attacked(options: DeviceOptions = {}) {
  const home = temporaryHome()
  const [one, evil] = [device('one', options), device('evil', { home, file: 'same' })]
  meet([one, evil])
  const { id } = one.do(engine => engine.create('plans'))
  one.do(engine => engine.share(id, { role: 'member' }, 'write'))
  set(one, id, 'colour', 'green')
  const key = keyOfDevice('evil')
  const { records, key: sealed } = one.do(engine => engine.charters(id, 1, evil.peerId))
  const { charter } = openCharter(records.at(-1)!)
  const keyring = new Keyring(id)
  assert.ok(keyring.take(unsealOwn(key, `lumos/memory/key/1 ${id} 1`, sealed!), charter))
  const keys = { id, keyring, key: keyring.get(1)! }
  /** As a writer would make it that keeps to no rule. */
  const forge = (
    update: Uint8Array,
    more: Partial<EnvelopeHeader> = {},
    { doc, kind }: { doc: string; kind: DocKind } = { doc: 'default', kind: 'facts' }
  ): Envelope => {
    const of = { device: evil.peerId, life: '010203040506', seq: 1, ...more }
    const box = sealBatch(keys, of, { doc, kind, update, at: 1 })
    const tag = keyring.tag(doc, kind)
    const chain = { space: spaceIdOf(charter), prev: ZEROS, after: [], clock: 1, epoch: 1, tag }
    return sealEnvelope({ ...chain, ...of, ...more }, box, key)
  }
  const send = (envelope: Envelope | Uint8Array) => {
    const wire = envelope instanceof Uint8Array ? envelope : encodeEnvelope(envelope)
    return one.do(engine => engine.accept(id, [wire], evil.peerId))
  }
  return { one, evil, home, id, keys, forge, send }
}

const code = ({ refused }: { refused: readonly { code: string }[] }) => refused.map(({ code }) => code)

function update(client: number, write: (doc: Y.Doc) => void): Uint8Array {
  const doc = new Y.Doc()
  doc.clientID = client
  write(doc)
  return Y.encodeStateAsUpdate(doc)
}

/** A change that `evil` makes by its own engine, as bytes. */
function honest(evil: Device, one: Device, id: string, key: string): Uint8Array {
  pull(one, evil)
  set(evil, id, key, 'value')
  return evil.do(engine => engine.envelopesAfter(id, one.do(e => e.statesFor(one.peerId))[0]!.heads, 1e6))[0]!
}

describe('a hostile writer', () => {
  it('is refused for updates that are none of its own, and the content stays as it was', () => {
    const { one, id, forge, send } = attacked()
    const before = hashOf(one, id)
    const victim = update(7, doc => doc.getMap('slots').set('colour@x', [1, 'red']))
    // 13 bytes that void all that a client writes later (F3), and a clock beyond what can be counted.
    const gc = Uint8Array.of(1, 1, 7, 0, 0, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01, 0)
    const updates = [victim, gc, Uint8Array.of(255), new Uint8Array(0), new Uint8Array(1000)]
    for (const one of updates) assert.deepEqual(code(send(forge(one))), ['MEMORY_INVALID'])
    assert.equal(hashOf(one, id), before)
    assert.deepEqual({ ...facts(one, id) }, { colour: 'green' })
    assert.deepEqual(
      one.do(engine => engine.docs(id)).map(({ name }) => name),
      ['default']
    )
  })

  it('that hides what its text stands on is waited for, so that devices with more and with less agree', () => {
    const { one, evil, id, keys, forge } = attacked()
    const two = device('two')
    meet([one, evil, two])
    pull(one, two)
    const page = { doc: 'page', kind: 'notes' } as const
    const write = (at: Device, position: number, insert: string) =>
      at.do(engine =>
        engine.write(id, page.doc, page.kind, [{ type: 'edit', at: position, remove: 0, insert }])
      )
    write(one, 0, 'hello')
    pull(one, evil)
    write(evil, 5, ' world')
    const heads = one.do(engine => engine.statesFor(one.peerId))[0]!.heads
    const [wire] = evil.do(engine => engine.envelopesAfter(id, heads, 1e6))
    const honest = openEnvelope(wire!)
    const { update } = openBatch(keys, honest as Envelope & { box: Uint8Array })
    const hiding = encodeEnvelope(forge(update, { life: honest.life, after: [] }, page))
    const accept = (at: Device) => at.do(engine => engine.accept(id, [hiding], evil.peerId))
    assert.deepEqual(accept(one), { taken: 1, waiting: 0, refused: [] })
    assert.deepEqual(accept(two), { taken: 0, waiting: 1, refused: [] })
    pull(one, two)
    assert.equal(hashOf(two, id), hashOf(one, id))
  })

  it('is refused where its chain, its clock, its tag or its signature are not right', () => {
    const { one, evil, id, forge, send } = attacked()
    const before = hashOf(one, id)
    const empty = Uint8Array.of(0, 0)
    assert.deepEqual(code(send(forge(empty, { clock: 2 ** 50 }))), ['MEMORY_INVALID'])
    assert.deepEqual(code(send(forge(empty, { prev: ZEROS.with(0, 1) }))), ['MEMORY_INVALID'])
    assert.deepEqual(code(send(forge(empty, { tag: new Uint8Array(16) }))), ['MEMORY_INVALID'])
    assert.deepEqual(code(send(forge(empty, { space: new Uint8Array(16) }))), ['MEMORY_INVALID'])
    assert.deepEqual(code(send({ ...forge(empty), signature: new Uint8Array(64) })), ['MEMORY_FORGED'])
    // It may be one half of a proof, and is nothing else.
    assert.deepEqual(send({ ...forge(empty), box: null }), { taken: 0, waiting: 0, refused: [] })
    assert.deepEqual(code(send({ ...forge(empty), box: new Uint8Array(50) })), ['MEMORY_INVALID'])
    assert.deepEqual(code(send(new Uint8Array(300_000))), ['MEMORY_INVALID'])
    // As another device, whose key it has not.
    assert.deepEqual(code(send(forge(empty, { device: one.peerId }))), ['MEMORY_FORGED'])
    const named = one.events.filter(
      event => event.type === 'problem' && event.refused.code === 'MEMORY_FORGED'
    )
    assert.ok(named.every(event => event.type === 'problem' && event.refused.writer === null))
    assert.equal(hashOf(one, id), before)
    const fine = honest(evil, one, id, 'fine')
    assert.equal(one.do(engine => engine.accept(id, [fine], evil.peerId)).taken, 1)
  })

  it('is frozen on each device that sees two envelopes of one number, whichever came first', () => {
    const { one, evil, home, id } = attacked()
    const two = device('two')
    meet([one, evil, two])
    pull(one, two)
    pull(one, evil)
    set(evil, id, 'first', 'counts')
    pull(evil, one)
    pull(evil, two)
    const heads = one.do(engine => engine.statesFor(one.peerId))[0]!.heads
    evil.close()
    const branch = (key: string) => {
      // Its database is put back each time, so that it signs one number again.
      const copy = temporaryHome()
      copyFileSync(join(home, 'memory.db'), join(copy, 'memory.db'))
      const again = device('evil', { home: copy, file: 'same' })
      meet([one, again, two])
      set(again, id, key, key)
      return again.do(engine => engine.envelopesAfter(id, heads, 1e6))[0]!
    }
    const [a, b] = [branch('a'), branch('b')]
    one.do(engine => engine.accept(id, [a], evil.peerId))
    two.do(engine => engine.accept(id, [b], evil.peerId))
    assert.deepEqual(Object.keys(facts(one, id)).sort(), ['a', 'colour', 'first'])
    set(two, id, 'honest', 'on top of b')
    for (let n = 0; n < 3; n++) {
      pull(one, two)
      pull(two, one)
    }
    for (const at of [one, two]) {
      assert.deepEqual(Object.keys(facts(at, id)).sort(), ['colour', 'first', 'honest'])
      assert.ok(at.events.some(e => e.type === 'problem' && e.refused.code === 'MEMORY_EQUIVOCATED'))
    }
    assert.equal(hashOf(one, id), hashOf(two, id))
    const state = (at: Device) => at.do(engine => engine.statesFor(one.peerId))[0]!
    assert.equal(
      two.do(engine => engine.compare(one.peerId, state(one))),
      true
    )
    assert.deepEqual(
      state(one)
        .heads.map(({ hash }) => Buffer.from(hash).toString('hex'))
        .sort(),
      state(two)
        .heads.map(({ hash }) => Buffer.from(hash).toString('hex'))
        .sort()
    )
  })

  it('keeps nothing else from going on by what it signed twice, however long that is', () => {
    const { one, evil, id, keys, forge, send } = attacked()
    const two = device('two')
    meet([one, evil, two])
    pull(one, two)
    set(one, id, 'honest', 'goes on')
    const twice = (life: string) =>
      [1, 2].map(n => {
        const box = sealBatch(
          keys,
          { device: evil.peerId, life, seq: 1 },
          { doc: 'long', kind: 'notes', update: new Uint8Array(200_000).fill(n), at: 1 }
        )
        return sealEnvelope({ ...forge(ZEROS), life }, box, keyOfDevice('evil'))
      })
    // One of them has a box that counts, so it is here when the other one comes.
    const lives = ['010203040506', '010203040507'].map(life => {
      const first = forge(Uint8Array.of(0, 0), { life })
      assert.equal(send(first).taken, 1)
      assert.deepEqual(code(send(twice(life)[0]!)), ['MEMORY_EQUIVOCATED'])
      return life
    })
    const { heads } = two.do(engine => engine.statesFor(two.peerId))[0]!
    const batch = one.do(engine => engine.envelopesAfter(id, heads, 64 * 1024))
    assert.ok(batch.reduce((sum, { length }) => sum + length, 0) < 4000)
    const { taken, waiting, refused } = two.do(engine => engine.accept(id, batch, one.peerId))
    assert.deepEqual([taken, waiting], [1, 0])
    assert.deepEqual(
      refused.map(({ code, writer }) => [code, writer?.life]),
      lives.map(life => ['MEMORY_EQUIVOCATED', life])
    )
    assert.equal(hashOf(two, id), hashOf(one, id))
    // Two branches that are both new to a device, whole as a hostile writer sends them.
    const [a, b] = twice('0102030405ff')
    assert.equal(
      two.do(engine => engine.accept(id, [encodeEnvelope({ ...a!, box: null })], evil.peerId)).taken,
      0
    )
    const last = two.do(engine => engine.accept(id, [encodeEnvelope({ ...b!, box: null })], evil.peerId))
    assert.deepEqual(code(last), ['MEMORY_EQUIVOCATED'])
  })

  it('makes a device keep little of what follows nothing', () => {
    const { one, id, forge, send } = attacked()
    let waiting = 0
    for (let seq = 2; seq < 400; seq++)
      waiting = send(forge(new Uint8Array(8000), { seq, prev: ZEROS.with(0, 1) })).waiting
    assert.ok(waiting > 10 && waiting < 150, `${waiting}`)
    assert.deepEqual({ ...facts(one, id) }, { colour: 'green' })
  })

  it('fills no more than its own share of the spaces of a device', () => {
    const { one, evil } = attacked()
    const honest = device('honest')
    meet([one, evil, honest])
    const shareWith = (from: Device, name: string) => {
      const { id } = from.do(engine => engine.create(name))
      from.do(engine => engine.share(id, { role: 'member' }, 'read'))
      const bundle = from.do(engine => engine.charters(id, 1, one.peerId))
      return one.do(engine => engine.acceptCharters(id, bundle, from.peerId))
    }
    for (let n = 0; n < 128; n++) assert.ok(shareWith(evil, `space-${n}`))
    // Its own device makes room for another one, and says nothing of that.
    evil.do(engine => engine.forget('space-0'))
    assert.throws(() => shareWith(evil, 'one-more'), { code: 'MEMORY_FULL', message: /128 spaces of/ })
    const { id } = evil.do(engine => engine.space('space-1'))
    evil.do(engine => engine.forget(id))
    const gone = evil.do(engine => engine.charters(id, 1, one.peerId))
    assert.ok(one.do(engine => engine.acceptCharters(id, gone, evil.peerId)))
    assert.throws(() => shareWith(evil, 'again'), { code: 'MEMORY_FULL' })
    // Of the one that is gone nothing more is kept.
    assert.throws(() => one.do(engine => engine.accept(id, [], evil.peerId)), { code: 'MEMORY_NOT_FOUND' })
    assert.throws(() => one.do(engine => engine.putPieces(id, [])), { code: 'MEMORY_NOT_FOUND' })
    assert.ok(shareWith(honest, 'welcome'))
    one.do(engine => engine.create('own'))
  })

  it('has no more keys kept than a device may hand out, and what is under another one waits', () => {
    const { id, keys, forge, send } = attacked()
    const made = Array.from({ length: 65 }, (_, n) => new Uint8Array(32).fill(n + 1))
    let before: Uint8Array = ZEROS
    const write = (seq: number, key: Uint8Array, handed: Uint8Array[]) => {
      const batch = { doc: 'default', kind: 'facts' as const, update: Uint8Array.of(0, 0), at: 1 }
      const of = { device: keyOfDevice('evil').peerId, life: '010203040506', seq }
      const box = sealBatch({ id, key }, of, { ...batch, keys: handed })
      const header = { ...forge(batch.update), ...of, prev: before, clock: seq }
      const envelope = sealEnvelope(
        { ...header, tag: keys.keyring.tag('default', 'facts') },
        box,
        keyOfDevice('evil')
      )
      before = envelope.hash
      return send(envelope)
    }
    for (let n = 0; n < 9; n++) assert.equal(write(n + 1, keys.key, made.slice(8 * n, 8 * n + 8)).taken, 1)
    assert.equal(write(10, made[0]!, []).taken, 1)
    assert.deepEqual(write(11, made[64]!, []), { taken: 0, waiting: 1, refused: [] })
  })

  it('fills a space with three quarters of what may be there, and the others write on', () => {
    const bytesMax = 1_000_000
    const { one, evil, id } = attacked({ spaceBytesMax: bytesMax })
    const honest = device('honest')
    meet([one, evil, honest])
    pull(one, honest)
    pull(one, evil)
    const text = 'x'.repeat(50_000)
    for (let n = 0; n < 40; n++) set(evil, id, `${n}`, text)
    const { refused } = pull(evil, one)
    assert.deepEqual([...new Set(refused.map(({ code }) => code))], ['MEMORY_FULL'])
    const { bytes } = one.do(engine => engine.space(id))
    assert.ok(bytes < 2 * bytesMax, `${bytes}`)
    set(honest, id, 'honest', 'goes on')
    pull(honest, one)
    assert.equal(facts(one, id)['honest' as never], 'goes on')
    set(one, id, 'own', 'too')
  })

  it('has no more of a space after it was compacted than before, and the others write on', () => {
    const bytesMax = 2 * 2 ** 20
    const { one, evil, id } = attacked({ spaceBytesMax: bytesMax })
    const [honest, late] = [device('honest'), device('late', { spaceBytesMax: bytesMax })]
    meet([one, evil, honest, late])
    pull(one, honest)
    pull(one, evil)
    // It never says that it has anything, so that the log would stay for it.
    one.do(engine => engine.acknowledge(id, evil.peerId, []))
    const fill = (from: number) => {
      for (let n = from; n < from + 14; n++)
        set(evil, id, `${n}`, randomBytes(75_000).toString('base64'), n % 2 === 0 ? 'default' : 'other')
    }
    fill(0)
    assert.deepEqual(code(pull(evil, one)), [])
    one.do(engine => engine.compact(id))
    fill(14)
    assert.deepEqual([...new Set(code(pull(evil, one)))], ['MEMORY_FULL'])
    one.do(engine => engine.compact(id))
    assert.deepEqual([...new Set(code(pull(evil, one)))], ['MEMORY_FULL'])
    one.do(engine => engine.reload())
    assert.deepEqual([...new Set(code(pull(evil, one)))], ['MEMORY_FULL'])
    set(honest, id, 'honest', 'goes on')
    pull(honest, one)
    assert.equal(facts(one, id)['honest' as never], 'goes on')
    // What came as a checkpoint counts as well.
    pull(one, late)
    assert.ok(late.do(engine => engine.checkpoint(id)))
    assert.deepEqual([...new Set(code(pull(evil, late)))], ['MEMORY_FULL'])
    set(one, id, 'own', 'too')
  })

  it('makes three quarters of the documents of a space, and the others make the rest', () => {
    const { one, evil, id } = attacked()
    const honest = device('honest')
    meet([one, evil, honest])
    pull(one, honest)
    pull(one, evil)
    set(evil, id, 'first', 'document', 'evil')
    pull(evil, one)
    one.do(engine => engine.compact(id))
    // As many as it may have, without the time that writing them takes.
    const database = openDatabase(one.path, { migrations: MEMORY_MIGRATIONS, synchronous: 'NORMAL' })
    database
      .prepare(
        `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3071)
       INSERT INTO doc SELECT space, randomblob(16), sealed, NULL, 0, 0, 0, NULL, maker FROM n, doc
       WHERE maker IN (SELECT id FROM writer WHERE device = '${evil.peerId}')`
      )
      .run()
    database.close()
    one.do(engine => engine.reload())
    set(evil, id, 'one', 'more', 'more')
    assert.deepEqual(code(pull(evil, one)), ['MEMORY_FULL'])
    set(honest, id, 'honest', 'goes on', 'plans')
    pull(honest, one)
    assert.equal(facts(one, id, 'plans')['honest' as never], 'goes on')
    set(one, id, 'own', 'too', 'own')
  })

  it('fills a document no further than a device can open, and the thread goes on', () => {
    const openDoc = docOpener(20)
    const { one, evil, id } = attacked({ openDoc })
    const late = device('late', { openDoc })
    meet([one, evil, late])
    pull(one, evil)
    const append = (at: Device, from: number, count: number) =>
      at.do(engine => {
        const changes = Array.from({ length: count }, (_, n) => ({
          ...{ type: 'append' as const, id: `${from + n}`, value: n }
        }))
        engine.write(id, 'diary', 'journal', changes)
      })
    append(one, 0, 10)
    append(evil, 100, 8)
    append(evil, 200, 8)
    assert.deepEqual([...new Set(code(pull(evil, one)))], ['MEMORY_FULL'])
    assert.throws(() => append(one, 300, 3), { code: 'MEMORY_FULL', message: /20 entries/ })
    append(one, 300, 2)
    one.do(engine => engine.reload())
    assert.equal(one.do(engine => engine.space(id)).entries, 21)
    // Room that was made is used, and no envelope was taken for poison.
    one.do(engine => {
      const changes = Array.from({ length: 10 }, (_, n) => ({ type: 'remove' as const, id: `${n}` }))
      engine.write(id, 'diary', 'journal', changes)
    })
    assert.deepEqual(code(pull(evil, one)), [])
    one.do(engine => engine.compact(id))
    pull(one, late)
    assert.equal(hashOf(late, id), hashOf(one, id))
    set(evil, id, 'others', 'go on')
    assert.deepEqual(code(pull(evil, one)), [])
  })

  it('opens no snapshot of more than half as many slots again as a document may have', () => {
    const by = { ...{ writer: `${keyOfDevice('evil').peerId}.000000000001`, client: 7 }, clock: 1 }
    const changes = Array.from({ length: 21 }, (_, n) => ({ type: 'set' as const, key: `${n}`, value: n }))
    const document = docOpener()('facts', null, new Set())
    document.change(changes, { ...by, at: 0 })
    const snapshot = document.snapshot()
    assert.throws(() => docOpener(13)('facts', snapshot, new Set()), {
      code: 'MEMORY_FULL',
      message: /13 entries/
    })
    assert.equal(docOpener(14)('facts', snapshot, new Set()).entries(), 21)
  })

  it('begins no more lives than a device may have', () => {
    const { one, forge, send } = attacked()
    const life = (n: number) => `0000000000${n.toString(16).padStart(2, '0')}`
    const update = Uint8Array.of(0, 0)
    for (let n = 0; n < 64; n++) assert.equal(send(forge(update, { life: life(n) })).taken, 1)
    assert.deepEqual(code(send(forge(update, { life: life(64) }))), ['MEMORY_FULL'])
    assert.equal(one.do(engine => engine.statesFor(one.peerId))[0]!.heads.length, 65)
  })

  it('cannot say that a whole space differs and have it rebuilt each time', () => {
    const { one, evil, id } = attacked()
    const state = one.do(engine => engine.statesFor(evil.peerId))[0]!
    for (let n = 0; n < 5; n++)
      assert.equal(
        one.do(engine => engine.compare(evil.peerId, { ...state, hash: 'f'.repeat(64) })),
        false
      )
    const alarms = one.events.filter(e => e.type === 'problem' && e.refused.code === 'MEMORY_DIVERGED')
    assert.equal(alarms.length, 1)
    assert.equal(one.do(engine => engine.space(id)).hash, state.hash)
  })
})
