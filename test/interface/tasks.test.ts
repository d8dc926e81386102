/** What holds for every definition of a task. */

import assert from 'node:assert/strict'
import fc from 'fast-check'
import { describe, it } from 'vitest'
import { AUDIO_BYTES_MAX } from '../../interface/tasks/audio.ts'
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
    const file = Buffer.from('bytes').toString('base64')
    const made =
      argument.from === 'files'
        ? argument.input([file, file])
        : argument.input(argument.from === 'file' ? file : 'words')
    assert.ok(input.safeParse(made).success)
  })
})

it('a recording larger than its limit is no input', () => {
  const { input } = definitionOf('voice-activity-detection')
  const audio = new Uint8Array(AUDIO_BYTES_MAX + 1)
  assert.ok(input.safeParse({ audio: audio.subarray(1) }).success)
  assert.match(input.safeParse({ audio }).error!.issues[0]!.message, /holds more than 26214400 bytes/)
})

it('of a recording a person is shown words, or when something is said', () => {
  const segments = [{ start_ms: 1026, end_ms: 2500 }]
  const times = { start: '1.03 s', end: '2.50 s' }
  const voice = definitionOf('voice-activity-detection')
  assert.deepEqual(voice.shown!({ segments }), [times])
  assert.equal(voice.shown!({ segments: [] }), 'The recording has no speech.')
  const words = definitionOf('automatic-speech-recognition')
  assert.equal(words.shown!({ text: 'Hello.', duration_ms: 9 }), 'Hello.')
  const said = segments.map(span => ({ ...span, text: 'Hi.' }))
  assert.deepEqual(words.shown!({ text: 'Hi.', segments: said }), [{ ...times, text: 'Hi.' }])
})

describe('bytes in JSON', () => {
  const bytes = Buffer.from('fb ff fe 3e 3f 00 80'.replaceAll(' ', ''), 'hex')
  const plain = bytes.toString('base64')
  const { input } = definitionOf('image-classification')

  it.each([
    ['plain', plain],
    ['with a line end', `${plain}\n`],
    ['in lines of CRLF', `${plain.slice(0, 4)}\r\n${plain.slice(4)}\r\n`],
    ['without padding', plain.replaceAll('=', '')],
    ['in the alphabet of URLs', bytes.toString('base64url')],
    ['as a data URL', `data:image/png;base64,${plain}`],
    [
      'as a data URL with parameters, capitals and spaces',
      ` DATA:image/png;charset=utf-8;BASE64, ${plain}\n`
    ],
    ['as a data URL of no type', `data:;base64,${plain}`]
  ])('are read %s', (_, image) => {
    assert.deepEqual(input.parse({ image }), { image: Uint8Array.from(bytes) })
  })

  it.each([
    ['a foreign character', `${'A'.repeat(4000)}*AAA`, /no base64: character "\*" at 4000$/],
    ['a foreign character of a data URL', 'data:;base64,AAA*', /character "\*" at 16$/],
    ['padding inside', 'AA==AA==', /character "=" at 2$/],
    ['a character too few', 'AAAAA', /last character is missing/],
    ['an address', 'https://example.org/7.png', /is a URL, and no file is fetched/],
    ['a data URL of another form', 'data:image/png,raw', /is a URL/],
    ['a number', 7, /give bytes as base64/]
  ])('are refused with %s, saying where', (_, image, why) => {
    assert.match(input.safeParse({ image }).error!.issues[0]!.message, why)
  })
})

it('a text with half a character is refused by its field, whichever node would answer', () => {
  const { input } = definitionOf('text-generation')
  const { error } = input.safeParse({ messages: [{ role: 'user', content: 'cut \ud83d' }] })
  assert.deepEqual(error!.issues[0]!.path, ['messages', 0, 'content'])
  assert.match(error!.issues[0]!.message, /half a character/)
})

describe('the task that is meant', () => {
  it('is the one that the model was made for, and raw tensors where there is no other', () => {
    assert.equal(meantTask(['tensor', 'image-classification']), 'image-classification')
    assert.equal(meantTask(['tensor']), 'tensor')
    const clip = ['feature-extraction', 'image-feature-extraction', 'zero-shot-image-classification'] as const
    assert.equal(meantTask(clip), 'zero-shot-image-classification')
    assert.equal(meantTask(['feature-extraction']), 'feature-extraction')
    assert.equal(meantTask([]), undefined)
  })
})

describe('an answer about pictures', () => {
  it('has no bytes of vectors where there is no face', () => {
    const { output } = definitionOf('face-detection')
    assert.ok(output.safeParse({ faces: [] }).success)
    assert.ok(!output.safeParse({ faces: [], dimensions: 1, embeddings: new Uint8Array(4) }).success)
  })

  it.each(['image-classification', 'zero-shot-image-classification'] as const)(
    'has short labels (%s)',
    task => {
      const takes = (length: number) =>
        definitionOf(task).output.safeParse({ labels: [{ label: 'x'.repeat(length), score: 1 }] }).success
      assert.deepEqual([takes(1000), takes(1001)], [true, false])
    }
  )
})
