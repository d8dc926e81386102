/** Spaces, their log and their rights, between engines that hand each other bytes. */

import assert from 'node:assert/strict'
import { copyFileSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, it } from 'vitest'
import { openDoc } from '../../../node/memory/docs/index.ts'
import { device, facts, hashOf, meet, pull, set, sync, temporaryHome } from './engines.ts'

/** A space of `one` in which `two` has this right. */
function shared(right: 'read' | 'write' | 'own' = 'write') {
  const [one, two] = [device('one'), device('two')]
  meet([one, two])
  const { id } = one.do(engine => engine.create('notes'))
  one.do(engine => engine.share(id, { peerId: two.peerId }, right))
  pull(one, two)
  return { one, two, id }
}

describe('a space', () => {
  it('keeps what was written when the database is opened anew', () => {
    const home = temporaryHome()
    const first = device('one', { home })
    const { id } = first.do(engine => engine.create('notes'))
    set(first, 'notes', 'colour', 'green')
    set(first, id, 'colour', 'blue')
    const hash = hashOf(first, id)
    first.close()
    const second = device('one', { home })
    assert.deepEqual({ ...facts(second, 'notes') }, { colour: 'blue' })
    assert.equal(hashOf(second, id), hash)
    assert.deepEqual(
      second.do(engine => engine.verify('notes')),
      { envelopes: 2, problems: [] }
    )
    assert.throws(() => second.do(engine => engine.create('notes')), { code: 'INVALID_INPUT' })
    assert.throws(() => facts(second, 'other'), { code: 'MEMORY_NOT_FOUND' })
  })

  it('converges on two devices that wrote at once', () => {
    const { one, two, id } = shared()
    for (let n = 0; n < 20; n++) {
      set(one, id, `of one ${n}`, 'yes')
      set(two, id, `of two ${n}`, 'yes')
      set(n % 2 === 0 ? one : two, id, 'both', String(n))
    }
    sync(one, two)
    assert.equal(hashOf(one, id), hashOf(two, id))
    assert.equal(Object.keys(facts(one, id)).length, 41)
    assert.deepEqual(facts(one, id), facts(two, id))
  })

  it('says nothing of itself to a device without a right, and lets a reader not write', () => {
    const { one, two, id } = shared('read')
    const three = device('three')
    meet([one, two, three])
    set(one, id, 'colour', 'green')
    pull(one, two)
    assert.deepEqual({ ...facts(two, id) }, { colour: 'green' })
    assert.throws(() => set(two, id, 'colour', 'red'), { code: 'MEMORY_DENIED' })
    assert.throws(() => two.do(engine => engine.share(id, { role: 'member' }, 'read')), {
      code: 'MEMORY_DENIED'
    })
    assert.deepEqual(
      one.do(engine => engine.statesFor(three.peerId)),
      []
    )
    assert.deepEqual(one.do(engine => engine.charters(id, 1, three.peerId)).records, [])
  })

  it('takes envelopes in any order, and each once', () => {
    const { one, two, id } = shared()
    for (let n = 0; n < 8; n++) {
      set(one, id, `key ${n}`, 'value')
      if (n === 3) sync(one, two)
      if (n === 3) set(two, id, 'of two', 'seen')
      if (n === 4) sync(one, two)
    }
    const envelopes = one.do(engine => engine.envelopesAfter(id, [], 1_000_000))
    const three = device('three')
    meet([one, two, three])
    one.do(engine => engine.share(id, { peerId: three.peerId }, 'read'))
    const bundle = one.do(engine => engine.charters(id, 1, three.peerId))
    three.do(engine => engine.acceptCharters(id, bundle, one.peerId))
    const backwards = [...envelopes].reverse()
    const accepted = three.do(engine => engine.accept(id, [...backwards, ...backwards], one.peerId))
    assert.deepEqual(accepted, { taken: 9, waiting: 0, refused: [] })
    assert.equal(hashOf(three, id), hashOf(one, id))
  })

  it('leaves no word of it in the home in plain text', () => {
    const home = temporaryHome()
    const CANARY = 'canary-3f9a7c'
    const one = device('one', { home })
    one.do(engine => engine.create(CANARY))
    set(one, CANARY, CANARY, `${CANARY} is yellow`, CANARY)
    one.do(engine =>
      engine.write(CANARY, `${CANARY}.txt`, 'notes', [{ type: 'edit', at: 0, remove: 0, insert: CANARY }])
    )
    one.do(engine => engine.save())
    // A snapshot is compressed, so that a word in it would not be found: it must not open at all.
    const stored = new DatabaseSync(one.path, { readOnly: true })
    const snapshots = stored.prepare('SELECT snapshot FROM doc').all()
    stored.close()
    assert.equal(snapshots.length, 2)
    for (const { snapshot } of snapshots)
      for (const kind of ['facts', 'notes'] as const)
        assert.throws(() => openDoc(kind, snapshot as Uint8Array, new Set()), { code: 'MEMORY_INVALID' })
    one.do(engine => engine.compact(CANARY))
    for (const name of readdirSync(home)) {
      const bytes = readFileSync(join(home, name))
      assert.equal(bytes.includes(CANARY), false, name)
    }
    one.close()
    for (const name of readdirSync(home)) assert.equal(readFileSync(join(home, name)).includes(CANARY), false)
  })

  it('goes on in a new life where the home was copied, and nothing of either copy is lost', () => {
    const { one, two, id } = shared()
    set(two, id, 'before', 'the copy')
    two.close()
    const home = temporaryHome()
    copyFileSync(two.path, join(home, 'memory.db'))
    const original = device('two', { home: dirname(two.path) })
    const copy = device('two', { home })
    meet([one, original, copy])
    set(original, id, 'original', 'yes')
    set(copy, id, 'copy', 'yes')
    for (let n = 0; n < 2; n++) for (const other of [original, copy]) sync(one, other)
    assert.deepEqual({ ...facts(one, id) }, { before: 'the copy', original: 'yes', copy: 'yes' })
    assert.equal(hashOf(one, id), hashOf(copy, id))
    assert.equal(hashOf(one, id), hashOf(original, id))
  })
})
