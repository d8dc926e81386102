/** Checkpoints: what they replace, who takes them, and that no device loses or doubles anything by them. */

import assert from 'node:assert/strict'
import { describe, it } from 'vitest'
import { type Clock, systemClock } from '../../../interface/clock.ts'
import { openDoc } from '../../../node/memory/docs/index.ts'
import type { OpenDoc } from '../../../node/memory/types.ts'
import { openCheckpoint, sealCheckpoint } from '../../../protocols/memory/checkpoint.ts'
import { type Device, device, facts, hashOf, keyOfDevice, meet, pull, set, sync } from './engines.ts'

const DAY_MS = 24 * 3600 * 1000

function overwritten() {
  let now = 1_800_000_000_000
  const clock: Clock = { ...systemClock, wallMs: () => now }
  const [one, two, late] = [device('one', { clock }), device('two', { clock }), device('late', { clock })]
  meet([one, two, late])
  const { id } = one.do(engine => engine.create('plans'))
  one.do(engine => engine.share(id, { role: 'member' }, 'write'))
  pull(one, two)
  pull(one, late)
  for (let n = 0; n < 90; n++) set(n % 3 === 0 ? two : one, id, `key ${n % 4}`, `value ${n}`)
  sync(one, two)
  const acknowledge = (from: typeof one) => {
    const heads = from.do(engine => engine.statesFor(from.peerId))[0]!.heads
    one.do(engine => engine.acknowledge(id, from.peerId, heads))
  }
  return { one, two, late, id, acknowledge, pass: (ms: number) => (now += ms) }
}

