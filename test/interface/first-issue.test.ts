import assert from 'node:assert/strict'
import { describe, it } from 'vitest'
import { InvalidInputError } from '../../interface/errors.ts'
import { prepare } from '../../interface/prepare.ts'

describe('a request of very many wrong parts', () => {
  it.each<[field: string, make: (wrong: () => object) => unknown]>([
    ['content', wrong => ({ role: 'user', content: Array.from({ length: 256 }, wrong) })],
    ['calls', wrong => ({ role: 'assistant', calls: Array.from({ length: 128 }, wrong) })]
  ])('is read up to the first of them, in %s', (_, make) => {
    let read = 0
    const wrong = () => ({
      get type() {
        return `no type ${read++}`
      },
      get id() {
        return read++
      }
    })
    const messages = Array.from({ length: 100 }, () => make(wrong))
    const request = {
      id: 'r',
      task: 'text-generation' as const,
      input: { messages },
      params: {},
      budgetMs: 1000
    }
    assert.throws(() => prepare(request), InvalidInputError)
    assert.ok(read > 0 && read < 10, `${read} were read`)
  })
})
