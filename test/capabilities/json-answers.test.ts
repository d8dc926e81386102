/** Answers that are held to a grammar: what a schema allows, which tokens that leaves, and what is refused. */

import assert from 'node:assert/strict'
import fc from 'fast-check'
import { describe, it } from 'vitest'
import { constraintOf } from '../../capabilities/engines/text/constraint.ts'
import { GrammarMachine, type State } from '../../capabilities/engines/text/grammar-machine.ts'
import { callGrammar, JSON_GRAMMAR, schemaGrammar } from '../../capabilities/engines/text/schema-grammar.ts'
import { Guard } from '../../capabilities/engines/transformers/guard.ts'
import { TokenBytes } from '../../capabilities/engines/transformers/token-bytes.ts'

type Schema = Record<string, unknown>

/** How far a text follows a grammar: to its end, as its beginning, or not. */
function follows(grammar: string, text: string): 'whole' | 'beginning' | 'not' {
  const machine = new GrammarMachine(grammar)
  let state: State | undefined = machine.start
  for (const byte of Buffer.from(text)) {
    machine.begin(state)
    state = machine.step(state, byte)
    if (state === undefined) return 'not'
  }
  return state.ends ? 'whole' : 'beginning'
}

const string = { type: 'string' }
const integer = { type: 'integer' }
const record = (properties: Schema, required: string[] = []) => ({ type: 'object', properties, required })
const tree = { ...record({ name: string, left: { anyOf: [{ $ref: '#' }, { type: 'null' }] } }, ['name']) }