describe('a checkpoint', () => {
  it('takes the place of the log once each device that was here has it', () => {
    const { one, two, late, id, acknowledge, pass } = overwritten()
    const hash = hashOf(one, id)
    acknowledge(late)
    acknowledge(two)
    one.do(engine => engine.compact(id))
    assert.ok(one.do(engine => engine.verify(id)).envelopes >= 90, 'the late device has nothing yet')
    pass(31 * DAY_MS)
    acknowledge(two)
    const { bytesAfter } = one.do(engine => engine.compact(id))
    assert.deepEqual(
      one.do(engine => engine.verify(id)),
      { envelopes: 0, problems: [] }
    )
    assert.ok(bytesAfter < 4000, `${bytesAfter}`)
    assert.equal(hashOf(one, id), hash)
    set(one, id, 'after', 'the checkpoint')
    // It was away, wrote by itself, and finds the log gone.
    set(late, id, 'late', 'was away')
    sync(one, late)
    sync(one, two)
    for (const at of [two, late]) assert.equal(hashOf(at, id), hashOf(one, id))
    assert.equal(Object.keys(facts(late, id)).length, 6)
    assert.deepEqual(late.do(engine => engine.verify(id)).problems, [])
  })

  it('is all that a device keeps of the past which holds the newest part, whoever else is away', () => {
    const { one, two, late, id } = overwritten()
    const heldBy = (at: typeof one) => at.do(engine => engine.space(id))
    for (const at of [one, two]) at.do(engine => engine.acknowledge(id, late.peerId, []))
    assert.equal(two.do(engine => engine.hold(id, 'newest')).log.here, 90)
    one.do(engine => engine.compact(id))
    sync(one, two)
    assert.deepEqual(heldBy(one).log, { here: 90, inSnapshot: 0 })
    assert.deepEqual(heldBy(two).log, { here: 0, inSnapshot: 90 })
    assert.ok(heldBy(two).bytes < heldBy(one).bytes / 4)
    // It brings the one that was away up to date, and takes what that wrote meanwhile.
    set(late, id, 'late', 'was away')
    sync(two, late)
    sync(two, one)
    assert.deepEqual(heldBy(two).log, { here: 1, inSnapshot: 90 })
    assert.equal(two.do(engine => engine.history(id)).length, 1)
    for (const at of [two, late]) assert.equal(hashOf(at, id), hashOf(one, id))
    two.do(engine => engine.hold(id, 'all'))
    one.do(engine => engine.compact(id))
    sync(one, two)
    assert.equal(heldBy(two).log.here, 1)
  })

  it('is made for a device that would have many envelopes to check, and not again for the next one', () => {
    const [one, first, second] = [device('one'), device('first'), device('second')]
    meet([one, first, second])
    const { id } = one.do(engine => engine.create('plans'))
    one.do(engine => engine.share(id, { role: 'member' }, 'write'))
    for (let n = 0; n < 513; n++) set(one, id, `key ${n % 4}`, `value ${n}`)
    assert.equal(
      one.do(engine => engine.checkpoint(id)),
      null
    )
    assert.deepEqual(pull(one, first), { taken: 0, waiting: 0, refused: [] })
    assert.equal(hashOf(first, id), hashOf(one, id))
    const record = one.do(engine => engine.checkpoint(id))
    set(one, id, 'and', 'then')
    assert.equal(pull(one, second).taken, 1)
    assert.deepEqual(
      one.do(engine => engine.checkpoint(id)),
      record
    )
  })

  it('of two that owners sign at once is one on all devices, whichever came first, and nothing is lost', () => {
    for (const order of ['one', 'two']) {
      const [one, two, third, fourth] = ['one', 'two', 'third', 'fourth'].map(name => device(name)) as [
        ...[Device, Device, Device, Device]
      ]
      meet([one, two, third, fourth])
      const { id } = one.do(engine => engine.create('plans'))
      one.do(engine => engine.share(id, { peerId: two.peerId }, 'own'))
      one.do(engine => engine.share(id, { role: 'member' }, 'write'))
      set(one, id, 'first', 'of one')
      sync(one, two)
      for (const [at, of] of [
        [one, two],
        [two, one]
      ] as const)
        at.do(engine =>
          engine.acknowledge(id, of.peerId, of.do(engine => engine.statesFor(of.peerId))[0]!.heads)
        )
      set(one, id, 'apart', 'of one')
      set(two, id, 'apart too', 'of two')
      for (const at of [one, two]) at.do(engine => engine.compact(id))
      // Another device has the one, and writes.
      pull(two, third)
      set(third, id, 'third', 'on one of them')
      for (let n = 0; n < 3; n++) {
        if (order === 'one') pull(one, two)
        sync(two, third)
        pull(two, one)
        pull(one, two)
      }
      const record = (at: Device) => at.do(engine => engine.checkpoint(id))
      for (const at of [two, third]) assert.deepEqual(record(at), record(one))
      // From each of them alone.
      pull(order === 'one' ? third : one, fourth)
      for (const at of [one, two, third, fourth]) {
        assert.equal(hashOf(at, id), hashOf(one, id))
        assert.equal(Object.keys(facts(at, id)).length, 4)
        assert.deepEqual(at.do(engine => engine.verify(id)).problems, [])
      }
    }
  })

  it('is not taken where it would lose what is nowhere else; an owner signs one in the place of both', () => {
    const [one, two] = [device('one'), device('two')]
    meet([one, two])
    const { id } = one.do(engine => engine.create('plans'))
    one.do(engine => engine.share(id, { peerId: two.peerId }, 'own'))
    set(one, id, 'first', 'of one')
    sync(one, two)
    set(two, id, 'only', 'of two')
    // It has heard of no other device for long, so its log goes.
    two.do(engine => engine.compact(id))
    one.do(engine => engine.acknowledge(id, two.peerId, []))
    for (let n = 0; n < 2; n++) {
      set(one, id, 'then', `${n}`)
      one.do(engine => engine.compact(id))
    }
    const larger = one.do(engine => engine.checkpoint(id))!
    pull(one, two)
    assert.notDeepEqual(
      two.do(engine => engine.checkpoint(id)),
      larger
    )
    assert.equal(facts(two, id)['only' as never], 'of two')
    pull(two, one)
    assert.equal(facts(one, id)['only' as never], 'of two')
    assert.equal(facts(one, id)['then' as never], '1')
    assert.equal(hashOf(one, id), hashOf(two, id))
    assert.deepEqual(
      one.do(engine => engine.checkpoint(id)),
      two.do(engine => engine.checkpoint(id))
    )
  })

  it('of two owners that were apart for 30 days, and both compacted, come together: each has what either wrote', () => {
    let now = 1_800_000_000_000
    const clock: Clock = { ...systemClock, wallMs: () => now }
    const names = ['one', 'two', 'with one', 'with two'] as const
    const [one, two, third, fourth] = names.map(name => device(name, { clock })) as [
      ...[Device, Device, Device, Device]
    ]
    const all = [one, two, third, fourth]
    meet(all)
    const { id } = one.do(engine => engine.create('plans'))
    one.do(engine => engine.share(id, { peerId: two.peerId }, 'own'))
    one.do(engine => engine.share(id, { role: 'member' }, 'write'))
    set(one, id, 'both', 'before')
    set(one, id, 'removed', 'before')
    one.do(engine => engine.write(id, 'diary', 'journal', [{ type: 'append', value: 'before' }]))
    one.do(engine =>
      engine.write(id, 'text', 'notes', [{ type: 'edit', at: 0, remove: 0, insert: 'before. ' }])
    )
    for (const other of [two, third, fourth]) sync(one, other)
    for (const [owner, other] of [
      [one, third],
      [two, fourth]
    ] as const)
      for (const day of [0, 15, 31]) {
        now = 1_800_000_000_000 + day * DAY_MS
        set(owner, id, `of ${owner.peerId}`, `day ${day}`)
        set(other, id, `of ${other.peerId}`, `day ${day}`)
        set(owner, id, 'both', owner === one ? 'of one' : 'of two')
        owner.do(engine => engine.write(id, 'diary', 'journal', [{ type: 'append', value: `${day}` }]))
        sync(owner, other)
      }
    two.do(engine => engine.write(id, 'default', 'facts', [{ type: 'unset', key: 'removed' }]))
    two.do(engine => engine.write(id, 'text', 'notes', [{ type: 'edit', at: 0, remove: 0, insert: 'two. ' }]))
    one.do(engine => engine.write(id, 'text', 'notes', [{ type: 'edit', at: 8, remove: 0, insert: 'one.' }]))
    two.do(engine => engine.write(id, 'only', 'facts', [{ type: 'set', key: 'here', value: true }]))
    for (const owner of [one, two]) {
      owner.do(engine => engine.compact(id))
      assert.equal(owner.do(engine => engine.space(id)).log.here, 0)
    }
    pull(one, third)
    pull(two, fourth)

    // Of another chain than the one that is here: it may be that of a hostile owner, and nothing is joined.
    const larger = two.do(engine => engine.checkpoint(id))!
    const { checkpoint } = openCheckpoint(larger)
    const { heads: here } = openCheckpoint(one.do(engine => engine.checkpoint(id))!).checkpoint
    const heads = checkpoint.heads.map(head => {
      const own = here.find(({ device }) => device === head.device && device === one.peerId)
      return own === undefined ? head : { ...own, hash: own.hash.map(byte => byte ^ 1) }
    })
    const number = 2 ** 40
    const forged = sealCheckpoint({ ...checkpoint, heads, number }, keyOfDevice('two')).record
    const before = one.do(engine => engine.checkpoint(id))
    assert.deepEqual(
      one.do(engine => engine.takeCheckpoint(id, forged, two.peerId)),
      { missing: [] }
    )
    assert.deepEqual(
      one.do(engine => engine.checkpoint(id)),
      before
    )

    for (let n = 0; n < 2; n++) {
      sync(one, two)
      sync(one, third)
      sync(two, fourth)
    }
    for (const at of all) {
      assert.equal(hashOf(at, id), hashOf(one, id))
      const found = facts(at, id) as Record<string, unknown>
      for (const { peerId } of all) assert.equal(found[`of ${peerId}`], 'day 31')
      assert.equal('removed' in found, false)
      assert.deepEqual(facts(at, id, 'only'), { here: true })
      const diary = at.do(engine => engine.read(id, 'diary'))
      assert.equal(diary.kind === 'journal' && diary.entries.length, 7)
      assert.deepEqual(
        at.do(engine => engine.read(id, 'text')),
        { kind: 'notes', text: 'two. before. one.' }
      )
      assert.deepEqual(at.do(engine => engine.verify(id)).problems, [])
    }
    // They go on from there, in the same chains.
    for (const [n, at] of all.entries()) set(at, id, 'next', `${n}`)
    for (let n = 0; n < 2; n++) for (const other of [two, third, fourth]) sync(one, other)
    for (const at of all) assert.equal(hashOf(at, id), hashOf(one, id))
    assert.equal(facts(one, id)['next' as never], facts(fourth, id)['next' as never])
  })

  it('gives a newcomer all there is, and keeps the pieces of what did not change', () => {
    const { one, id } = overwritten()
    set(one, id, 'other', 'document', 'second')
    one.do(engine => engine.compact(id))
    const newcomer = device('newcomer')
    meet([one, newcomer])
    pull(one, newcomer)
    assert.equal(hashOf(newcomer, id), hashOf(one, id))
    assert.equal(newcomer.do(engine => engine.verify(id)).envelopes, 0)
    set(one, id, 'other', 'changed', 'second')
    one.do(engine => engine.compact(id))
    const record = one.do(engine => engine.checkpoint(id))!
    const { missing } = newcomer.do(engine => engine.takeCheckpoint(id, record, one.peerId))
    assert.equal(missing.length, 1)
    assert.throws(() => newcomer.do(engine => engine.putPieces(id, [new Uint8Array(9)])), {
      code: 'MEMORY_INVALID'
    })
    pull(one, newcomer)
    assert.equal(hashOf(newcomer, id), hashOf(one, id))
  })

  it('leaves no pieces where another one takes its place before it is whole', () => {
    const { one, two, id } = overwritten()
    const record = () => one.do(engine => engine.checkpoint(id))!
    const ask = (record: Uint8Array) =>
      two.do(engine => engine.takeCheckpoint(id, record, one.peerId)).missing
    one.do(engine => engine.compact(id))
    const first = record()
    const piece = (hash: Uint8Array) => one.do(engine => engine.piece(id, hash))!
    const [hash] = ask(first)
    two.do(engine => engine.putPieces(id, [piece(hash!)]))
    assert.deepEqual(ask(first), [])
    set(one, id, 'key', 'new')
    one.do(engine => engine.compact(id))
    const [next] = ask(record())
    two.do(engine => engine.putPieces(id, [piece(next!)]))
    set(one, id, 'key', 'newer')
    one.do(engine => engine.compact(id))
    ask(record())
    assert.equal(
      two.do(engine => engine.piece(id, next!)),
      null
    )
    assert.notEqual(
      two.do(engine => engine.piece(id, hash!)),
      null
    )
  })

  it('is refused from a device that does not own the space, and where it is not what the log says', () => {
    const { one, two, id } = overwritten()
    assert.throws(() => two.do(engine => engine.compact(id)), { code: 'MEMORY_DENIED' })
    one.do(engine => engine.compact(id))
    const record = one.do(engine => engine.checkpoint(id))!
    const broken = record.with(record.length - 20, record[record.length - 20]! ^ 1)
    assert.throws(() => two.do(engine => engine.takeCheckpoint(id, broken, one.peerId)), {
      code: /MEMORY_(FORGED|INVALID)/
    })
    assert.equal(
      two.do(engine => engine.checkpoint(id)),
      null
    )
  })

  it('counts no further than sums stay exact', () => {
    const { one, two, id } = overwritten()
    one.do(engine => engine.compact(id))
    const { checkpoint } = openCheckpoint(one.do(engine => engine.checkpoint(id))!)
    const key = keyOfDevice('one')
    const take = (more: object) => () => {
      const { record } = sealCheckpoint({ ...checkpoint, ...more }, key)
      two.do(engine => engine.takeCheckpoint(id, record, one.peerId))
    }
    const [head, ...rest] = checkpoint.heads
    take({ number: 2 ** 48 })()
    for (const more of [
      { number: 2 ** 48 + 1 },
      { heads: [{ ...head!, clock: 2 ** 50 }, ...rest] },
      { heads: [{ ...head!, seq: 2 ** 50 }, ...rest] }
    ])
      assert.throws(take({ number: 2, ...more }), { code: 'MEMORY_INVALID' })
  })

  it('holds under an exclusion that comes after it', () => {
    const { one, two, late, id } = overwritten()
    set(two, id, 'key 0', 'value 999')
    sync(one, two)
    sync(one, late)
    assert.equal(facts(one, id)['key 0' as never], 'value 999')
    one.do(engine => engine.compact(id))
    pull(one, two)
    one.do(engine => engine.exclude(id, two.peerId))
    pull(one, late)
    const values = Object.values(facts(one, id)).map(value => Number(String(value).split(' ')[1]))
    assert.ok(values.every(n => n % 3 !== 0))
    assert.equal(hashOf(late, id), hashOf(one, id))
  })
})

