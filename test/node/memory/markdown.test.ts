import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { DOC_KINDS, MemoryKey, type MemoryValue } from '../../../interface/memory.ts'
import { exportMarkdown, importMarkdown, partsOf } from '../../../node/memory/docs/index.ts'
import { Device } from './devices.ts'

/** Imports into a new space, as a program does. */
function imported(markdown: string): Map<string, Device> {
  return new Map(
    importMarkdown(markdown).map(({ name, kind, changes }) => {
      const device = new Device(kind, 9)
      for (const part of partsOf(changes)) device.write(...part)
      return [name, device]
    })
  )
}

const text = fc.oneof(
  fc.string({ unit: 'grapheme' }),
  fc.constantFrom(
    '42',
    'true',
    '## x (facts)',
    '> a\n> b',
    ' x ',
    '"',
    'a: b',
    '**',
    '```',
    '- [ ] x',
    'a\r\nb',
    '\u2028',
    ''
  )
)
const value = fc.oneof(text, fc.jsonValue({ maxDepth: 3 })) as fc.Arbitrary<MemoryValue>
const usable = (value: unknown): boolean =>
  !/__proto__|constructor|prototype/.test(JSON.stringify(value) ?? '')
const key = text.filter(text => MemoryKey.safeParse(text).success)