describe('an answer in the form of a schema', () => {
  it.each<[schema: Schema, allowed: string[], refused: string[]]>([
    [string, ['"a"', '"\u00e9\ud83d\ude00\\n\\u00e9"', '""'], ['a', '"\n"', '"\\x"', '1', '"a" "b"']],
    [{ ...string, minLength: 2, maxLength: 3 }, ['"ab"', '"\u00e9\u00e9\u00e9"'], ['"a"', '"abcd"']],
    [integer, ['0', '-12', '100'], ['01', '1.5', 'x', '--1']],
    [{ type: 'number' }, ['1.25', '-2e-7', '0'], ['.5', '1.', 'NaN']],
    [{ type: ['boolean', 'null'] }, ['true', 'null'], ['"null"', '0']],
    [{ enum: ['red', 3, null] }, ['"red"', '3', 'null'], ['"blue"', '33']],
    [{ const: { a: [1] } }, ['{"a":[1]}'], ['{"a":[2]}']],
    [
      record({ a: integer, b: string }, ['b']),
      ['{"a":1,"b":"x"}', '{ "b": "x" }'],
      ['{}', '{"a":1}', '{"b":"x","c":1}']
    ],
    [
      record({ a: integer, b: string, c: integer }),
      ['{}', '{"a":1,"c":2}', '{"b":"x"}'],
      ['{"c":1,"a":2}', '{,"a":1}']
    ],
    [{ type: 'object', required: ['a'] }, ['{"a":[1]}'], ['{}']],
    [{ type: 'object', additionalProperties: integer }, ['{"x":1,"y":2}', '{}'], ['{"x":"1"}']],
    [{ type: 'object' }, ['{"x":{"y":[null]}}'], ['[]']],
    [record({ gone: false as never, a: integer }), ['{"a":1}'], ['{"gone":1}']],
    [
      { type: 'array', items: integer, minItems: 1, maxItems: 2 },
      ['[1]', '[1, 2]'],
      ['[]', '[1,2,3]', '["1"]']
    ],
    [{ type: 'array', prefixItems: [integer, string] }, ['[1,"a"]'], ['[1]', '["a",1]']],
    [{ anyOf: [integer, { type: 'array', items: string }] }, ['4', '["a"]'], ['"a"', '[4]']],
    [tree, ['{"name":"a","left":{"name":"b","left":null}}'], ['{"name":"a","left":1}']],
    [
      {
        allOf: [{ $ref: '#/$defs/a' }, record({ b: integer }, ['b'])],
        $defs: { a: record({ a: integer }, ['a']) }
      },
      ['{"a":1,"b":2}'],
      ['{"a":1}', '{"b":2}']
    ],
    [
      {
        ...record({ kind: string }, ['kind']),
        anyOf: [record({ x: integer }, ['x']), record({ y: integer }, ['y'])]
      },
      ['{"kind":"k","x":1}', '{"kind":"k","y":1}'],
      ['{"x":1}', '{"kind":"k"}']
    ]
  ])('%j', (schema, allowed, refused) => {
    const grammar = schemaGrammar(schema)
    for (const text of allowed) assert.equal(follows(grammar, text), 'whole', text)
    for (const text of refused) assert.notEqual(follows(grammar, text), 'whole', text)
  })

  it('is any object where no schema is given, and each beginning of one leads on', () => {
    const value = fc.letrec(tie => ({
      value: fc.oneof(
        { maxDepth: 3 },
        ...[fc.string({ unit: 'binary' }), fc.integer(), fc.boolean(), fc.constant(null)],
        fc.array(tie('value'), { maxLength: 3 }),
        fc.dictionary(fc.string(), tie('value'), { maxKeys: 3 })
      )
    })).value
    fc.assert(
      fc.property(fc.dictionary(fc.string(), value, { maxKeys: 4 }), json => {
        const text = JSON.stringify(json)
        assert.equal(follows(JSON_GRAMMAR, text), 'whole')
        assert.equal(follows(JSON_GRAMMAR, text.slice(0, -1)), 'beginning')
        assert.equal(follows(JSON_GRAMMAR, `${text}x`), 'not')
      }),
      { numRuns: 100 }
    )
  })

  it('is a call of one of the tools, and of no other', () => {
    const grammar = callGrammar(
      [{ name: 'look', parameters: record({ at: integer }, ['at']) }, { name: 'wait' }],
      {
        opened: false
      }
    )
    const call = (body: string) => follows(grammar, `<tool_call>${body}</tool_call>`)
    assert.equal(call('{"name": "look", "arguments": {"at": 1}}'), 'whole')
    assert.equal(call('{"name":"wait","arguments":{}}'), 'whole')
    assert.equal(call('{"name": "look", "arguments": {}}'), 'not')
    assert.equal(call('{"name": "leave", "arguments": {}}'), 'not')
  })

  it('may be a call or JSON, where tools are offered and JSON is wanted', () => {
    const { grammar } = constraintOf({ tools: [{ name: 'wait' }], responseFormat: { type: 'json' } })!
    assert.equal(follows(grammar, '{"a":1}'), 'whole')
    assert.equal(follows(grammar, '<tool_call>{"name":"wait","arguments":{}}</tool_call>'), 'whole')
    assert.equal(follows(grammar, 'Well'), 'not')
  })
})

const deep = (levels: number): Schema => (levels === 0 ? {} : { type: 'array', items: deep(levels - 1) })
/** Each part refers to the next twice. */
const doubling = (levels: number): Schema => ({
  $ref: '#/$defs/p0',
  $defs: Object.fromEntries(
    Array.from({ length: levels }, (_, n) => {
      const next = { $ref: `#/$defs/p${n + 1}` }
      return [
        `p${n}`,
        n === levels - 1 ? string : { type: 'object', anyOf: [next, next], properties: { a: string } }
      ]
    })
  )
})

