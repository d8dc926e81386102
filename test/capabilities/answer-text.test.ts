import assert from 'node:assert/strict'
import fc from 'fast-check'
import { describe, it } from 'vitest'
import { AnswerText, type Piece } from '../../capabilities/engines/text/answer-text.ts'
import { Sampler } from '../../capabilities/engines/transformers/sampler.ts'

interface Heard {
  text: string
  reasoning: string
  calls: [name: string, json: string][]
  stopped: boolean
}

interface Reading {
  stops?: string[]
  tools?: string[]
  oneCall?: boolean
  reasons?: boolean
}

/** What is made of an answer that comes in these tokens. */
function heard(
  tokens: readonly string[],
  { stops = [], tools, oneCall = false, reasons = false }: Reading
): Heard {
  const answer = new AnswerText({ stops, oneCall, reasons, ...(tools && { tools: new Set(tools) }) })
  const pieces: Piece[] = []
  for (const token of tokens) {
    if (answer.stopped) break
    pieces.push(...answer.add(token))
  }
  pieces.push(...answer.end())
  const heard: Heard = { text: '', reasoning: '', calls: [], stopped: answer.stopped }
  for (const piece of pieces) {
    if ('text' in piece) heard.text += piece.text
    else if ('reasoning' in piece) heard.reasoning += piece.reasoning
    else heard.calls.push([piece.call.name, piece.call.arguments])
  }
  return heard
}

const WEATHER = '{"name": "weather", "arguments": {"city": "Bern"}}'
const BERN: [string, string] = ['weather', '{"city": "Bern"}']
/** Of several, or in another form, arguments are not to the letter. */
const BERN_AGAIN: [string, string] = ['weather', '{"city":"Bern"}']
const tools = ['weather', 'news']

describe('what a model writes', () => {
  it.each<[what: string, written: string, reading: Reading, expected: Partial<Heard>]>([
    ['is text', 'Hello <b>you</b>', {}, { text: 'Hello <b>you</b>' }],
    ['keeps its spaces', '  a\n\n', {}, { text: '  a\n\n' }],
    [
      'ends at a stop sequence',
      'one two three',
      { stops: ['two', 'three'] },
      { text: 'one ', stopped: true }
    ],
    ['ends at the first of them', 'abc', { stops: ['c', 'bc'] }, { text: 'a', stopped: true }],
    [
      'holds back no stop sequence that does not come',
      'one tw',
      { stops: ['two'] },
      { text: 'one tw', stopped: false }
    ],
    ['begins with reasoning', '<think>So.</think>\n\nYes', {}, { reasoning: 'So.', text: 'Yes' }],
    ['goes on with reasoning', 'So.</think>Yes', { reasons: true }, { reasoning: 'So.', text: 'Yes' }],
    ['is text where it speaks of reasoning', 'the tag <think>', {}, { text: 'the tag <think>' }],
    ['may end while it reasons', '<think>So', {}, { reasoning: 'So' }],
    [
      'stops for no word of its reasoning',
      '<think>two</think>a two',
      { stops: ['two'] },
      { reasoning: 'two', text: 'a ' }
    ],
    [
      'is a call of Hermes and Qwen',
      `<tool_call>\n${WEATHER}\n</tool_call>`,
      { tools },
      { calls: [BERN], text: '' }
    ],
    [
      'is text, then two calls',
      `Wait. <tool_call>${WEATHER}</tool_call>\n<tool_call>${WEATHER}</tool_call>`,
      { tools },
      { calls: [BERN, BERN], text: 'Wait. ' }
    ],
    [
      'is one call where one is wanted',
      `<tool_call>${WEATHER}</tool_call><tool_call>${WEATHER}</tool_call>`,
      { tools, oneCall: true },
      { calls: [BERN], stopped: true }
    ],
    [
      'is text where no tool is offered',
      `<tool_call>${WEATHER}</tool_call>`,
      {},
      { text: `<tool_call>${WEATHER}</tool_call>`, calls: [] }
    ],
    [
      'is text when a call is none',
      '<tool_call>{"nome": 1}</tool_call>.',
      { tools },
      { text: '<tool_call>{"nome": 1}</tool_call>.', calls: [] }
    ],
    [
      'is text when a call has no end',
      '<tool_call>{"name"',
      { tools },
      { text: '<tool_call>{"name"', calls: [] }
    ],
    [
      'is calls of Mistral',
      `[TOOL_CALLS][${WEATHER}, ${WEATHER}]`,
      { tools },
      { calls: [BERN_AGAIN, BERN_AGAIN] }
    ],
    [
      'is calls of later Mistrals',
      '[TOOL_CALLS]weather[ARGS]{"city": "Bern"}[TOOL_CALLS]news[CALL_ID]ab1[ARGS]{}',
      { tools },
      { calls: [BERN_AGAIN, ['news', '{}']] }
    ],
    [
      'is a call of Llama',
      '{"name": "weather", "parameters": {"city": "Bern"}}',
      { tools },
      { calls: [BERN] }
    ],
    [
      'is calls of Llama with a tag',
      `<|python_tag|>${WEATHER}; ${WEATHER}`,
      { tools },
      { calls: [BERN_AGAIN, BERN_AGAIN] }
    ],
    [
      'is JSON where it names no tool',
      '{"name": "Bern"} END',
      { tools, stops: ['END'] },
      { text: '{"name": "Bern"} ', calls: [], stopped: true }
    ],
    [
      'has arguments that are JSON in a text',
      '{"name": "weather", "arguments": "{\\"city\\": \\"Bern\\"}"}',
      { tools },
      { calls: [BERN_AGAIN] }
    ]
  ])('%s', (_, written, reading, expected) => {
    const whole = heard([written], reading)
    const partly = Object.fromEntries(Object.keys(expected).map(key => [key, whole[key as keyof Heard]]))
    assert.deepEqual(partly, expected)
    // Wherever the seams of its tokens are.
    assert.deepEqual(heard([...written], reading), whole)
  })

  it('means the same wherever its tokens end', () => {
    const part = fc.constantFrom(
      '<think>',
      '</think>',
      '<tool_call>',
      '</tool_call>',
      WEATHER,
      '[TOOL_CALLS]',
      ' ',
      'a',
      'st',
      'op',
      '{',
      '}'
    )
    fc.assert(
      fc.property(fc.array(part, { maxLength: 8 }), fc.boolean(), (parts, offers) => {
        const written = parts.join('')
        const reading = { stops: ['stop'], ...(offers && { tools }) }
        assert.deepEqual(heard([...written], reading), heard([written], reading))
        assert.deepEqual(heard(parts, reading), heard([written], reading))
      }),
      { numRuns: 500 }
    )
  })
})

