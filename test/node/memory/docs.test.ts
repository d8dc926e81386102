import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { DOC_KINDS, type DocKind, type MemoryChange } from '../../../interface/memory.ts'
import { openDoc } from '../../../node/memory/docs/index.ts'
import { WRITER_BYTES_MAX } from '../../../node/memory/docs/limits.ts'
import { keysIn } from '../../../node/memory/docs/touched.ts'
import { Device, meet } from './devices.ts'

const two = (kind: DocKind): [Device, Device] => [new Device(kind, 1), new Device(kind, 2)]

/** What both read, once they have met: it must be the same. */
function met(a: Device, b: Device): unknown {
  meet([a, b])
  expect(a.hash()).toBe(b.hash())
  expect(a.doc.read()).toEqual(b.doc.read())
  return a.doc.read()
}

const set = (key: string, value: string): MemoryChange => ({ type: 'set', key, value })
const entry = (value: string, id?: string): MemoryChange => ({ type: 'append', value, id })
const valuesOf = (device: Device): unknown[] => {
  const content = device.doc.read()
  return content.kind === 'journal' || content.kind === 'thread'
    ? content.entries.map(({ value }) => value)
    : []
}

describe('a long journal', () => {
  it('is opened, read and hashed in many short steps, and is the same then', () => {
    const [a, b] = two('journal')
    const [steps, none] = [6, new Set<number>()]
    for (let n = 0; n < steps; n++)
      a.write(...Array.from({ length: 3000 }, (_, i) => entry('x', `${n} ${i}`)))
    a.write({ type: 'remove', id: '0 1' }, { type: 'remove', id: '5 2999' })
    b.write(entry('of b'))
    meet([a, b])
    const snapshot = a.doc.snapshot()
    let going = 0
    const opened = openDoc('journal', snapshot, none, () => going++)
    // Of each: 8,192 entries at most.
    expect(going).toBeGreaterThanOrEqual(5)
    going = 0
    expect(Buffer.from(opened.hash()).toString('hex')).toBe(a.hash())
    expect(going).toBeGreaterThanOrEqual(4)
    expect(opened.snapshot()).toEqual(snapshot)
    expect(opened.entries()).toBe(3000 * steps - 1)
  })
})

describe('an update', () => {
  it('names the keys that it has written, by its bytes alone', () => {
    const keys = (kind: DocKind, ...changes: MemoryChange[]) => {
      const device = new Device(kind, 1)
      device.write(...changes)
      return keysIn(kind, device.log[0]!.update)
    }
    const long = 'ä'.repeat(200)
    const second = set('second', 'x'.repeat(100_000))
    expect(keys('facts', set('city', 'Bern'), second, set(long, ''))).toEqual(['city', 'second', long])
    expect(keys('journal', entry('a', 'one'), entry('b', 'two'))).toEqual(['one', 'two'])
    expect(keys('thread', entry('a', 'one'))).toEqual(['one'])
    expect(keys('tasks', { type: 'task', id: 'a/b', title: 'x', state: 'done' })).toEqual(['a/b'])
    expect(keys('notes', { type: 'edit', at: 0, remove: 0, insert: 'text' })).toEqual([])
    const many = Array.from({ length: 300 }, (_, i) => set(`k${i}`, 'v'))
    expect(keys('facts', ...many)).toHaveLength(100)
  })

  it('of another form names nothing that is not in it', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.constantFrom(...DOC_KINDS), (bytes, kind) => {
        expect(keysIn(kind, bytes).join('').length).toBeLessThanOrEqual(bytes.length)
      })
    )
  })
})

describe('facts', () => {
  it('have what was said last, and no key that was unset', () => {
    const [a, b] = two('facts')
    a.write(set('city', 'Bern'), set('pet', 'cat'))
    meet([a, b])
    b.write(set('city', 'Basel'), { type: 'unset', key: 'pet' })
    expect(met(a, b)).toEqual({ kind: 'facts', facts: { city: 'Basel' } })
    expect(a.doc.get('city')).toBe('Basel')
    expect(a.doc.get('pet')).toBeUndefined()
    expect(a.doc.entries()).toBe(1)
  })

  it('that two devices make at once end as one of both values, the same on both', () => {
    const [a, b] = two('facts')
    a.write(set('city', 'Bern'))
    b.write(set('city', 'Basel'))
    expect(met(a, b)).toEqual({ kind: 'facts', facts: { city: 'Basel' } })
  })

  it('are as if an excluded writer had never written', () => {
    const [a, b] = two('facts')
    a.write(set('city', 'Bern'), set('pet', 'cat'))
    meet([a, b])
    b.write(set('city', 'Basel'), { type: 'unset', key: 'pet' }, set('own', 'x'))
    meet([a, b])
    const without = a.reopened(new Set([b.client]))
    expect(without.read()).toEqual({ kind: 'facts', facts: { city: 'Bern', pet: 'cat' } })
  })
})

