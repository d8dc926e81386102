/** Search over spaces: what is found is what can be read now, and nothing of it is on disk. */

import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { describe, it } from 'vitest'
import { type Clock, systemClock } from '../../../interface/clock.ts'
import type { MemoryChange, MemorySearch, MemoryValue } from '../../../interface/memory.ts'
import { hashOf as pieceHash, pieceKey } from '../../../node/memory/knowledge/file-fact.ts'
import { Recall } from '../../../node/memory/recall/recall.ts'
import type { EngineQuery } from '../../../node/memory/recall/types.ts'
import type { Spaces } from '../../../node/memory/space/spaces.ts'
import type { VectorTable } from '../../../storage/memory/vector-table.ts'
import { type Device, device, keyOfDevice, meet, pull, set, sync, temporaryHome } from './engines.ts'

function search(at: Device, text: string, options: Omit<EngineQuery, 'text'> = {}): MemorySearch {
  for (;;) {
    const found = at.do(engine => engine.search({ text, ...options }))
    if (found !== null) return found
  }
}

const texts = (at: Device, text: string, options: Omit<EngineQuery, 'text'> = {}): string[] =>
  search(at, text, options).found.map(found => found.text)

const write = (
  at: Device,
  space: string,
  doc: string,
  kind: 'journal' | 'tasks' | 'notes',
  ...changes: MemoryChange[]
) => at.do(engine => engine.write(space, doc, kind, changes))

function two(right: 'read' | 'write' = 'write'): { one: Device; other: Device; id: string } {
  const [one, other] = [device('one'), device('other')]
  meet([one, other])
  const { id } = one.do(engine => engine.create('home'))
  one.do(engine => engine.share(id, { peerId: other.peerId }, right))
  pull(one, other)
  return { one, other, id }
}

/** Vectors of two numbers: how much a text is about cats, and about ships. */
const vectorOf = (text: string): number[] => [
  /cat|kitten/.test(text) ? 1 : 0.1,
  /ship|boat/.test(text) ? 1 : 0.1
]

function embed(at: Device, model = 'm', spaces = at.do(engine => engine.searched())): string[] {
  return spaces.flatMap(space => {
    const made: string[] = []
    for (;;) {
      const next = at.do(engine => engine.unembedded(space, model, 2))
      if (next === null) return made
      if (next.length === 0) continue
      made.push(...next.map(({ text }) => text))
      const numbers = Float32Array.from(next.flatMap(({ text }) => vectorOf(text)))
      const ids = next.map(({ id }) => id)
      assert.ok(at.do(engine => engine.embedded({ space, model, ids, dimensions: 2, numbers })))
    }
  })
}

const meaning = (text: string, model = 'm') => ({
  vector: { model, numbers: Float32Array.from(vectorOf(text)) }
})

function picker(seed: number): (below: number) => number {
  let state = seed
  return below => {
    state = (state * 16807) % 2147483647
    return state % below
  }
}

/** Nothing of it is asked for: no model makes a vector. */
const NO_TABLE = {} as VectorTable

