/** What holds for every definition of a task. */

import assert from 'node:assert/strict'
import fc from 'fast-check'
import { describe, it } from 'vitest'
import { definitionOf, meantTask, TASK_NAMES } from '../../interface/tasks/index.ts'

/** Values near those that tasks take and give: right ones, nearly right ones, and others. */
const tensor = fc.record(
  {
    type: fc.constantFrom('uint8', 'float32', 'text', 'constructor'),
    dims: fc.array(fc.oneof(fc.nat(4), fc.double(), fc.constant(-1)), { maxLength: 3 }),
    data: fc.oneof(fc.uint8Array({ maxLength: 16 }), fc.constant('AA==')),
    more: fc.constant(1)
  },
  { requiredKeys: ['type', 'dims', 'data'] }
)
const fitting = fc.uint8Array({ maxLength: 16 }).map(data => ({ type: 'uint8', dims: [data.length], data }))
const names = fc.string({ minLength: 0, maxLength: 3 })
const record = (value: fc.Arbitrary<unknown>) =>
  fc.dictionary(names, value, { maxKeys: 3, noNullPrototype: true })
const odd = fc.oneof(
  record(fitting).map(tensors => ({ tensors })),
  record(fc.oneof(fitting, tensor)).map(tensors => ({ tensors })),
  record(fitting).map(tensors => ({ tensors, more: 1 })),
  fc.record({ image: fc.uint8Array() }),
  fc.record({ messages: fc.array(fc.record({ role: fc.constant('user'), content: fc.string() })) }),
  fc.anything()
)

describe.each(TASK_NAMES)('the task %s', name => {
  const { isInput, isOutput, input, output, params, argument } = definitionOf(name)

  it.each([
    ['input', isInput, input],
    ['output', isOutput, output]
  ] as const)(
    'takes a value for its %s without the schema only when the schema returns it as it is',
    (_, twin, schema) => {
      if (twin === undefined) return
      let certain = 0
      fc.assert(
        fc.property(odd, value => {
          if (!twin(value)) return
          certain++
          assert.deepEqual(schema.parse(value), value)
        }),
        { numRuns: 3000 }
      )
      assert.ok(certain > 100, `${certain} of 3000 values were certain`)
    }
  )

  it('has a default for each parameter, so that a request may leave them out', () => {
    assert.ok(params.safeParse({}).success)
  })

  it('makes an input that it takes of an argument of a command line', () => {
    if (argument.from === 'json') return
    const made = argument.input(argument.from === 'file' ? Buffer.from('bytes').toString('base64') : 'words')
    assert.ok(input.safeParse(made).success)
  })
})

describe('the task that is meant', () => {
  it('is the one that the model was made for, and raw tensors where there is no other', () => {
    assert.equal(meantTask(['tensor', 'image-classification']), 'image-classification')
    assert.equal(meantTask(['tensor']), 'tensor')
    assert.equal(meantTask([]), undefined)
  })
})