describe('a journal', () => {
  it('has each entry once, in the order in which they were said', () => {
    const [a, b] = two('journal')
    a.write(entry('a1'))
    meet([a, b])
    b.write(entry('b1', 'same'))
    a.write(entry('b1', 'same'), entry('a2'))
    met(a, b)
    expect(valuesOf(a)).toEqual(['a1', 'b1', 'a2'])
  })

  it('keeps both of two values that were said under one id', () => {
    const [a, b] = two('journal')
    a.write(entry('one', 'step'))
    b.write(entry('two', 'step'))
    met(a, b)
    expect(valuesOf(a)).toEqual(['one', 'two'])
  })

  it('gives its entry back when the device that removed it is excluded', () => {
    const [a, b] = two('journal')
    a.write(entry('a1', 'x'))
    meet([a, b])
    b.write({ type: 'remove', id: 'x' })
    met(a, b)
    expect(valuesOf(a)).toEqual([])
    expect(a.reopened(new Set([b.client])).entries()).toBe(1)
  })

  it('refuses another value for an id that it has', () => {
    const [a] = two('journal')
    a.write(entry('one', 'step'))
    expect(a.write(entry('one', 'step'))).toEqual(['step'])
    expect(() => a.write(entry('two', 'step'))).toThrow(expect.objectContaining({ code: 'INVALID_INPUT' }))
  })
})

describe('a thread', () => {
  it('keeps together what each device said while they were apart', () => {
    const [a, b] = two('thread')
    a.write(entry('hello'))
    meet([a, b])
    a.write(entry('a: question'))
    b.write(entry('b: question'))
    a.write(entry('a: answer'))
    b.write(entry('b: answer'))
    met(a, b)
    expect(valuesOf(a)).toEqual(['hello', 'a: question', 'a: answer', 'b: question', 'b: answer'])
    a.write(entry('later'))
    met(a, b)
    expect(valuesOf(b).at(-1)).toBe('later')
  })
})

describe('tasks', () => {
  const stateOf = (device: Device): unknown => {
    const content = device.doc.read()
    return content.kind === 'tasks'
      ? content.tasks.map(({ title, state }) => `${title}: ${state}`)
      : undefined
  }

  it('that one device ticks stay ticked when another one sets them open at once', () => {
    const [a, b] = two('tasks')
    a.write({ type: 'task', id: 't', title: 'milk', state: 'dropped' })
    meet([a, b])
    a.write({ type: 'task', id: 't', state: 'done' })
    b.write({ type: 'task', id: 'u', title: 'more' })
    b.write({ type: 'task', id: 't', state: 'open' })
    met(a, b)
    expect(stateOf(a)).toEqual(['milk: done', 'more: open'])
    b.write({ type: 'task', id: 't', state: 'open' })
    met(a, b)
    expect(stateOf(a)).toEqual(['milk: open', 'more: open'])
  })

  it('are renamed and assigned field by field, and come back where one was changed while it was removed', () => {
    const [a, b] = two('tasks')
    a.write({ type: 'task', id: 't', title: 'milk' })
    meet([a, b])
    a.write({ type: 'task', id: 't', title: 'oat milk' })
    b.write({ type: 'task', id: 't', assignee: 'Ada' })
    expect(met(a, b)).toMatchObject({
      tasks: [{ id: 't', title: 'oat milk', assignee: 'Ada', writer: a.peerId }]
    })
    a.write({ type: 'remove', id: 't' })
    b.write({ type: 'task', id: 't', state: 'done' })
    expect(met(a, b)).toMatchObject({ tasks: [{ state: 'done' }] })
    a.write({ type: 'remove', id: 't' })
    expect(met(a, b)).toEqual({ kind: 'tasks', tasks: [] })
  })
})

