/** Spaces, their log and their rights, between engines that hand each other bytes. */

import assert from 'node:assert/strict'
import { copyFileSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, it } from 'vitest'
import type { DocKind, MemoryChange } from '../../../interface/memory.ts'
import { openDoc } from '../../../node/memory/docs/index.ts'
import type { LocalEngine } from '../../../node/memory/worker/local-engine.ts'
import { type Device, device, facts, hashOf, meet, pull, set, sync, temporaryHome } from './engines.ts'

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

  it('says what there is where a name is mistaken', () => {
    const { one } = shared()
    set(one, 'notes', 'colour', 'green')
    set(one, 'notes', 'colour', 'green', 'diary')
    const failing = (work: (engine: LocalEngine) => unknown, hint: string) =>
      assert.throws(() => one.do(work), { code: 'MEMORY_NOT_FOUND', hint })
    failing(engine => engine.read('note', 'diary'), 'Closest: notes. See: lumos-node memory list')
    failing(engine => engine.read('notes', 'dairy'), 'Closest: diary. It has: default, diary.')
    failing(engine => engine.forget('notes', { doc: 'x' }), 'It has: default, diary.')
    failing(
      engine => engine.write('notes', 'log', null, [{ type: 'remove', id: 'x' }]),
      'It has: default, diary.'
    )
    assert.throws(
      () => one.do(engine => engine.write('notes', 'diary', 'journal', [{ type: 'append', value: 1 }])),
      { code: 'INVALID_INPUT', hint: 'Facts take `set` and `unset`.' }
    )
  })

  it('has for each change the kind of the document that is there, else that of the change', () => {
    const { one } = shared()
    const write = (doc: string, change: MemoryChange) =>
      one.do(engine => engine.write('notes', doc, null, [change]))
    write('a', { type: 'append', id: 'x', value: 1 })
    write('b', { type: 'text', text: 'words' })
    write('c', { type: 'task', title: 'buy milk' })
    write('d', { type: 'set', key: 'x', value: 1 })
    one.do(engine => engine.write('notes', 'e', 'thread', [{ type: 'append', value: 1 }]))
    write('e', { type: 'append', value: 2 })
    write('a', { type: 'remove', id: 'x' })
    assert.deepEqual(
      one.do(engine => engine.docs('notes')).map(({ name, kind }) => `${name} ${kind}`),
      ['b notes', 'c tasks', 'd facts', 'e thread']
    )
  })

  it('writes nothing where nothing changes', () => {
    const { one } = shared()
    const append = () =>
      one.do(engine => engine.write('notes', 'log', null, [{ type: 'append', id: 'x', value: 1 }]))
    assert.equal(append().seq, 1)
    assert.equal(append().seq, 1)
    assert.equal(one.do(engine => engine.history('notes')).length, 1)
    assert.equal(one.do(engine => engine.write('notes', 'log', null, [{ type: 'append', value: 2 }])).seq, 2)
  })

  it('gives the last entries of a journal, and the history of one document', () => {
    const { one } = shared()
    for (let value = 1; value <= 5; value++)
      one.do(engine => engine.write('notes', 'log', null, [{ type: 'append', value }]))
    set(one, 'notes', 'colour', 'green')
    const read = (last: number) => {
      const content = one.do(engine => engine.read('notes', 'log', { last }))
      assert.ok(content.kind === 'journal')
      return [content.entries.map(({ value }) => value), content.earlier]
    }
    assert.deepEqual(read(2), [[4, 5], 3])
    assert.deepEqual(read(9), [[1, 2, 3, 4, 5], 0])
    const docs = (doc?: string) => one.do(engine => engine.history('notes', { doc })).map(item => item.doc)
    assert.deepEqual(docs('default'), ['default'])
    assert.deepEqual(docs('log').length, 5)
    assert.deepEqual(docs('other'), [])
  })

  it('has both documents where two devices made two kinds of one name at once', () => {
    const { one, two, id } = shared()
    one.do(engine => engine.write(id, 'log', 'journal', [{ type: 'append', value: 'of one' }]))
    two.do(engine => engine.write(id, 'log', 'thread', [{ type: 'append', value: 'of two' }]))
    sync(one, two)
    for (const at of [one, two]) {
      const values = (kind?: DocKind) => {
        const content = at.do(engine => engine.read(id, 'log', { kind }))
        return 'entries' in content && content.entries.map(({ value }) => value)
      }
      assert.deepEqual([values(), values('journal'), values('thread')], [['of one'], ['of one'], ['of two']])
      assert.throws(() => values('notes'), {
        code: 'MEMORY_NOT_FOUND',
        message: /no document log of the kind notes/
      })
    }
    two.do(engine => engine.write(id, 'log', 'thread', [{ type: 'append', value: 'more' }]))
    const copied = one.do(engine => engine.import('copy', engine.export(id)))
    assert.equal(copied.docs, 2)
    const apart = one.do(engine => engine.read('copy', 'log-thread'))
    assert.ok('entries' in apart && apart.entries[0]!.value === 'of two')
    one.do(engine => engine.forget(id, { doc: 'log' }))
    assert.deepEqual(
      one.do(engine => engine.docs(id)),
      []
    )
  })

  it('with two values of one id is imported with both', () => {
    const { one, two, id } = shared()
    const append = (at: Device, value: number) =>
      at.do(engine => engine.write(id, 'log', null, [{ type: 'append', id: 'x', value }]))
    append(one, 1)
    append(two, 2)
    sync(one, two)
    one.do(engine => engine.import('copy', engine.export(id)))
    const content = one.do(engine => engine.read('copy', 'log'))
    assert.ok(content.kind === 'journal')
    assert.deepEqual(content.entries.map(({ value }) => value).sort(), [1, 2])
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
