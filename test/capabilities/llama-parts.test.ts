/** The parts of the llama.cpp engine that need no llama.cpp. */

import assert from 'node:assert/strict'
import { describe, it } from 'vitest'
import { candidates, openLlama } from '../../capabilities/engines/llama-cpp/accelerator.ts'
import { Conversations } from '../../capabilities/engines/llama-cpp/conversations.ts'
import type { Library, Llama, Sequence, Token } from '../../capabilities/engines/llama-cpp/library.ts'
import { Threads } from '../../capabilities/engines/llama-cpp/threads.ts'
import { callGrammar, schemaGrammar } from '../../capabilities/engines/text/schema-grammar.ts'
import { ManualClock } from './manual-clock.ts'

describe('places of a context', () => {
  class Place implements Pick<Sequence, 'contextTokens' | 'nextTokenIndex'> {
    contextTokens: Token[] = []
    /** Tokens that were evaluated, in all. */
    evaluated = 0
    get nextTokenIndex(): number {
      return this.contextTokens.length
    }
    compareContextTokens(tokens: readonly Token[]) {
      let same = 0
      while (same < tokens.length && tokens[same] === this.contextTokens[same]) same++
      return { firstDifferentIndex: Math.min(same, this.contextTokens.length) }
    }
    async eraseContextTokenRanges([range]: readonly { start: number; end: number }[]) {
      this.contextTokens.splice(range!.start, range!.end - range!.start)
    }
    async evaluateWithoutGeneratingNewTokens(tokens: readonly Token[]) {
      this.contextTokens.push(...tokens)
      this.evaluated += tokens.length
    }
  }
  const tokensOf = (words: string) => [...words].map(character => character.codePointAt(0) as Token)
  const make = (count: number) => {
    const places = Array.from({ length: count }, () => new Place())
    return { places, conversations: new Conversations(places as unknown as Sequence[]) }
  }
  const ask = async (conversations: Conversations, words: string, signal?: AbortSignal) => {
    const work = async function* (sequence: Sequence) {
      yield sequence as unknown as Place
    }
    return (await Array.fromAsync(conversations.with(tokensOf(words), signal, work)))[0]!
  }

  it('evaluate only what is new in the next turn of a conversation', async () => {
    const { places, conversations } = make(2)
    const first = await ask(conversations, 'rules. question one')
    await ask(conversations, 'other talk, which is long')
    assert.equal(await ask(conversations, 'rules. question one, answer, two'), first)
    assert.equal(first.evaluated, 'rules. question one, answer, tw'.length)
    // The same again costs nothing: its last token is evaluated with the answer.
    await ask(conversations, 'rules. question one, answer, two')
    assert.equal(first.evaluated + places[1]!.evaluated, 31 + 'other talk, which is lon'.length)
  })

  it('end the conversation that was not used for longest, not one with the same instructions', async () => {
    const { places, conversations } = make(2)
    const a = await ask(conversations, 'rules. a long conversation of one')
    const b = await ask(conversations, 'no rules at all')
    assert.notEqual(a, b)
    await ask(conversations, 'rules. a long conversation of one, on')
    assert.equal(await ask(conversations, 'rules. another'), b)
    assert.equal(places.filter(({ nextTokenIndex }) => nextTokenIndex > 0).length, 2)
  })

  it('are not taken twice, and are free after an abort', async () => {
    const { conversations } = make(1)
    const signal = AbortSignal.abort(new Error('left'))
    await assert.rejects(ask(conversations, 'some words', signal), { message: 'left' })
    const held = conversations.with(tokensOf('hi'), undefined, async function* () {
      yield 1
      yield 2
    })
    await held.next()
    await assert.rejects(ask(conversations, 'more'), { code: 'ENGINE_FAILED' })
    await held.return(undefined)
    await ask(conversations, 'more')
  })
})