describe('notes', () => {
  const type = (at: number, insert: string, remove = 0): MemoryChange => ({
    type: 'edit',
    at,
    remove,
    insert
  })

  it('have what was typed on both devices, each piece whole', () => {
    const [a, b] = two('notes')
    a.write(type(0, 'Hello world'))
    meet([a, b])
    a.write(type(5, ' dear'))
    b.write(type(11, '!'), type(0, 'Oh. '))
    expect(met(a, b)).toEqual({ kind: 'notes', text: 'Oh. Hello dear world!' })
  })

  it('of an excluded writer are not there, and what it deleted is, once they are rebuilt', () => {
    const [a, b] = two('notes')
    a.write(type(0, 'Hello world'))
    meet([a, b])
    b.write(type(0, 'SPAM', 6))
    meet([a, b])
    a.write(type(4, ' dear'))
    meet([a, b])
    expect(a.doc.read()).toEqual({ kind: 'notes', text: 'SPAM dearworld' })
    expect(a.rebuilt(new Set([b.client])).read()).toEqual({ kind: 'notes', text: 'Hello  dearworld' })
  })

  it('that are given a new text write what differs, so that what another device types in between stays', () => {
    const [a, b] = two('notes')
    a.write({ type: 'text', text: 'Title\n\nFirst words here.\nSecond line.\n\nThe end' })
    meet([a, b])
    a.write({ type: 'text', text: 'New title\n\nFirst words here.\nSecond line.\n\nThe real end' })
    b.write({ type: 'text', text: 'Title\n\nFirst good words here.\nSecond line.\nThird 😀.\n\nThe end' })
    const text = 'New title\n\nFirst good words here.\nSecond line.\nThird 😀.\n\nThe real end'
    expect(met(a, b)).toEqual({ kind: 'notes', text })
    const { length } = a.log
    a.write({ type: 'text', text })
    expect(a.log.length).toBe(length)
    expect(() => a.write({ type: 'text', text }, type(0, 'x'))).toThrow(/one whole "text"/)
  })

  it('have one place replaced that is found when it is written, and say where it is none or several', () => {
    const [a] = two('notes')
    a.write({ type: 'text', text: 'milk, eggs, milk and bread' })
    const replace = (find: string, insert: string) => a.write({ type: 'replace', find, insert })
    replace('eggs', 'six eggs')
    expect(() => replace('milk', 'oats')).toThrow(/"milk" in several places: find more/)
    expect(() => replace('butter', '')).toThrow(/do not have "butter": read them again/)
    a.write(
      { type: 'replace', find: 'milk,', insert: 'oats,' },
      { type: 'replace', find: 'milk', insert: 'tea' }
    )
    expect(a.doc.read()).toEqual({ kind: 'notes', text: 'oats, six eggs, tea and bread' })
  })

  it('have the new text, whatever it is', () => {
    const words = fc.array(fc.constantFrom('a', 'b ', '😀', '😁\n', '\n', ' ', 'ab\n'), { maxLength: 40 })
    fc.assert(
      fc.property(words, words, (before, after) => {
        const [a] = two('notes')
        a.write({ type: 'text', text: before.join('') })
        a.write({ type: 'text', text: after.join('') })
        expect(a.doc.read()).toEqual({ kind: 'notes', text: after.join('') })
      }),
      { numRuns: 200 }
    )
    const [a] = two('notes')
    const long = (word: string) => Array.from({ length: 5000 }, (_, i) => `${word}${i}`).join(' ')
    for (const text of [long('a'), long('b'), long('a').replaceAll('0 ', '1 '), ''])
      a.write({ type: 'text', text })
    expect(a.doc.read()).toEqual({ kind: 'notes', text: '' })
  })

  it('take as many characters of one writer as other devices take, those that are gone included', () => {
    const [a, b] = two('notes')
    const insert = 'x'.repeat(100_000)
    const full = expect.objectContaining({ code: 'MEMORY_FULL' })
    for (let units = insert.length; units <= WRITER_BYTES_MAX; units += insert.length) {
      a.write(type(0, insert))
      a.write(type(0, '', insert.length))
    }
    expect(() => a.write(type(0, insert))).toThrow(full)
    a.write(type(0, 'y'.repeat(WRITER_BYTES_MAX % insert.length)))
    expect(() => a.write(type(0, 'z'))).toThrow(full)
    for (const sent of a.log) b.take(sent)
    expect(b.has(a.client)).toBe(a.has(a.client))
  })

  it('take a text that fits an update, and say how much that is where it does not', () => {
    const [a] = two('notes')
    a.write({ type: 'text', text: 'x'.repeat(200_000) })
    expect(() => a.write({ type: 'text', text: 'y'.repeat(200_000) })).toThrow(
      /200064 bytes.*limit is 114688/
    )
    expect(a.doc.read()).toEqual({ kind: 'notes', text: 'x'.repeat(200_000) })
  })

  it('refuse an edit beyond their end, or inside a character', () => {
    const [a] = two('notes')
    a.write(type(0, 'a😀'))
    for (const wrong of [type(4, 'x'), type(2, 'x'), type(0, '', 2), type(-1, 'x'), type(0.5, 'x')]) {
      expect(() => a.write(wrong)).toThrow(expect.objectContaining({ code: 'INVALID_INPUT' }))
    }
    expect(a.doc.read()).toEqual({ kind: 'notes', text: 'a😀' })
  })
})