describe('a space that is overwritten', () => {
  it('stays about as large as what is in it', () => {
    const one = device('one')
    const { id } = one.do(engine => engine.create('plans'))
    for (let n = 0; n < 60; n++) set(one, id, 'key', String(n).repeat(30_000))
    const { bytes } = one.do(engine => engine.space(id))
    assert.ok(bytes < 2 ** 20 + 100_000, `${bytes}`)
    assert.deepEqual(one.do(engine => engine.verify(id)).problems, [])
    assert.equal(facts(one, id)['key' as never], '59'.repeat(30_000))
  })
})

describe('a space of more documents than are kept open', () => {
  it('is hashed without opening those that have not changed, after a compaction too', () => {
    let opened = 0
    const counted: OpenDoc = (...args) => {
      opened++
      return openDoc(...args)
    }
    const one = device('one', { openDoc: counted })
    const { id } = one.do(engine => engine.create('plans'))
    one.do(engine => {
      for (let n = 0; n < 270; n++)
        engine.write(id, `doc-${n}`, 'facts', [{ type: 'set', key: 'key', value: n }])
    })
    const openedFor = (n: number): number => {
      set(one, id, 'key', 'other', `doc-${n}`)
      const before = opened
      one.do(engine => engine.statesFor(one.peerId))
      return opened - before
    }
    openedFor(0)
    const hash = hashOf(one, id)
    assert.equal(openedFor(1), 0)
    // Nor are those opened to say how much is in them.
    const before = opened
    const { docs, entries } = one.do(engine => engine.space(id))
    assert.deepEqual([docs, entries, opened - before], [270, 270, 0])
    assert.equal(one.do(engine => engine.docs(id)).filter(doc => doc.entries === 1).length, 270)
    assert.equal(opened - before, 0)
    one.do(engine => engine.compact(id))
    openedFor(2)
    assert.equal(openedFor(3), 0)
    assert.notEqual(hashOf(one, id), hash)
    const now = hashOf(one, id)
    assert.deepEqual(one.do(engine => engine.verify(id)).problems, [])
    assert.equal(hashOf(one, id), now)
  })
})