describe('threads', () => {
  /** @param tokenMs what a token takes, by the number of threads. */
  async function measured(cores: number, tokenMs: Readonly<Record<number, number>>) {
    const clock = new ManualClock()
    let used = 0
    const threads = new Threads({
      clock,
      cores,
      use: count => {
        used = count
      }
    })
    await threads.measure(async () => clock.advance(tokenMs[used]!))
    return { threads, used: () => used }
  }

  it('are as many as were seen to be faster, and leave a core', async () => {
    assert.equal((await measured(16, { 1: 80, 2: 42, 4: 24, 8: 23 })).used(), 4)
    assert.equal((await measured(2, { 1: 80 })).used(), 1)
    assert.equal((await measured(8, { 1: 2, 2: 90 })).used(), 1)
  })

  it('become fewer when other work makes tokens slow', async () => {
    const { threads, used } = await measured(16, { 1: 80, 2: 40, 4: 20, 8: 19 })
    for (const tokenMs of [22, 300, 21, 300]) threads.took(tokenMs)
    assert.equal(used(), 4)
    for (const tokenMs of [300, 300, 300]) threads.took(tokenMs)
    assert.equal(used(), 2)
  })
})

describe('accelerators', () => {
  const on = (accelerators: string[], env = {}, platform = 'linux') =>
    candidates(accelerators, { platform, env })

  it('are those that are installed, unless the environment turns them off', () => {
    assert.deepEqual(on(['vulkan', 'cuda']), ['cuda', 'vulkan'])
    assert.deepEqual(on([], {}, 'darwin'), ['metal'])
    assert.deepEqual(on(['cuda'], { CUDA_VISIBLE_DEVICES: '' }), [])
    assert.deepEqual(on(['cuda'], { CUDA_VISIBLE_DEVICES: '-1' }), [])
    assert.deepEqual(on(['cuda'], { CUDA_VISIBLE_DEVICES: 'GPU-8f2a' }), ['cuda'])
    assert.deepEqual(on(['cuda', 'vulkan'], { NVIDIA_VISIBLE_DEVICES: 'void' }), ['vulkan'])
  })

  it.for([
    ['a card that works', { cuda: ['NVIDIA A'] }, 'cuda'],
    ['a driver without a card', { cuda: [], vulkan: ['AMD B'] }, 'vulkan'],
    ['no driver at all', {}, false]
  ] as const)('are what answers: %s', async ([, devices, gpu]) => {
    const library = {
      LlamaLogLevel: { error: 'error' },
      async getLlama({ gpu }: { gpu: string | false }) {
        const names = gpu === false ? [] : (devices as Record<string, readonly string[]>)[gpu]
        if (names === undefined) throw new Error('no driver')
        return {
          gpu,
          getGpuDeviceNames: async () => names,
          dispose: async () => {}
        } as Partial<Llama> as Llama
      }
    } as unknown as Library
    assert.equal((await openLlama(library, ['cuda', 'vulkan'])).gpu, gpu)
  })
})

describe('a grammar of a JSON schema', () => {
  it('has a rule for each part, and stays small for one that contains itself', () => {
    const tree = { type: 'object', properties: { left: { $ref: '#' }, name: { type: 'string' } } }
    assert(schemaGrammar(tree).split('\n').length < 30)
  })

  it.for([
    [{ $ref: '#/$defs/none' }, /no part/],
    [{ enum: [1], properties: {} }, undefined],
    [deep(40), /levels deep/],
    [
      {
        type: 'object',
        properties: Object.fromEntries(Array.from({ length: 3000 }, (_, n) => [`p${n}`, { const: n }]))
      },
      /parts/
    ]
  ] as const)('is refused where it cannot be made: %j', ([schema, message]) => {
    const make = () => schemaGrammar(schema as Record<string, unknown>)
    if (message === undefined) make()
    else assert.throws(make, { code: 'INVALID_INPUT', message })
  })

  it('keeps the rules of several tools apart', () => {
    const parameters = { type: 'object', properties: { a: { type: 'integer' } } }
    const text = callGrammar(
      [
        { name: 'one', parameters },
        { name: 'two', parameters }
      ],
      { opened: false }
    )
    const names = text.split('\n').map(line => line.split(' ::= ')[0])
    assert.equal(new Set(names).size, names.length)
  })
})

function deep(levels: number): object {
  return levels === 0 ? {} : { type: 'array', items: deep(levels - 1) }
}
