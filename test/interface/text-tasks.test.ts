import { describe, expect, it } from 'vitest'
import type { LumosError } from '../../interface/errors.ts'
import { TEXT_CHARS_MAX } from '../../interface/limits.ts'
import { prepare } from '../../interface/prepare.ts'
import type { TaskName } from '../../interface/tasks/index.ts'
import { definitionOf } from '../../interface/tasks/index.ts'
import { textOf } from '../../interface/tasks/messages.ts'
import { askedText } from '../../interface/tasks/text-generation.ts'

const ask = (task: TaskName, input: unknown, params: object = {}) =>
  prepare({ id: 'r', task, input, params: { ...params }, budgetMs: 1000 })
const nested = (levels: number): object => (levels === 1 ? {} : { not: nested(levels - 1) })

const field = (task: TaskName, input: unknown, params: object = {}): string => {
  try {
    ask(task, input, params)
    return ''
  } catch (err) {
    return String((err as LumosError).details.field)
  }
}
const words = (task: TaskName, input: unknown): string => {
  try {
    ask(task, input)
    return ''
  } catch (err) {
    return (err as LumosError).message
  }
}
const call = { id: 'c1', name: 'weather', arguments: '{"city":"Hanoi"}' }

describe('a conversation', () => {
  it('carries roles, parts, calls of tools and what came of them', () => {
    const messages = [
      { role: 'developer', content: 'Be brief.' },
      {
        role: 'user',
        content: [
          { type: 'text', text: 'a' },
          { type: 'image', image: Uint8Array.of(1, 2) }
        ]
      },
      { role: 'assistant', content: null, calls: [call] },
      { role: 'tool', content: '31 degrees', call: 'c1' }
    ]
    const { input } = ask('text-generation', { messages })
    expect(input).toEqual({ messages })
    expect(definitionOf('text-generation').sizeOf(input)).toBe(9 + 3 + 7 + 16 + 10)
    expect(askedText(input as never)).toBe('31 degrees')
    expect(textOf(messages[2] as never)).toBe('')
  })

  it('says the limit of a text that is too long, and where', () => {
    const messages = [{ role: 'user', content: 'a'.repeat(TEXT_CHARS_MAX + 1) }]
    expect(words('text-generation', { messages })).toMatch(
      /^input\.messages\.0\.content: .*1048576 characters/
    )
    const parts = [{ role: 'user', content: [{ type: 'text', text: 1 }] }]
    expect(field('text-generation', { messages: parts })).toBe('input.messages.0.content.0.text')
  })

  it.each([
    ['of an unknown role', { messages: [{ role: 'owner', content: 'x' }] }, 'input.messages.0.role'],
    [
      'with half a character',
      { messages: [{ role: 'user', content: '\ud800' }] },
      'input.messages.0.content'
    ],
    ['of no message', { messages: [] }, 'input.messages'],
    ['that is a prompt, too', { messages: [{ role: 'user', content: 'x' }], prompt: 'x' }, 'input'],
    ['of nothing', {}, 'input'],
    ['with a result of no call', { messages: [{ role: 'tool', content: 'x' }] }, 'input.messages.0.call']
  ])('%s is refused', (_, input, where) => expect(field('text-generation', input)).toBe(where))

  it.each([
    [{ temperature: 3 }, 'params.temperature'],
    [{ stop: [''] }, 'params.stop.0'],
    [{ tools: [{ name: 'a b' }] }, 'params.tools.0.name'],
    [
      { responseFormat: { type: 'json_schema', schema: { a: 'x'.repeat(70_000) } } },
      'params.responseFormat.schema'
    ],
    [{ tools: [{ name: 'a', parameters: nested(65) }] }, 'params.tools.0.parameters'],
    [{ responseFormat: { type: 'json_schema', schema: [] } }, 'params.responseFormat.schema'],
    [
      {
        tools: Array.from({ length: 20 }, (_, i) => ({
          name: `t${i}`,
          parameters: { a: 'x'.repeat(60_000) }
        }))
      },
      'params.tools'
    ],
    [{ topLogprobs: 21 }, 'params.topLogprobs'],
    [{ mood: 'good' }, 'params']
  ])('with the parameters %o is refused', (params, where) =>
    expect(field('text-generation', { prompt: 'x' }, params)).toBe(where)
  )
})

it('of a schema, nothing is read twice or in vain: tools of megabytes are refused in milliseconds', () => {
  const keys = Object.fromEntries(Array.from({ length: 5000 }, (_, i) => [`p${i}`, 1]))
  const tools = Array.from({ length: 256 }, (_, i) => ({ name: `t${i}`, parameters: keys }))
  const startedMs = performance.now()
  expect(field('text-generation', { prompt: 'x' }, { tools })).toBe('params.tools')
  expect(field('text-generation', { prompt: 'x' }, { tools: tools.slice(0, 4) })).toBe('')
  // More than ten seconds, when each was read as a record.
  expect(performance.now() - startedMs).toBeLessThan(3000)
})

describe('the tasks of texts', () => {
  const { output } = definitionOf('feature-extraction')

  it('give vectors whose bytes are whole numbers of vectors', () => {
    expect(output.safeParse({ dimensions: 2, vectors: new Uint8Array(16) }).success).toBe(true)
    expect(output.safeParse({ dimensions: 3, vectors: new Uint8Array(16) }).success).toBe(false)
  })

  it('bound texts and documents, one by one and together', () => {
    expect(field('feature-extraction', { texts: [] })).toBe('input.texts')
    expect(field('feature-extraction', { texts: Array(9).fill('x'.repeat(1024 * 1024)) })).toBe('input.texts')
    expect(field('text-ranking', { query: 'q', documents: Array(1025).fill('d') })).toBe('input.documents')
    expect(definitionOf('text-ranking').sizeOf({ query: 'q', documents: ['dd', 'ddd'] })).toBe(6)
  })
})
