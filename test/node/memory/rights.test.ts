/** Who may read and write, and what becomes of what was written by a device that may no longer. */

import assert from 'node:assert/strict'
import { describe, it } from 'vitest'
import type { MemoryChange } from '../../../interface/memory.ts'
import { openDoc } from '../../../node/memory/docs/index.ts'
import { follows, isFirst } from '../../../node/memory/space/rights.ts'
import type { OpenDoc } from '../../../node/memory/types.ts'
import { openCharter } from '../../../protocols/memory/charter.ts'
import { type Device, device, facts, hashOf, meet, pull, set, sync, temporaryHome } from './engines.ts'

function three() {
  const [one, two, other] = [device('one'), device('two'), device('three')]
  const all = [one, two, other]
  meet(all)
  const { id } = one.do(engine => engine.create('plans'))
  one.do(engine => engine.share(id, { role: 'member' }, 'write'))
  const round = () => {
    for (const from of all) for (const to of all) if (from !== to) pull(from, to)
  }
  round()
  return { one, two, other, all, id, round }
}

const codes = (at: Device) =>
  at.events.flatMap(event => (event.type === 'problem' ? [event.refused.code] : []))

describe('a device that loses its right', () => {
  it('reads nothing that is written after, and what it wrote before stays', () => {
    const { one, two, other, id, round } = three()
    set(two, id, 'by two', 'before')
    round()
    one.do(engine => engine.share(id, { role: 'member' }, null))
    one.do(engine => engine.share(id, { peerId: other.peerId }, 'write'))
    set(one, id, 'secret', 'after')
    round()
    set(other, id, 'answer', 'after')
    round()
    assert.deepEqual({ ...facts(two, id) }, { 'by two': 'before' })
    assert.deepEqual({ ...facts(other, id) }, { 'by two': 'before', secret: 'after', answer: 'after' })
    assert.equal(hashOf(one, id), hashOf(other, id))
    // A curious carrier hands it the bytes all the same: it has no key that opens them.
    const envelopes = one.do(engine => engine.envelopesAfter(id, [], 1_000_000))
    two.do(engine => engine.accept(id, envelopes, one.peerId))
    assert.deepEqual({ ...facts(two, id) }, { 'by two': 'before' })
  })

  it('adds nothing more, on no device, once an owner has learnt that it was revoked', () => {
    const { one, two, other, all, id, round } = three()
    set(two, id, 'by two', 'before')
    round()
    set(two, id, 'late', 'to one device only')
    pull(two, other)
    assert.equal(facts(other, id)['late' as never], 'to one device only')
    meet(all, { [two.peerId]: 'revoked' })
    round()
    round()
    assert.deepEqual({ ...facts(one, id) }, { 'by two': 'before' })
    assert.deepEqual({ ...facts(other, id) }, { 'by two': 'before' })
    assert.equal(hashOf(one, id), hashOf(other, id))
    const stolen = two.do(engine => engine.envelopesAfter(id, [], 1_000_000))
    const { refused } = one.do(engine => engine.accept(id, stolen, other.peerId))
    assert.deepEqual(
      refused.map(({ code }) => code),
      ['MEMORY_DENIED']
    )
    assert.deepEqual(
      one.do(engine => engine.statesFor(two.peerId)),
      []
    )
  })

  it('writes on in a new life when the right comes back', () => {
    const { one, two, other, id, round } = three()
    set(two, id, 'a', '1')
    round()
    one.do(engine => engine.share(id, { role: 'member' }, 'read'))
    round()
    assert.throws(() => set(two, id, 'b', '2'), { code: 'MEMORY_DENIED' })
    one.do(engine => engine.share(id, { peerId: two.peerId }, 'write'))
    round()
    set(two, id, 'c', '3')
    round()
    for (const at of [one, two, other]) assert.deepEqual({ ...facts(at, id) }, { a: '1', c: '3' })
    assert.equal(two.do(engine => engine.statesFor(two.peerId))[0]!.heads.length, 2)
  })
})

describe('a space that is broken', () => {
  it('keeps no other one from being listed or synced', () => {
    const home = temporaryHome()
    const before = device('one', { home, file: 'same' })
    for (const [name, kind] of [
      ['fine', 'facts'],
      ['broken', 'journal']
    ] as const) {
      before.do(engine => engine.create(name))
      const change = kind === 'facts' ? { type: 'set', key: 'a', value: 1 } : { type: 'append', value: 1 }
      before.do(engine => engine.write(name, 'default', kind, [change as MemoryChange]))
    }
    before.close()
    const broken: OpenDoc = (kind, ...rest) => {
      if (kind === 'journal') throw new Error('a piece of a snapshot is not here')
      return openDoc(kind, ...rest)
    }
    const one = device('one', { home, file: 'same', openDoc: broken })
    for (let n = 0; n < 2; n++) {
      assert.deepEqual(
        one.do(engine => engine.spaces()).map(({ name }) => name),
        ['fine']
      )
      const states = one.do(engine => engine.statesFor(one.peerId))
      assert.deepEqual(
        states.map(({ hash }) => hash.length),
        [64, 0]
      )
    }
    assert.equal(codes(one).length, 1)
  })
})