describe('a schema that is refused', () => {
  it.each<[what: string, schema: Schema, why: RegExp]>([
    ['is too deep', deep(40), /levels deep/],
    [
      'has too many parts',
      record(Object.fromEntries(Array.from({ length: 3000 }, (_, n) => [`p${n}`, string]))),
      /2000 parts/
    ],
    ['stands for many more parts than it has', doubling(30), /2000 parts|levels deep/],
    ['is put together from itself', { allOf: [{ $ref: '#' }, { $ref: '#' }] }, /no end|parts|deep/],
    ['refers to what is not there', { $ref: '#/$defs/none' }, /no part/],
    ['refers to elsewhere', { $ref: 'https://example.org/schema' }, /no part/],
    [
      'says what no rule says',
      { type: 'object', patternProperties: { '^x': string } },
      /"patternProperties"/
    ],
    ['says what is not to be', { not: string }, /"not"/],
    ['has no choice', { enum: [] }, /no choice in "enum"/],
    ['allows nothing', record({ a: false as never }, ['a']), /no value/],
    ['has a type that JSON has not', { type: 'date' }, /"date"/]
  ])('%s', (_, schema, why) => {
    assert.throws(() => schemaGrammar(schema), { code: 'INVALID_INPUT', message: why })
  })

  it('may not be for a tool, whose other words are left to the model', () => {
    const parameters = { type: 'object', patternProperties: { '^x': string } }
    assert.ok(constraintOf({ tools: [{ name: 'a', parameters }], toolChoice: 'required' }))
  })

  it.each([
    ['a tool that is not there', { tools: [{ name: 'a' }], toolChoice: { name: 'b' } }],
    ['a tool where there is none', { toolChoice: 'required' as const }]
  ])('is %s', (_, params) => {
    assert.throws(() => constraintOf(params), { code: 'INVALID_INPUT', message: /toolChoice/ })
  })
})

describe('a grammar that is hostile', () => {
  /** Ends, whatever it is given: each byte that may come is tried. */
  function walk(schema: Schema, text: string): void {
    const machine = new GrammarMachine(schemaGrammar(schema))
    let state: State | undefined = machine.start
    for (const byte of Buffer.from(text)) {
      machine.begin(state)
      for (let other = 0; other < 256; other++) machine.step(state, other)
      state = machine.step(state, byte)
      if (state === undefined) return
    }
  }

  it('that contains itself and nothing else allows nothing', () => {
    for (const schema of [{ $ref: '#' }, { anyOf: [{ $ref: '#' }, { $ref: '#' }] }]) {
      const { start } = new GrammarMachine(schemaGrammar(schema))
      assert.deepEqual([start.ways.length, start.ends, start.rest], [0, false, Number.POSITIVE_INFINITY])
    }
  })

  it('is refused when its ways are too many, before it takes seconds', { timeout: 90_000 }, () => {
    const inner = { anyOf: [{ $ref: '#' }, integer] }
    const item = { anyOf: Array.from({ length: 12 }, () => ({ type: 'array', items: inner, minItems: 300 })) }
    const choices = Array.from({ length: 9000 }, (_, n) => n)
    const startedMs = performance.now()
    assert.throws(() => walk(item, '['.repeat(40)), { code: 'INVALID_INPUT', message: /too many ways/ })
    assert.throws(() => walk({ enum: choices.map(n => `a${n}`) }, '"a'), { message: /too many ways/ })
    assert.ok(performance.now() - startedMs < 15_000)
  })

  it('keeps no more than its share over a long answer', { timeout: 90_000 }, () => {
    walk(
      { type: 'array', items: { type: 'string', maxLength: 900 } },
      `[${'"word after word", '.repeat(600)}`
    )
  })
})

/** Tokens of one byte and more, as a byte-level tokenizer writes them. */
function tokensOf(texts: readonly string[]): TokenBytes {
  const vocabulary = new Map(texts.map((text, id) => [text.replaceAll(' ', '\u0120'), id]))
  const tokenizer = {
    get_vocab: () => vocabulary,
    _tokenizerJSON: { decoder: { type: 'ByteLevel' }, added_tokens: [] }
  }
  return new TokenBytes(tokenizer as never, new Set())
}
const END = 1000
const ENDS = new Set([END])

