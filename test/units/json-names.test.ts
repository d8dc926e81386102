import assert from 'node:assert/strict'
import fc from 'fast-check'
import { describe, it } from 'vitest'
import * as z from 'zod'
import { snakeCase } from '../../interface/snake-case.ts'
import { JsonNames } from '../../units/json-names.ts'

const Step = z.discriminatedUnion('stepKind', [
  z.strictObject({ stepKind: z.literal('one'), atMs: z.int() }),
  z.strictObject({
    stepKind: z.literal('two'),
    byName: z.record(z.string(), z.strictObject({ toX: z.int() }))
  })
])
const Value = z.strictObject({
  peerId: z.string().optional(),
  plain: z.union([z.literal('all'), z.strictObject({ roles: z.array(z.string()) })]).default('all'),
  steps: z.array(Step).nullable(),
  leftOpen: z.unknown()
})

const names = new JsonNames(Value)
const code = {
  peerId: 'p',
  plain: { roles: ['a'] },
  steps: [
    { stepKind: 'one', atMs: 1 },
    { stepKind: 'two', byName: { llamaChat: { toX: 1 }, peer_id: { toX: 2 } } }
  ],
  leftOpen: { maxTokens: 1, dataBytes: new Uint8Array([1]) }
}
const json = {
  peer_id: 'p',
  plain: { roles: ['a'] },
  steps: [
    { step_kind: 'one', at_ms: 1 },
    { step_kind: 'two', by_name: { llamaChat: { to_x: 1 }, peer_id: { to_x: 2 } } }
  ],
  left_open: code.leftOpen
}

const misnamedOf = (value: unknown): string[] => {
  const found: string[] = []
  names.fromJson(value, path => found.push(path.join('.')))
  return found
}

describe('the names of JSON', () => {
  it('are snake_case for each field that a schema names, and nothing else changes', () => {
    assert.deepEqual(names.toJson(code), json)
    assert.deepEqual(
      names.fromJson(json, path => assert.fail(path.join('.'))),
      code
    )
    assert.equal((names.toJson(code) as typeof json).left_open, code.leftOpen)
  })

  it('are the only ones that are read: those of the code are reported by where they stand', () => {
    assert.deepEqual(misnamedOf(code), [
      'peerId',
      'steps.0.stepKind',
      'steps.0.atMs',
      'steps.1.stepKind',
      'steps.1.byName',
      'leftOpen'
    ])
    const deep = {
      ...json,
      steps: [json.steps[0], { step_kind: 'two', byName: {} }, { step_kind: 'one', atMs: 1 }]
    }
    assert.deepEqual(misnamedOf(deep), ['steps.1.byName', 'steps.2.atMs'])
  })

  it('stand in paths, where keys of records stay as their owner wrote them', () => {
    const path = (...keys: PropertyKey[]) => names.path(keys, code).join('.')
    assert.equal(path('steps', 1, 'byName', 'llamaChat', 'toX'), 'steps.1.by_name.llamaChat.to_x')
    assert.equal(path('leftOpen', 'maxTokens'), 'left_open.maxTokens')
    assert.deepEqual(names.fieldsAt(['steps', 0], code), ['step_kind', 'at_ms'])
  })

  it('survive whatever a caller sends', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 4 }), value => {
        names.fromJson({ steps: value, left_open: value }, () => {})
        names.fromJson(value, () => {})
      })
    )
    const hostile = JSON.parse('{"__proto__": {"peerId": 1}, "steps": {"constructor": {}}}')
    assert.equal(Object.getPrototypeOf(names.fromJson(hostile, () => {})), Object.prototype)
  })

  it('are refused for a schema whose fields depend on more than a discriminator', () => {
    const either = z.union([z.strictObject({ aB: z.int() }), z.strictObject({ cD: z.int() })])
    assert.throws(() => new JsonNames(either), { code: 'INTERNAL', message: /discriminator/ })
    assert.throws(() => new JsonNames(z.map(z.string(), z.string())), { code: 'INTERNAL', message: /map/ })
  })

  it('never clash within an object', () => {
    const camel = fc.stringMatching(/^[a-z][A-Za-z0-9]{0,10}$/)
    fc.assert(fc.property(camel, camel, (a, b) => a === b || snakeCase(a) !== snakeCase(b)))
  })
})