describe('a search', () => {
  it('finds facts by key and value, entries, tasks and paragraphs of notes, and says where each is', () => {
    const one = device('one')
    const { id } = one.do(engine => engine.create('home'))
    set(one, id, 'wifi', 'blue door')
    one.do(engine =>
      engine.write(id, 'default', 'facts', [{ type: 'set', key: 'cat', value: { food: 'tuna', age: 3 } }])
    )
    write(one, id, 'log', 'journal', {
      type: 'append',
      id: 'e1',
      value: { role: 'user', content: 'fed the cat' }
    })
    write(one, id, 'todo', 'tasks', { type: 'task', id: 't1', title: 'buy tuna', assignee: 'kim' })
    write(one, id, 'page', 'notes', {
      type: 'edit',
      at: 0,
      remove: 0,
      insert: 'First.\n\nThe blue boat.\n\nLast.'
    })
    const [wifi] = search(one, 'wifi').found
    assert.deepEqual(
      { ...wifi, score: 0 },
      {
        ...{ space: 'home', doc: 'default', kind: 'facts', key: 'wifi', text: 'blue door' },
        ...{ score: 0, writer: one.peerId, at: null, source: null }
      }
    )
    assert.deepEqual(new Set(texts(one, 'blue')), new Set(['blue door', 'The blue boat.']))
    assert.deepEqual(new Set(texts(one, 'tuna')), new Set(['age: 3\nfood: tuna', 'buy tuna (kim)']))
    const [entry] = search(one, 'fed').found
    assert.deepEqual(
      [entry?.doc, entry?.key, entry?.writer, typeof entry?.at],
      ['log', 'e1', one.peerId, 'number']
    )
    const [note] = search(one, 'boat').found
    assert.deepEqual([note?.key, note?.writer, note?.at], [null, null, null])
    assert.deepEqual(texts(one, 'blue tuna unknown').length, 4)
    assert.deepEqual(texts(one, ''), [])
  })

  it('looks only where and at what it is told to', () => {
    const one = device('one')
    for (const name of ['home', 'work']) {
      one.do(engine => engine.create(name))
      set(one, name, 'tea', `tea at ${name}`)
      write(one, name, 'log', 'journal', { type: 'append', value: `tea in the log of ${name}` })
    }
    const all = ['tea at home', 'tea at work', 'tea in the log of home', 'tea in the log of work']
    assert.deepEqual(texts(one, 'tea').sort(), all)
    assert.deepEqual(texts(one, 'tea', { spaces: ['home'] }).sort(), [all[0], all[2]])
    assert.deepEqual(texts(one, 'tea', { docs: ['log'] }).sort(), [all[2], all[3]])
    assert.deepEqual(texts(one, 'tea', { spaces: ['work'], kinds: ['facts'] }), [all[1]])
    assert.deepEqual(texts(one, 'tea', { since: 1 }).sort(), [all[2], all[3]])
    assert.deepEqual(texts(one, 'tea', { until: 1 }), [])
    assert.deepEqual(texts(one, 'tea', { writer: one.peerId }).length, 4)
    assert.deepEqual(texts(one, 'tea', { writer: 'nobody' }), [])
    assert.equal(texts(one, 'tea', { limit: 1 }).length, 1)
    assert.throws(() => search(one, 'tea', { spaces: ['none'] }), { code: 'MEMORY_NOT_FOUND' })
  })

  it('quotes a piece of a file, and only as long as its file has it', () => {
    const one = device('one')
    const { id } = one.do(engine => engine.create('home'))
    const piece = { text: 'The keel is made of oak.', heading: 'Hull' }
    const place = [pieceHash(piece), 3, 4] as const
    const file = {
      ...{ cid: 'bafy1', bytes: 9, type: 'text/markdown', by: 'line', title: 'Boats', modified: null },
      ...{ added: 1, root: null, pieces: [[...place]] }
    }
    const put = (key: string, value: typeof piece | typeof file) =>
      one.do(engine => engine.write(id, 'files', 'facts', [{ type: 'set', key, value }]))
    put('boats.md', file)
    put(pieceKey('boats.md', place[0]), piece)
    assert.deepEqual(
      search(one, 'keel').found.map(({ source }) => source),
      [
        {
          writer: one.peerId,
          added: 1,
          cid: 'bafy1',
          name: 'boats.md',
          type: 'text/markdown',
          piece: 1,
          pieces: 1,
          heading: 'Hull',
          lines: [3, 4]
        }
      ]
    )
    // Also by the name of its file, which is no hit itself.
    assert.deepEqual(texts(one, 'boats'), ['The keel is made of oak.'])
    put('boats.md', { ...file, pieces: [] })
    assert.deepEqual(texts(one, 'keel'), [])
    const long = { text: `rudder ${'x'.repeat(100_000)}` }
    put('boats.md', { ...file, pieces: [[pieceHash(long), 3, 4]] })
    put(pieceKey('boats.md', pieceHash(long)), long as typeof piece)
    assert.deepEqual(
      texts(one, 'rudder').map(({ length }) => length),
      [8000]
    )
  })

  it('names the device that states what a file is, though another one has written the piece', () => {
    const { one, other, id } = two()
    const piece = { text: 'The rent is ten.' }
    const set = (at: Device, key: string, value: MemoryValue) =>
      at.do(engine => engine.write(id, 'files', 'facts', [{ type: 'set', key, value }]))
    const file = {
      ...{ cid: 'true', bytes: 9, type: 'text/plain', by: 'line', title: null, modified: null },
      ...{ added: 1, root: null, pieces: [[pieceHash(piece), 1, 1]] }
    }
    set(one, pieceKey('a.txt', pieceHash(piece)), piece)
    set(one, 'a.txt', file)
    sync(one, other)
    set(other, 'a.txt', { ...file, cid: 'false', added: 2 })
    sync(one, other)
    const [hit] = search(one, 'rent').found
    assert.equal(hit!.writer, one.peerId)
    const { writer, cid, added } = hit!.source!
    assert.deepEqual({ writer, cid, added }, { writer: other.peerId, cid: 'false', added: 2 })
  })

  it('has its ranks for what is shown: pieces that no file lists take none, nor vectors', () => {
    const { one, other, id } = two()
    set(one, id, 'plan', 'we meet where the keel is laid on the second day of the month, says the plan')
    const junk = Array.from({ length: 250 }, (_, n) => ({ text: `keel keel ${n}` }))
    other.do(engine =>
      engine.write(
        ...([id, 'files', 'facts'] as const),
        junk.map(value => ({ type: 'set', key: pieceKey('x', pieceHash(value)), value }) as const)
      )
    )
    sync(one, other)
    assert.deepEqual(texts(one, 'keel'), [
      'we meet where the keel is laid on the second day of the month, says the plan'
    ])
    assert.equal(embed(one).length, 1)
    const place = [pieceHash(junk[7]!), 1, 1]
    const file = {
      ...{ cid: 'bafy1', bytes: 9, type: 'text/plain', by: 'line', title: null, modified: null },
      ...{ added: 1, root: null, pieces: [place] }
    }
    other.do(engine => engine.write(id, 'files', 'facts', [{ type: 'set', key: 'x', value: file }]))
    sync(one, other)
    assert.equal(texts(one, 'keel').length, 2)
    other.do(engine => engine.write(id, 'files', 'facts', [{ type: 'unset', key: 'x' }]))
    sync(one, other)
    assert.equal(texts(one, 'keel').length, 1)
  })

  it('finds the text of one space, however many newer ones another space has', () => {
    const one = device('one')
    for (const name of ['home', 'flood']) one.do(engine => engine.create(name))
    set(one, 'home', 'plum', 'plum')
    for (let n = 0; n < 11; n++)
      write(
        ...([one, 'flood', 'log', 'journal'] as const),
        ...Array.from({ length: 200 }, (_, i) => ({ type: 'append', value: `a plum ${n} ${i}` }) as const)
      )
    assert.deepEqual(texts(one, 'plum')[0], 'plum')
  })

  it('follows what is written, overwritten and removed, here and elsewhere', () => {
    const { one, other, id } = two()
    set(one, id, 'boat', 'red boat')
    write(one, id, 'log', 'journal', { type: 'append', id: 'e1', value: 'boat sighted' })
    sync(one, other)
    assert.deepEqual(texts(other, 'boat').sort(), ['boat sighted', 'red boat'])
    set(other, id, 'boat', 'green boat')
    write(one, id, 'log', 'journal', { type: 'remove', id: 'e1' })
    write(one, id, 'page', 'notes', { type: 'edit', at: 0, remove: 0, insert: 'A boat.' })
    sync(one, other)
    for (const at of [one, other]) assert.deepEqual(texts(at, 'boat').sort(), ['A boat.', 'green boat'])
    write(other, id, 'page', 'notes', { type: 'edit', at: 2, remove: 4, insert: 'ship' })
    other.do(engine => engine.write(id, 'default', 'facts', [{ type: 'unset', key: 'boat' }]))
    sync(one, other)
    for (const at of [one, other]) assert.deepEqual(texts(at, 'boat ship'), ['A ship.'])
  })

  it('finds nothing of an excluded writer, a forgotten document or a space that is gone', () => {
    const { one, other, id } = two()
    set(one, id, 'a', 'pear of one')
    set(other, id, 'b', 'pear of other')
    set(one, id, 'c', 'pear of the past', 'old')
    sync(one, other)
    assert.equal(texts(one, 'pear').length, 3)
    one.do(engine => engine.exclude(id, other.peerId))
    assert.deepEqual(texts(one, 'pear').sort(), ['pear of one', 'pear of the past'])
    one.do(engine => engine.forget(id, { doc: 'old' }))
    assert.deepEqual(texts(one, 'pear'), ['pear of one'])
    set(one, id, 'd', 'pear of now', 'old')
    assert.deepEqual(texts(one, 'pear').sort(), ['pear of now', 'pear of one'])
    one.do(engine => engine.forget(id))
    assert.deepEqual(texts(one, 'pear'), [])
  })

  it('has after each of many changes what an index that is made anew has', () => {
    const { one, other, id } = two()
    const devices = [one, other]
    const pick = picker(11)
    for (let round = 0; round < 60; round++) {
      const at = devices[pick(2)]!
      const doc = `d${pick(3)}`
      if (pick(4) === 0) write(at, id, `j${doc}`, 'journal', { type: 'append', value: `plum ${round}` })
      else if (pick(3) === 0)
        write(at, id, `n${doc}`, 'notes', { type: 'edit', at: 0, remove: 0, insert: `plum ${round}\n\n` })
      else set(at, id, `k${pick(4)}`, `plum ${round}`, doc)
      if (round % 5 === 0) sync(one, other)
      if (round % 7 === 0) texts(at, 'plum')
      if (round === 40) one.do(engine => engine.compact(id))
      if (round % 10 !== 9) continue
      for (const device of devices) {
        const kept = texts(device, 'plum', { limit: 100 }).sort()
        device.do(engine => engine.closeIndex())
        assert.deepEqual(kept, texts(device, 'plum', { limit: 100 }).sort())
      }
    }
  })

  it('builds in steps, so that writes go on meanwhile and are found', () => {
    // Each look at the clock is a step of ten milliseconds.
    let now = 0
    const clock: Clock = { ...systemClock, monotonicMs: () => (now += 10) }
    const one = device('one', { clock })
    const { id } = one.do(engine => engine.create('home'))
    for (let n = 0; n < 10; n++)
      write(
        one,
        id,
        'log',
        'journal',
        ...Array.from({ length: 200 }, (_, i) => ({ type: 'append', value: `fig ${n} ${i}` }) as const)
      )
    let steps = 0
    for (; one.do(engine => engine.search({ text: 'late' })) === null; steps++) {
      if (steps === 2) write(one, id, 'log', 'journal', { type: 'append', id: 'x', value: 'late fig' })
      if (steps === 3) set(one, id, 'y', 'late fact')
      if (steps === 4) one.do(engine => engine.exclude(id, keyOfDevice('other').peerId))
    }
    assert.ok(steps > 5, `${steps}`)
    assert.deepEqual(texts(one, 'late').sort(), ['late fact', 'late fig'])
    assert.equal(texts(one, 'fig', { limit: 100 }).length, 100)
  })

  it('reads one long text in steps too, and a text that changes as fast as it is read still gets found', () => {
    const EDITS_MAX = 20
    let now = 0
    const clock: Clock = { ...systemClock, monotonicMs: () => (now += 10) }
    const one = device('one', { clock })
    const { id } = one.do(engine => engine.create('home'))
    const long = (n: number) =>
      Array.from({ length: 400 }, (_, i) => `Paragraph ${n * 400 + i} of figs.`).join('\n\n')
    const edit = (insert: string) =>
      write(one, id, 'book', 'notes', { type: 'edit', at: 0, remove: 0, insert })
    for (let n = 0; n < 2; n++) edit(`${long(n)}\n\n`)
    let steps = 0
    for (; one.do(engine => engine.search({ text: 'figs' })) === null; steps++) set(one, id, 'y', `${steps}`)
    assert.ok(steps > 4, `${steps}`)
    assert.deepEqual(texts(one, '799'), ['Paragraph 799 of figs.'])
    const changed = (): number => {
      let edits = 0
      while (edits < EDITS_MAX && one.do(engine => engine.search({ text: 'figs' })) === null)
        edit(`plum${edits++}\n\n`)
      return edits
    }
    edit('quince\n\n')
    assert.ok(changed() < EDITS_MAX)
    edit('medlar\n\n')
    assert.deepEqual(texts(one, 'medlar quince').sort(), ['medlar', 'quince'])
  })

  it('keeps no plain text in any file, before and after it has let the index go', () => {
    const home = temporaryHome()
    const one = device('one', { home })
    const CANARY = 'canary-5d21e8'
    one.do(engine => engine.create('home'))
    set(one, 'home', CANARY, `${CANARY} sings`)
    for (let n = 0; n < 30; n++)
      write(
        one,
        'home',
        'log',
        'journal',
        ...Array.from({ length: 100 }, (_, i) => ({ type: 'append', value: `${CANARY} ${n} ${i}` }) as const)
      )
    assert.equal(texts(one, CANARY, { limit: 100 }).length, 100)
    embed(one)
    const isThere = () => readdirSync(home).filter(name => readFileSync(`${home}/${name}`).includes(CANARY))
    assert.deepEqual(isThere(), [])
    one.do(engine => engine.save())
    one.do(engine => engine.closeIndex())
    assert.deepEqual(isThere(), [])
  })

  it('has a bound of bytes, and says how many texts are beyond it', () => {
    const one = device('one')
    const { id } = one.do(engine => engine.create('home'))
    for (let n = 0; n < 10; n++)
      write(
        one,
        id,
        'log',
        'journal',
        ...Array.from(
          { length: 50 },
          (_, i) => ({ type: 'append', value: `nut ${n} ${i} ${'x'.repeat(900)}` }) as const
        )
      )
    const recall = one.do(engine => new Recall((engine as unknown as { all: Spaces }).all, NO_TABLE, 300_000))
    let found: MemorySearch | null = null
    while (found === null) found = one.do(() => recall.search({ text: 'nut', limit: 100 }))
    assert.equal(found.found.length, 100)
    assert.ok(found.left > 100 && found.left < 400, `${found.left}`)
    recall.close()
  })
})