describe('tokens under a grammar', () => {
  const texts = [
    ...'{}[]":, abc019-',
    '{"',
    '":',
    '"a',
    '", "',
    'a"}',
    '}}',
    '[1',
    '1, ',
    '9]',
    'abc',
    ' "',
    'true',
    'tr',
    'ue'
  ]

  it('are all those that are allowed one by one', () => {
    const bytes = tokensOf(texts)
    const schema = record({
      a: { anyOf: [integer, { type: 'array', items: integer }, { type: 'boolean' }] },
      b: string
    })
    fc.assert(
      fc.property(
        fc.array(fc.nat({ max: 1000 }), { maxLength: 20 }),
        fc.integer({ min: 1, max: 60 }),
        (picks, room) => {
          const guard = new Guard(schemaGrammar(schema), bytes, { ends: ENDS, room })
          for (const pick of picks) {
            if (guard.isComplete) break
            const scores = new Float32Array(END + 1)
            guard.mask(scores)
            const allowed = [...scores.keys()].filter(token => scores[token] === 0)
            assert.deepEqual(
              allowed,
              [...texts.keys(), END].filter(token => guard.allows(token))
            )
            const token = allowed[pick % allowed.length]!
            if (token === END) break
            guard.take(token)
          }
        }
      )
    )
  })

  it('lead to an end within the room of the answer, whatever the model would rather say', () => {
    const schema = record({ a: string, b: { type: 'array', items: integer } }, ['a', 'b'])
    for (const room of [16, 17, 25, 60]) {
      const guard = new Guard(schemaGrammar(schema), tokensOf(texts), { ends: ENDS, room })
      let text = ''
      let count = 0
      for (; !guard.isComplete; count++) {
        // What makes the text longer comes first.
        const token = ['abc', '1, ', '[1', ...texts]
          .map(one => texts.indexOf(one))
          .find(one => guard.allows(one))!
        guard.take(token)
        text += texts[token]
      }
      assert.deepEqual([count <= room, guard.isShortened], [true, true])
      assert.deepEqual(Object.keys(JSON.parse(text)), ['a', 'b'])
    }
  })

  it('never stop before the answer is whole, and end with it', () => {
    const guard = new Guard(schemaGrammar(record({ a: integer }, ['a'])), tokensOf(texts), {
      ends: ENDS,
      room: 1000
    })
    for (const token of ['{"', 'a', '":', '1']) {
      assert.ok(!guard.allows(END) && !guard.isComplete)
      assert.ok(guard.allows(texts.indexOf(token)), token)
      guard.take(texts.indexOf(token))
    }
    guard.take(texts.indexOf('}'))
    assert.ok(guard.allows(END) && guard.isComplete)
  })

  it('may be none: then the answer fails, and says why', () => {
    const guard = new Guard(schemaGrammar({ const: 'z' }), tokensOf(texts), { ends: ENDS, room: 1000 })
    guard.take(texts.indexOf('"'))
    assert.throws(() => guard.mask(new Float32Array(END + 1)), { code: 'INVALID_INPUT' })
  })

  it('are known by their bytes for tokenizers of both kinds', () => {
    const of = (decoder: object, vocabulary: [string, number][]) =>
      new TokenBytes(
        { get_vocab: () => new Map(vocabulary), _tokenizerJSON: { decoder, added_tokens: [] } } as never,
        new Set()
      )
    const word = of({ type: 'Sequence', decoders: [{ type: 'Replace' }, { type: 'ByteFallback' }] }, [
      ['\u2581a', 0],
      ['<0xC3>', 1]
    ])
    assert.deepEqual([...word.of(0)!, ...word.of(1)!], [0x20, 0x61, 0xc3])
    const byte = of({ type: 'ByteLevel' }, [['\u0120\u00c3\u0122', 0]])
    assert.deepEqual([...byte.of(0)!], [0x20, 0xc3, 0x80])
    assert.throws(() => of({ type: 'WordPiece' }, [['a', 0]]), { code: 'INVALID_INPUT' })
  })
})