describe('a document of each kind', () => {
  it.each(DOC_KINDS)('%s is the same once it was opened from its snapshot', kind => {
    const [a, b] = two(kind)
    a.writeSome(1)
    b.writeSome(2)
    meet([a, b])
    a.writeSome(3)
    const again = openDoc(kind, a.doc.snapshot(), new Set())
    expect(again.read()).toEqual(a.doc.read())
    expect(Buffer.from(again.hash()).toString('hex')).toBe(a.hash())
    expect(again.entries()).toBe(a.doc.entries())
    expect(() => openDoc(kind, a.doc.snapshot().subarray(3), new Set())).toThrow(
      expect.objectContaining({ code: 'MEMORY_INVALID' })
    )
  })
})

describe('a document of as much as one writer may have, and that of another one', () => {
  it('takes what the writer may have, and what leaves less', () => {
    const [a, b] = two('facts')
    const value = 'x'.repeat(230_000)
    const count = Math.floor(WRITER_BYTES_MAX / (value.length + 20))
    const full = expect.objectContaining({ code: 'MEMORY_FULL' })
    b.write(set('of b 0', value))
    b.write(set('of b 1', value))
    meet([a, b])
    for (let n = 0; n < count; n++) a.write(set(`of a ${n}`, value))
    expect(() => a.write(set('more', value))).toThrow(full)
    a.write(set('of a 0', 'short'), set('of b 0', 'short'))
    a.write({ type: 'unset', key: 'of a 1' })
    a.write(set('more', value))
  })
})

describe('what a document takes', () => {
  const by = (clock: number) => ({ writer: '12D3Koo1.0123456789ab', client: 1000, clock, at: clock })
  const cpuMsOf = (run: () => void): number => {
    const began = process.threadCpuUsage()
    run()
    const { user, system } = process.threadCpuUsage(began)
    return (user + system) / 1000
  }

  it('follows what it holds: 10,000 changes of 100 facts leave 100 slots and one run of deletions', () => {
    const doc = openDoc('facts', null, new Set())
    for (let i = 1; i <= 10_000; i++) {
      doc.change([{ type: 'set', key: `key ${i % 100}`, value: `value ${i}` }], by(i))
    }
    const live = Object.entries(JSON.parse(JSON.stringify(doc.read())).facts).join('').length
    expect(doc.bytes()).toBeLessThan(3 * live)
    expect(doc.snapshot().byteLength).toBeLessThan(3 * live)
  })

  it('for one more entry is the same with 20,000 entries as with 1,000, and so is its hash', () => {
    const doc = openDoc('journal', null, new Set())
    let clock = 0
    const append = (count: number): void => {
      for (let i = 0; i < count; i++) {
        doc.change([{ type: 'append', value: `entry ${clock}` }], by(++clock))
        if (i % 10 === 0) doc.hash()
      }
    }
    append(1000)
    const few = Math.min(...[1, 2, 3].map(() => cpuMsOf(() => append(100))))
    doc.change(
      Array.from({ length: 4000 }, (_, i) => ({ type: 'append', value: i }) as const),
      by(++clock)
    )
    append(18_000)
    const many = Math.min(...[1, 2, 3].map(() => cpuMsOf(() => append(100))))
    expect(many).toBeLessThan(5 * few + 5)
  })
})