describe('the choice of a token', () => {
  const greedy = {
    ...{ temperature: 0, topP: 1, topK: 0, minP: 0, seed: 1 },
    ...{ frequencyPenalty: 0, presencePenalty: 0, repetitionPenalty: 1 }
  }
  const chosen = (sampling: object, prompt: number[] = [], count = 2000): number[] => {
    const sampler = new Sampler({ ...greedy, ...sampling }, prompt)
    const tokens = Array.from(
      { length: count },
      () => sampler.choose(Float32Array.of(0, 1, 2, 1.9, -1)).token
    )
    return [...new Set(tokens)].sort()
  }

  it('is the likeliest without a temperature', () => assert.deepEqual(chosen({}), [2]))
  it('is any with one', () => assert.deepEqual(chosen({ temperature: 1 }), [0, 1, 2, 3, 4]))
  it('is one of the likeliest that topK says', () =>
    assert.deepEqual(chosen({ temperature: 1, topK: 2 }), [2, 3]))
  it('is one of the fewest that topP says', () =>
    assert.deepEqual(chosen({ temperature: 1, topP: 0.7 }), [2, 3]))
  it('is none far below the likeliest', () =>
    assert.deepEqual(chosen({ temperature: 1, minP: 0.3 }), [1, 2, 3]))
  it('leaves out what came already', () => {
    assert.deepEqual(chosen({ presencePenalty: 2 }, [], 2), [2, 3])
    assert.deepEqual(chosen({ frequencyPenalty: 0.2 }, [], 2), [2, 3])
    assert.deepEqual(chosen({ repetitionPenalty: 2 }, [2], 1), [3])
  })

  it('repeats with its seed, and is another with another', () => {
    const run = (seed: number): number[] => {
      const sampler = new Sampler({ ...greedy, temperature: 1, seed }, [])
      return Array.from({ length: 50 }, () => sampler.choose(Float32Array.of(0, 1, 2, 1.9, -1)).token)
    }
    assert.deepEqual(run(7), run(7))
    assert.notDeepEqual(run(7), run(8))
  })

  it('says how likely it was, and the others, whatever is taken away from them', () => {
    const sampler = new Sampler({ ...greedy, top: 2, presencePenalty: 2 }, [])
    const scores = [0, 1, 2]
    const choices = [1, 2].map(() => sampler.choose(Float32Array.from(scores)))
    const sum = scores.reduce((all, score) => all + Math.exp(score), 0)
    const likely = (token: number) => [token, Number((scores[token]! - Math.log(sum)).toFixed(4))]
    assert.deepEqual(
      choices.map(({ likelihoods }) =>
        likelihoods!.map(([token, logprob]) => [token, Number(logprob.toFixed(4))])
      ),
      [
        [likely(2), likely(2), likely(1)],
        [likely(1), likely(2), likely(1)]
      ]
    )
  })

  it('follows the probabilities', () => {
    const sampler = new Sampler({ ...greedy, temperature: 0.5 }, [])
    let zeros = 0
    for (let at = 0; at < 20_000; at++) if (sampler.choose(Float32Array.of(0, 1)).token === 0) zeros++
    // One in 1 + e².
    assert.ok(Math.abs(zeros / 20_000 - 0.1192) < 0.01, `${zeros}`)
  })
})