describe('the room of the index', () => {
  it('is shared: a space that is flooded takes none of another, and what had no room comes when there is some', () => {
    const one = device('one')
    const big = 'x'.repeat(900)
    const [flood, home] = ['flood', 'home'].map(name => one.do(engine => engine.create(name)).id) as [
      string,
      string
    ]
    for (const doc of ['a', 'b'])
      for (let n = 0; n < 5; n++)
        write(
          ...([one, flood, doc, 'journal'] as const),
          ...Array.from(
            { length: 50 },
            (_, i) => ({ type: 'append', value: `nut ${n} ${i} ${big}` }) as const
          )
        )
    set(one, home, 'a', 'one nut')
    const recall = one.do(engine => new Recall((engine as unknown as { all: Spaces }).all, NO_TABLE, 700_000))
    const find = (text: string, spaces?: string[]) => {
      for (;;) {
        const found = one.do(() => recall.search({ text, limit: 100, ...(spaces && { spaces }) }))
        if (found !== null) return found
      }
    }
    assert.ok(find('nut', [flood]).left > 100)
    assert.deepEqual([find('one', [home]).found.length, find('one', [home]).left], [1, 0])
    const before = find('nut', [flood]).left
    one.do(engine => engine.forget(flood, { doc: 'a' }))
    recall.noticed({ type: 'space', space: flood, gone: false })
    assert.ok(find('nut', [flood]).left < before - 100)
    recall.close()
  })
})