describe('Markdown of memory', () => {
  it('is what a person reads, and writes by hand', () => {
    const facts = new Device('facts', 1)
    facts.write({ type: 'set', key: 'city', value: 'Bern' }, { type: 'set', key: 'poem', value: 'a\nb' })
    facts.write({ type: 'set', key: 'limits', value: { max: 3 } })
    const tasks = new Device('tasks', 1)
    tasks.write({ type: 'task', id: 't1', title: 'Buy milk', state: 'done', assignee: 'Ada' })
    const journal = new Device('journal', 1)
    journal.write({ type: 'append', id: 'e1', value: 'Found it.\nAt last.' })
    const notes = new Device('notes', 1)
    notes.write({ type: 'edit', at: 0, remove: 0, insert: '# Title\n\nText.' })
    const markdown = exportMarkdown(
      'home',
      Object.entries({ default: facts, todo: tasks, log: journal, page: notes }).map(([name, { doc }]) => ({
        name,
        content: doc.read()
      }))
    )
    expect(markdown).toBe(`<!-- lumos-node memory 1 -->

# home

## default (facts)

- **city**: Bern
- **limits**: {"max":3}
- **poem**:
  > a
  > b

## todo (tasks)

- [x] Buy milk
  - id: t1
  - for: Ada

## log (journal)

### e1
*2023-11-14T22:13:20.001Z, 12D3Koo1*

> Found it.
> At last.

## page (notes)

<!-- notes 1 -->
# Title

Text.
<!-- end of notes 1 -->
`)
    const added = markdown.replace('- [x] Buy milk', '- [ ] Something by hand\n- [x] Buy milk')
    expect(imported(added).get('todo')!.doc.read()).toMatchObject({
      tasks: [{ title: 'Something by hand', state: 'open' }, { id: 't1' }]
    })
  })

  it('gives the same facts, entries, tasks and notes once it is imported', () => {
    fc.assert(
      fc.property(
        fc.dictionary(key, value.filter(usable)),
        fc.uniqueArray(key, { maxLength: 5 }),
        fc.array(value.filter(usable), { minLength: 5, maxLength: 5 }),
        text,
        (facts, ids, values, note) => {
          const [a, b, c, d] = (['facts', 'thread', 'tasks', 'notes'] as const).map(
            kind => new Device(kind, 1)
          )
          a!.write(...Object.entries(facts).map(([key, value]) => ({ type: 'set', key, value }) as const))
          b!.write(...ids.map((id, i) => ({ type: 'append', id, value: values[i]! }) as const))
          c!.write(...ids.map(id => ({ type: 'task', id, title: id, assignee: id }) as const))
          d!.write({ type: 'edit', at: 0, remove: 0, insert: note })
          const docs = { a: a!, b: b!, c: c!, d: d! }
          const markdown = exportMarkdown(
            'x',
            Object.entries(docs).map(([name, { doc }]) => ({ name, content: doc.read() }))
          )
          const again = imported(markdown)
          expect(again.get('a')!.doc.read()).toEqual(a!.doc.read())
          expect(again.get('d')!.doc.read()).toEqual(d!.doc.read())
          for (const id of ids) expect(again.get('b')!.doc.get(id)).toEqual(b!.doc.get(id))
          expect(idsOf(again.get('b')!)).toEqual(idsOf(b!))
          expect(again.get('c')!.doc.read()).toMatchObject({
            tasks: ids.map(id => ({ id, title: id, assignee: id, state: 'open' }))
          })
        }
      ),
      { numRuns: 200 }
    )
  })

  const idsOf = ({ doc }: Device): string[] => {
    const content = doc.read()
    return content.kind === 'thread' ? content.entries.map(({ id }) => id) : []
  }

  it('keeps both of two values of one id, and notes that hold what ends notes', () => {
    const [a, b] = [new Device('journal', 1), new Device('journal', 2)]
    a.write({ type: 'append', id: 'x', value: 1 })
    b.write({ type: 'append', id: 'x', value: 2 })
    b.take(a.log[0]!)
    const markdown = exportMarkdown('s', [{ name: 'j', content: b.doc.read() }])
    expect(imported(markdown).get('j')!.doc.read()).toMatchObject({ entries: [{ value: 1 }, { value: 2 }] })
    const notes = new Device('notes', 1)
    notes.write({ type: 'edit', at: 0, remove: 0, insert: '\n<!-- end of notes 1 -->\n## x (facts)\n' })
    const again = imported(exportMarkdown('s', [{ name: 'n', content: notes.doc.read() }]))
    expect(again.get('n')!.doc.read()).toEqual(notes.doc.read())
  })

  it('of notes that take more than one envelope comes back whole', () => {
    const markdown = `<!-- lumos-node memory 1 -->\n\n## n (notes)\n\n<!-- notes 1 -->\n${'😀é'.repeat(100_000)}\n<!-- end of notes 1 -->\n`
    expect(imported(markdown).get('n')!.doc.read()).toEqual({ kind: 'notes', text: '😀é'.repeat(100_000) })
  })

  it.each([
    ['no head', '## a (facts)\n', /first line/],
    ['a kind that is none', '<!-- lumos-node memory 1 -->\n## a (lists)\n', /Line 2/],
    ['a document twice', '<!-- lumos-node memory 1 -->\n## a (facts)\n## a (facts)\n', /Line 3/],
    ['prose among facts', '<!-- lumos-node memory 1 -->\n## a (facts)\nhello\n', /Line 3/],
    [
      'notes without an end',
      '<!-- lumos-node memory 1 -->\n## a (notes)\n<!-- notes 1 -->\nx\n',
      /no "<!-- end/
    ],
    [
      'a key that is reserved',
      '<!-- lumos-node memory 1 -->\n## a (facts)\n\n- **constructor**: x\n',
      /^Line 4: .*reserved/
    ],
    [
      'half a character',
      '<!-- lumos-node memory 1 -->\n## a (facts)\n- **a**: "\\ud800"\n',
      /^Line 3: .*half/
    ]
  ])('is refused with its line: %s', (_, markdown, message) => {
    expect(() => importMarkdown(markdown)).toThrow(message)
    expect(() => importMarkdown(markdown)).toThrow(expect.objectContaining({ code: 'INVALID_INPUT' }))
  })

  it('is read as an editor of Windows saves it', () => {
    const markdown = '<!-- lumos-node memory 1 -->\n\n# s\n\n## a (facts)\n\n- **poem**:\n  > x\n  > y\n'
    const { doc } = imported(markdown.replaceAll('\n', '\r\n')).get('a')!
    expect(doc.read()).toEqual({ kind: 'facts', facts: { poem: 'x\ny' } })
  })

  it('has the name of a raw document, and nothing of it', () => {
    const device = new Device('raw', 1)
    device.writeSome(1)
    const markdown = exportMarkdown('s', [{ name: 'sketch', content: device.doc.read() }])
    expect(markdown).toContain('Left out')
    expect(importMarkdown(markdown)).toEqual([{ name: 'sketch', kind: 'raw', changes: [] }])
  })

  it('is written of each kind', () => {
    for (const kind of DOC_KINDS) {
      const device = new Device(kind, 1)
      device.writeSome(1)
      expect(exportMarkdown('s', [{ name: 'd', content: device.doc.read() }])).toContain(`## d (${kind})`)
    }
  })
})