describe('a name of a space', () => {
  it('has not the form of an id', () => {
    const one = device('one')
    const { id } = one.do(engine => engine.create('plans'))
    assert.throws(() => one.do(engine => engine.create(id)), { code: 'INVALID_INPUT' })
    const bytes = one.do(engine => engine.export(id))
    assert.throws(() => one.do(engine => engine.import('a'.repeat(26), bytes)), { code: 'INVALID_INPUT' })
  })
})

describe('a role', () => {
  it('owns no space', () => {
    const { one, id } = three()
    assert.throws(() => one.do(engine => engine.share(id, { role: 'member' }, 'own')), {
      code: 'INVALID_INPUT'
    })
  })
})

describe('a charter that follows', () => {
  it('has what is for ever at the place where it was', () => {
    const { one, id } = three()
    const before = openCharter(one.do(engine => engine.charters(id, 1, one.peerId)).records.at(-1)!)
    const [a, b] = [device('a').peerId, device('b').peerId]
    const lists = { excluded: [a, b], forgotten: [new Uint8Array(16), new Uint8Array(16).fill(1)] }
    const old = { ...before, charter: { ...before.charter, ...lists } }
    const next = (more: object) => {
      const charter = { ...old.charter, version: old.charter.version + 1, previous: old.hash, ...more }
      return follows(old, { ...old, charter })
    }
    assert.equal(next({}), true)
    assert.equal(next({ excluded: [...lists.excluded, device('c').peerId] }), true)
    assert.equal(next({ excluded: [b, a] }), false)
    assert.equal(next({ forgotten: lists.forgotten.toReversed() }), false)
    assert.equal(next({ forgotten: lists.forgotten.slice(1) }), false)
  })
})

describe('an excluded writer', () => {
  it('leaves the rest as if it had never written', () => {
    const { one, two, other, id, round } = three()
    set(one, id, 'kept', 'of one')
    round()
    set(two, id, 'kept', 'spoilt')
    set(two, id, 'own', 'of two')
    round()
    set(other, id, 'on top', 'of three')
    round()
    one.do(engine => engine.exclude(id, two.peerId))
    round()
    for (const at of [one, other])
      assert.deepEqual({ ...facts(at, id) }, { kept: 'of one', 'on top': 'of three' })
    assert.equal(hashOf(one, id), hashOf(other, id))
    const oracle = device('one')
    meet([oracle])
    oracle.do(engine => engine.create('plans'))
    set(oracle, 'plans', 'kept', 'of one')
    set(oracle, 'plans', 'on top', 'of three')
    assert.equal(hashOf(oracle, 'plans'), hashOf(one, id))
    assert.throws(() => one.do(engine => engine.exclude(id, one.peerId)), { code: 'INVALID_INPUT' })
  })
})

describe('what is forgotten', () => {
  it('is a document on each device, also one that comes back with more of it', () => {
    const { one, two, other, id, round } = three()
    set(one, id, 'key', 'value', 'diary')
    set(one, id, 'key', 'value', 'kept')
    round()
    set(two, id, 'late', 'offline', 'diary')
    one.do(engine => engine.forget(id, { doc: 'diary' }))
    round()
    for (const at of [one, two, other]) {
      assert.throws(() => facts(at, id, 'diary'), { code: 'MEMORY_NOT_FOUND' })
      assert.deepEqual(
        at.do(engine => engine.docs(id)).map(({ name }) => name),
        ['kept']
      )
      const kept = at.do(engine => engine.envelopesAfter(id, [], 1_000_000)).map(({ length }) => length)
      assert.equal(kept.filter(length => length < 300).length, 2, `${kept}`)
    }
    set(two, id, 'new', 'page', 'diary')
    round()
    assert.deepEqual({ ...facts(one, id, 'diary') }, { new: 'page' })
    assert.equal(hashOf(one, id), hashOf(two, id))
  })

  it('is a space on each device, and does not come back', () => {
    const { one, two, other, id, round } = three()
    set(one, id, 'key', 'value')
    pull(one, two)
    one.do(engine => engine.forget(id))
    round()
    for (const at of [one, two, other]) {
      assert.deepEqual(
        at.do(engine => engine.spaces()),
        []
      )
      assert.throws(() => facts(at, id), { code: 'MEMORY_NOT_FOUND' })
    }
    round()
    assert.deepEqual(
      two.do(engine => engine.spaces()),
      []
    )
  })
})