describe('a space that is imported', () => {
  it('is another space with the same content', () => {
    const { one, id } = overwritten()
    const bytes = one.do(engine => engine.export(id))
    const copy = one.do(engine => engine.import('copy', bytes))
    assert.notEqual(copy.id, id)
    assert.equal(copy.hash, hashOf(one, id))
    assert.throws(() => one.do(engine => engine.import('other', new Uint8Array(3))), {
      code: 'INVALID_INPUT'
    })
  })

  it('is whole or not there, and says which documents it leaves out', () => {
    const { one } = overwritten()
    const put = (name: string, value: unknown) => {
      const docs = [
        { name: 'a', kind: 'facts', facts: { x: 1 } },
        { name: 'sketch', kind: 'raw', update: '' },
        { name: 'b', kind: 'facts', facts: { x: value } }
      ]
      const bytes = Buffer.from(JSON.stringify({ format: 'lumos-memory/1', docs }))
      return one.do(engine => engine.import(name, new Uint8Array(bytes)))
    }
    const { docs, leftOut } = put('whole', 2)
    assert.deepEqual({ docs, leftOut }, { docs: 2, leftOut: ['sketch'] })
    assert.throws(() => put('half', JSON.parse(`${'['.repeat(20)}${']'.repeat(20)}`)), {
      code: 'INVALID_INPUT'
    })
    assert.ok(one.do(engine => engine.spaces()).every(({ name }) => name !== 'half'))
  })
})
