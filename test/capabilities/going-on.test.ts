/** Servers beside the node that go on with an answer which another device began, each in its own way. */

import { describe, expect, it, onTestFinished } from 'vitest'
import { OpenAiEngine } from '../../capabilities/engines/openai/engine.ts'
import type { WritesOn } from '../../capabilities/engines/openai/going-on.ts'
import { Answer } from '../../interface/answer.ts'
import type { InferenceChunk } from '../../interface/chunks.ts'
import { systemClock } from '../../interface/clock.ts'
import { EngineFailedError } from '../../interface/errors.ts'
import { prepare } from '../../interface/prepare.ts'
import { DONE, delta, event, type Said, startModelServer } from '../fixtures/model-server.ts'

const WORDS = ['one ', 'two ', 'three ', 'four ', 'five']
const WHOLE = WORDS.join('')
const SAID = 'one two '
/** As the template of the server has the question. */
const TEMPLATED = '<user>count<assistant>'

interface Body {
  readonly messages?: readonly { role: string; content: string }[]
  readonly prompt?: string
  readonly max_tokens?: number
  readonly continue_final_message?: boolean
  readonly add_generation_prompt?: boolean
}

/** Writes what follows `begun`, a word at a time. */
const writing = (begun: string, { max_tokens = 99 }: Body, isChat: boolean): Said => {
  const words = WHOLE.slice(begun.length).match(/\s*\S+\s*/g) ?? []
  const given = words.slice(0, max_tokens)
  const piece = (text: string) => (isChat ? delta({ content: text }) : event({ choices: [{ text }] }))
  const usage = { prompt_tokens: 10, completion_tokens: given.length }
  return {
    stream: [
      ...given.map(piece),
      event({ choices: [{ finish_reason: given.length < words.length ? 'length' : 'stop' }] }),
      event({ choices: [], usage }),
      DONE
    ]
  }
}

const PRODUCTS: Record<string, (body: Body, path: string) => Said | undefined> = {
  vllm(body) {
    const { messages = [], continue_final_message: isTold, add_generation_prompt: isNew } = body
    const last = messages.at(-1)!
    if (last.role !== 'assistant') return writing('', body, true)
    return isTold && isNew === false ? writing(last.content, body, true) : { status: 400, json: {} }
  },
  ollama(body) {
    const last = body.messages!.at(-1)!
    return writing(last.role === 'assistant' ? last.content : '', body, true)
  },
  'llama.cpp'(body, path) {
    if (path === '/apply-template') return { json: { prompt: TEMPLATED } }
    if (path === '/v1/chat/completions') return writing('', body, true)
    const { prompt = '' } = body
    return prompt.startsWith(TEMPLATED) ? writing(prompt.slice(TEMPLATED.length), body, false) : undefined
  },
  'lm-studio': body => writing('', body, true)
}
const WAYS: Record<string, WritesOn> = { vllm: 'told', ollama: 'last-message', 'llama.cpp': 'template' }

/** What the server gives of an answer of which `said` was said. */
async function restOf(product: string, params: object = {}, said = SAID, input: object = {}) {
  await using server = await startModelServer(({ body, path }) =>
    PRODUCTS[product]!(body as unknown as Body, path)
  )
  const request = prepare({
    ...{ id: 'r', task: 'text-generation', budgetMs: 20_000, params: { maxTokens: 20, ...params } },
    input: { messages: [{ role: 'user', content: 'count' }], ...input },
    resume: { index: 2, text: said, tokens: [] }
  })
  const engine = new OpenAiEngine({
    server: { name: product, url: server.url },
    ...{ model: 'm', writesOn: WAYS[product], clock: systemClock }
  })
  const proven = new Answer(request, what => new EngineFailedError(what))
  const chunks: InferenceChunk[] = []
  for await (const chunk of engine.infer(request)) chunks.push(proven.accept(chunk))
  const [first, ...rest] = chunks
  const text = rest.map(chunk => ('text' in chunk ? chunk.text : '')).join('')
  return { first, text, indexes: rest.map(({ index }) => index), done: rest.at(-1) }
}

describe('an answer that another device began', () => {
  it.each(Object.keys(WAYS))('is gone on with by %s from its text, and says that it is so', async product => {
    const { first, text, indexes, done } = await restOf(product)
    expect(first).toEqual({
      ...{ type: 'progress', index: 2, stage: 'continued', done: 2, continued: 'prefill' }
    })
    expect(SAID + text).toBe(WHOLE)
    expect(indexes).toEqual([...indexes.keys()].map(i => i + 2))
    expect(done).toMatchObject({ finishReason: 'stop', usage: { inputTokens: 8, outputTokens: 5 } })
  })

  it.each(Object.keys(WAYS))('has no more pieces at %s than were asked for', async product => {
    const { text, done } = await restOf(product, { maxTokens: 4 })
    expect(SAID + text).toMatch(/^one two three four ?$/)
    expect(done).toMatchObject({ finishReason: 'length' })
  })

  it.each(Object.keys(PRODUCTS))(
    'is written again by %s under a schema, where it comes out the same',
    async product => {
      const params = { temperature: 0, responseFormat: { type: 'json' } }
      const { first, text, done } = await restOf(product, params)
      expect(first).toMatchObject({ stage: 'continued', continued: 'exact' })
      expect(SAID + text).toBe(WHOLE)
      expect(done).toMatchObject({ usage: { inputTokens: 10, outputTokens: 5 } })
    }
  )

  it('is refused where it comes out otherwise, ends before, or would not come out the same', async () => {
    const refused = { code: 'INVALID_INPUT', details: { field: 'resume' } }
    await expect(restOf('lm-studio', { seed: 7 }, 'one 2 ')).rejects.toMatchObject(refused)
    await expect(restOf('lm-studio', { seed: 7 }, `${WHOLE} six`)).rejects.toMatchObject(refused)
    await expect(restOf('lm-studio')).rejects.toMatchObject(refused)
    // A stop sequence that may have begun is not seen by a server that is given its beginning.
    await expect(restOf('vllm', { stop: ['o th'] }, 'one two')).rejects.toMatchObject(refused)
    // Ollama puts a prompt into a template, too.
    await expect(restOf('ollama', {}, SAID, { messages: undefined, prompt: 'count' })).rejects.toMatchObject(
      refused
    )
  })

  it('is read once more by a server that says no template, and refused', async () => {
    const without = PRODUCTS['llama.cpp']!
    PRODUCTS['llama.cpp'] = (body, path) => (path === '/apply-template' ? undefined : without(body, path))
    onTestFinished(() => {
      PRODUCTS['llama.cpp'] = without
    })
    await expect(restOf('llama.cpp')).rejects.toMatchObject({ code: 'INVALID_INPUT' })
    expect((await restOf('llama.cpp', { seed: 1 })).first).toMatchObject({ continued: 'exact' })
  })
})