describe('a search by meaning', () => {
  function ships(): { one: Device; id: string } {
    const one = device('one')
    const { id } = one.do(engine => engine.create('home'))
    set(one, id, 'pet', 'a kitten sleeps')
    set(one, id, 'sea', 'the boat sails')
    texts(one, '')
    return { one, id }
  }

  it('finds what no word of it is in, and one order of both ways', () => {
    const { one } = ships()
    assert.equal(search(one, 'ship').pending, 2)
    embed(one)
    const near = search(one, 'ship', { mode: 'vector', ...meaning('ship') })
    assert.deepEqual(
      near.found.map(({ key }) => key),
      ['sea', 'pet']
    )
    assert.deepEqual([near.mode, near.model, near.pending], ['vector', 'm', 0])
    const both = search(one, 'cat sleeps', meaning('cat'))
    assert.deepEqual([both.mode, both.found[0]?.key], ['hybrid', 'pet'])
    assert.deepEqual(texts(one, 'ship', { mode: 'text', ...meaning('ship') }), [])
  })

  it('has words only where there is no vector of the question, and says so', () => {
    const { one } = ships()
    assert.deepEqual(
      [search(one, 'boat').mode, texts(one, 'boat', { mode: 'vector' })],
      ['text', ['the boat sails']]
    )
    embed(one)
    assert.equal(search(one, 'boat', meaning('boat', 'another')).mode, 'text')
  })

  it('needs a vector of one text where one has changed, and of all for another model', () => {
    const { one, id } = ships()
    assert.deepEqual(embed(one), ['pet: a kitten sleeps', 'sea: the boat sails'])
    set(one, id, 'sea', 'the ship sinks')
    write(one, id, 'page', 'notes', { type: 'edit', at: 0, remove: 0, insert: 'One.\n\nTwo.' })
    texts(one, '')
    assert.deepEqual(embed(one), ['sea: the ship sinks', 'One.', 'Two.'])
    write(one, id, 'page', 'notes', { type: 'edit', at: 0, remove: 0, insert: 'Before.\n\n' })
    texts(one, '')
    assert.deepEqual(embed(one), ['Before.'])
    assert.equal(embed(one, 'm2').length, 5)
    assert.equal(search(one, 'ship', { mode: 'vector', ...meaning('ship', 'm2') }).found[0]?.key, 'sea')
  })

  it('needs none that was made before, also after a start; what is forgotten leaves the disk, with its vectors', () => {
    const home = temporaryHome()
    const before = device('one', { home })
    const { id } = before.do(engine => engine.create('home'))
    const many = Array.from({ length: 600 }, (_, n) => ({ type: 'append', value: `boat ${n}` }) as const)
    for (let n = 0; n < many.length; n += 200) write(before, id, 'log', 'journal', ...many.slice(n, n + 200))
    set(before, id, 'pet', 'a kitten sleeps')
    texts(before, '')
    assert.equal(embed(before).length, 601)
    before.do(engine => engine.save())
    before.close()
    const one = device('one', { home })
    set(one, id, 'sea', 'the boat sails')
    texts(one, '')
    assert.deepEqual(embed(one), ['sea: the boat sails'])
    assert.deepEqual(search(one, 'cat', { mode: 'vector', ...meaning('cat') }).found[0]?.key, 'pet')
    const rows = () => {
      const stored = new DatabaseSync(one.path, { readOnly: true })
      const boxes = stored.prepare('SELECT box FROM vectors').all()
      stored.close()
      return boxes.length
    }
    assert.equal(rows(), 5)
    one.do(engine => engine.forget(id, { doc: 'log' }))
    assert.equal(rows(), 2)
    one.do(engine => engine.closeIndex())
    texts(one, '')
    assert.equal(embed(one, 'm2').length, 2)
    assert.equal(rows(), 1)
    one.do(engine => engine.forget(id))
    assert.equal(rows(), 0)
  })

  it('gives no model a text that is forgotten or of an excluded writer, and keeps no vector of it', () => {
    const { one, other, id } = two()
    set(one, id, 'pet', 'a kitten sleeps', 'old')
    set(other, id, 'sea', 'the boat sails')
    sync(one, other)
    texts(one, '')
    const next = one.do(engine => engine.unembedded(id, 'm', 1))!
    assert.equal(next.length, 1)
    one.do(engine => engine.forget(id, { doc: 'old' }))
    one.do(engine => engine.exclude(id, other.peerId))
    const ids = next.map(({ id }) => id)
    const numbers = Float32Array.of(1, 0)
    one.do(engine => engine.embedded({ space: id, model: 'm', ids, dimensions: 2, numbers }))
    assert.deepEqual(embed(one), [])
    const stored = new DatabaseSync(one.path, { readOnly: true })
    assert.deepEqual(stored.prepare('SELECT box FROM vectors').all(), [])
    stored.close()
  })

  it('has a model of each space: what is false or another one in one space changes nothing in another', () => {
    const home = temporaryHome()
    const before = device('one', { home })
    const [a, b] = ['home', 'work'].map(name => before.do(engine => engine.create(name)).id) as [
      string,
      string
    ]
    set(before, a, 'pet', 'a kitten sleeps')
    set(before, b, 'sea', 'the boat sails')
    texts(before, '')
    // Of another length than its model makes.
    const { id } = before.do(engine => engine.unembedded(a, 'm', 1))![0]!
    const lie = { space: a, model: 'm', ids: [id], dimensions: 3, numbers: Float32Array.of(1, 1, 1) }
    assert.ok(before.do(engine => engine.embedded(lie)))
    assert.equal(embed(before, 'm', [b]).length, 1)
    const near = (at: Device, model: string) =>
      search(at, 'ship', { mode: 'vector', ...meaning('ship', model) }).found.map(({ key }) => key)
    assert.deepEqual(near(before, 'm'), ['sea'])
    assert.equal(embed(before, 'm2', [a]).length, 1)
    assert.deepEqual([near(before, 'm'), near(before, 'm2')], [['sea'], ['pet']])
    before.do(engine => engine.save())
    before.close()
    const one = device('one', { home })
    texts(one, '')
    assert.deepEqual([embed(one, 'm2', [a]), embed(one, 'm', [b])], [[], []])
  })

  it('keeps few vectors of texts that are gone, also while searches go on', () => {
    const { one, id } = ships()
    for (let n = 0; n < 36; n++) {
      set(one, id, 'sea', `the boat sails ${n}`)
      texts(one, '')
      assert.equal(embed(one).length, n === 0 ? 2 : 1)
    }
    const stored = new DatabaseSync(one.path, { readOnly: true })
    const { length } = stored.prepare('SELECT box FROM vectors').all()
    stored.close()
    assert.ok(length < 5, `${length}`)
    one.do(engine => engine.closeIndex())
    texts(one, '')
    assert.deepEqual(embed(one), [])
  })

  it('keeps what a model made until another one has made all, so that it can come back', () => {
    const { one, id } = ships()
    embed(one)
    assert.equal(one.do(engine => engine.unembedded(id, 'm2', 1))?.length, 0)
    while (one.do(engine => engine.unembedded(id, 'm2', 1))?.length === 0);
    assert.deepEqual(embed(one), [])
    assert.equal(embed(one, 'm2').length, 2)
    assert.equal(embed(one).length, 2)
  })

  it('takes no vectors of another length, and none of a text that has changed meanwhile', () => {
    const { one, id } = ships()
    const next = one.do(engine => engine.unembedded(id, 'm', 2))!
    set(one, id, 'sea', 'the cat sails')
    texts(one, '')
    const ids = next.map(({ id }) => id)
    const answer = { space: id, model: 'm', ids, dimensions: 2, numbers: Float32Array.of(1, 0, 0, 1) }
    assert.equal(
      one.do(engine => engine.embedded(answer)),
      true
    )
    assert.deepEqual(search(one, '').pending, 1)
    assert.equal(
      one.do(engine => engine.embedded({ ...answer, dimensions: 4 })),
      false
    )
    assert.equal(
      one.do(engine => engine.embedded({ ...answer, model: 'm3' })),
      false
    )
    assert.deepEqual(embed(one), ['sea: the cat sails'])
  })
})
