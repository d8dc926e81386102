/** Other clients of OpenAI's protocol, unchanged, against models that another device has. */

import assert from 'node:assert/strict'
import { createOpenAICompatible } from '@ai-sdk/openai-compatible'
import { HumanMessage } from '@langchain/core/messages'
import { tool as langchainTool } from '@langchain/core/tools'
import { ChatOpenAI, OpenAIEmbeddings } from '@langchain/openai'
import { Agent, tool as agentTool, OpenAIProvider, Runner, setTracingDisabled } from '@openai/agents'
import { embedMany, generateText, isStepCount, streamText, tool } from 'ai'
import { afterAll, beforeAll, describe, it } from 'vitest'
import * as z from 'zod'
import { EMBEDDER, TALKER, vectorOf } from './scripted-engine.ts'
import { type Devices, startDevices } from './two-devices.ts'

let devices: Devices
beforeAll(async () => {
  devices = await startDevices()
})
afterAll(() => devices[Symbol.asyncDispose]())

const City = z.object({ city: z.string() })
const degreesOf = ({ city }: z.infer<typeof City>) => `21 in ${city}`

describe('the AI SDK', () => {
  const provider = () =>
    createOpenAICompatible({
      name: 'lumos',
      baseURL: devices.baseURL,
      apiKey: devices.token,
      includeUsage: true
    })

  it('streams text and reasoning, with usage', async () => {
    const result = streamText({ model: provider()(TALKER), prompt: 'think of rain' })
    assert.equal(await result.text, 'think of rain')
    assert.equal(await result.reasoningText, 'Let me see. ')
    assert.equal((await result.usage).outputTokens, 4)
    assert.equal(await result.finishReason, 'stop')
  })

  it('calls tools, and goes on with their results', async () => {
    const tools = { weather: tool({ inputSchema: City, execute: async city => degreesOf(city) }) }
    const asked = { model: provider()(TALKER), prompt: 'weather?', tools, stopWhen: isStepCount(3) }
    assert.match((await generateText(asked)).text, /^2 results: .*21 in Oslo/)
    assert.match(await streamText(asked).text, /^2 results: .*21 in Oslo/)
  })

  it('embeds', async () => {
    const { embeddings } = await embedMany({
      model: provider().embeddingModel(EMBEDDER),
      values: ['a', 'bcd']
    })
    assert.deepEqual(embeddings, ['a', 'bcd'].map(vectorOf))
  })
})

describe('LangChain', () => {
  const configuration = () => ({ baseURL: devices.baseURL, apiKey: devices.token })
  const model = () =>
    new ChatOpenAI({ model: TALKER, configuration: configuration(), apiKey: devices.token, maxRetries: 0 })

  it('answers, streams and calls tools', async () => {
    assert.equal((await model().invoke('a b')).text, 'a b')
    let streamed = ''
    for await (const chunk of await model().stream('a b c')) streamed += chunk.text
    assert.equal(streamed, 'a b c')
    const weather = langchainTool(degreesOf, { name: 'weather', description: 'The weather.', schema: City })
    const { tool_calls } = await model()
      .bindTools([weather])
      .invoke([new HumanMessage('weather?')])
    assert.deepEqual(
      tool_calls!.map(({ name, args, id }) => [name, args, id]),
      [
        ['weather', { city: 'Bern' }, 'c-0'],
        ['weather', { city: 'Oslo' }, 'c-1']
      ]
    )
  })

  it('embeds', async () => {
    const embeddings = new OpenAIEmbeddings({
      model: EMBEDDER,
      configuration: configuration(),
      apiKey: devices.token
    })
    assert.deepEqual(await embeddings.embedDocuments(['a', 'bcd']), ['a', 'bcd'].map(vectorOf))
  })
})

describe('OpenAI agents', () => {
  it.each([
    ['chat completions', false],
    ['responses', true]
  ])('run over %s', async (_, useResponses) => {
    setTracingDisabled(true)
    const modelProvider = new OpenAIProvider({
      baseURL: devices.baseURL,
      apiKey: devices.token,
      useResponses
    })
    const weather = agentTool({
      name: 'weather',
      description: 'The weather.',
      parameters: City,
      execute: async city => degreesOf(city)
    })
    const agent = new Agent({ name: 'a', instructions: 'Be brief.', model: TALKER, tools: [weather] })
    const runner = new Runner({ modelProvider, tracingDisabled: true })
    const whole = await runner.run(agent, 'weather?')
    assert.match(whole.finalOutput!, /^2 results: .*21 in Oslo/)
    const streamed = await runner.run(agent, 'weather?', { stream: true })
    await streamed.completed
    assert.match(streamed.finalOutput!, /^2 results: .*21 in Oslo/)
  })
})