describe('two owners that sign a charter at once', () => {
  it('end with both changes', () => {
    const { one, two, other, id, round } = three()
    one.do(engine => engine.share(id, { peerId: two.peerId }, 'own'))
    round()
    const [four, five] = [device('four').peerId, device('five').peerId]
    one.do(engine => engine.share(id, { peerId: four }, 'read'))
    two.do(engine => engine.share(id, { peerId: five }, 'read'))
    round()
    round()
    const grants = (at: Device) =>
      at
        .do(engine => engine.space(id))
        .grants.map(({ to }) => JSON.stringify(to))
        .sort()
    assert.deepEqual(grants(one), grants(two))
    assert.deepEqual(grants(one), grants(other))
    for (const peerId of [four, five]) assert.ok(grants(one).includes(JSON.stringify({ peerId })))
  })

  it('read and write on where both had made a new key', () => {
    const { one, two, other, all, id } = three()
    const removed = [device('four'), device('five')] as const
    meet([...all, ...removed])
    one.do(engine => engine.share(id, { peerId: two.peerId }, 'own'))
    for (const { peerId } of removed) one.do(engine => engine.share(id, { peerId }, 'read'))
    one.do(engine => engine.share(id, { role: 'member' }, null))
    one.do(engine => engine.share(id, { peerId: other.peerId }, 'write'))
    const round = () => {
      for (const from of all) for (const to of all) if (from !== to) pull(from, to)
    }
    round()
    one.do(engine => engine.share(id, { peerId: removed[0].peerId }, null))
    two.do(engine => engine.share(id, { peerId: removed[1].peerId }, null))
    for (let n = 0; n < 3; n++) round()
    for (const [n, at] of all.entries()) {
      set(at, id, `key ${n}`, 'after')
      round()
    }
    const everything = { 'key 0': 'after', 'key 1': 'after', 'key 2': 'after' }
    for (const at of all) {
      assert.deepEqual({ ...facts(at, id) }, everything)
      assert.equal(at.do(engine => engine.space(id)).grants.length, 2)
      assert.equal(hashOf(at, id), hashOf(one, id))
    }
  })

  it('lose nothing that either wrote, or another device on top, under a key that lost', () => {
    const { one, two, other, all, id } = three()
    const [four, five, late] = [device('four'), device('five'), device('late')]
    meet([...all, four, five, late])
    one.do(engine => engine.share(id, { peerId: two.peerId }, 'own'))
    for (const { peerId } of [four, five]) one.do(engine => engine.share(id, { peerId }, 'read'))
    one.do(engine => engine.share(id, { role: 'member' }, null))
    one.do(engine => engine.share(id, { peerId: other.peerId }, 'write'))
    const round = (devices = all) => {
      for (const from of devices) for (const to of devices) if (from !== to) pull(from, to)
    }
    round()
    one.do(engine => engine.share(id, { peerId: four.peerId }, null))
    two.do(engine => engine.share(id, { peerId: five.peerId }, null))
    const newest = (at: Device) =>
      openCharter(at.do(engine => engine.charters(id, 1, at.peerId)).records.at(-1)!)
    const [won, lost] = isFirst(newest(one), newest(two)) ? [one, two] : [two, one]
    for (const key of ['a', 'b']) set(lost, id, key, 'of the one that lost')
    set(lost, id, 'page', 'of the one that lost', 'other')
    set(won, id, 'c', 'of the one that won')
    pull(lost, other)
    const { heads } = won.do(engine => engine.statesFor(won.peerId))[0]!
    other.do(engine => engine.acknowledge(id, won.peerId, heads))
    lost.do(engine => engine.compact(id))
    pull(lost, other)
    set(other, id, 'd', 'on top')
    lost.do(engine => engine.verify(id))
    // The one whose key lost is away, so the device that wrote on top hands it on.
    for (let n = 0; n < 3; n++) round([won, other])
    const expected = ['a', 'b', 'c', 'd']
    for (const at of [won, other]) assert.deepEqual(Object.keys(facts(at, id)).sort(), expected)
    for (let n = 0; n < 3; n++) round()
    set(lost, id, 'e', 'goes on')
    one.do(engine => engine.share(id, { peerId: late.peerId }, 'write'))
    for (let n = 0; n < 3; n++) round([...all, late])
    for (const at of [...all, late]) {
      assert.deepEqual(Object.keys(facts(at, id)).sort(), [...expected, 'e'])
      assert.equal(hashOf(at, id), hashOf(one, id))
      assert.deepEqual(at.do(engine => engine.verify(id)).problems, [])
      assert.deepEqual(codes(at), [])
    }
    assert.equal(four.do(engine => engine.spaces()).length, 0)
  })

  it('follow no owner that lost its right and begins the past anew', () => {
    const { one, two, other, id, round } = three()
    one.do(engine => engine.share(id, { peerId: two.peerId }, 'own'))
    round()
    one.do(engine => engine.share(id, { peerId: two.peerId }, 'read'))
    pull(one, other)
    // Two has not heard of it, and signs on: with some luck its charter has the lower hash.
    for (let n = 0; n < 6; n++) two.do(engine => engine.share(id, { peerId: device(`x${n}`).peerId }, 'read'))
    round()
    const grants = one.do(engine => engine.space(id)).grants
    assert.equal(
      grants.some(({ to }) => 'peerId' in to && to.peerId !== two.peerId),
      false
    )
    assert.equal(other.do(engine => engine.space(id)).grants.length, grants.length)
    assert.deepEqual(codes(one), [])
    sync(one, two)
    assert.equal(two.do(engine => engine.space(id)).right, 'write')
  })
})
