/** Promises of Anthropic's protocol: streams and tools. */

import {
  ANTHROPIC_WHOLE,
  ask,
  bodyOf,
  DOCS,
  headersOf,
  MESSAGES,
  message,
  REASONS,
  textOf
} from './anthropic.ts'
import {
  type Check,
  type Json,
  need,
  needCount,
  needEqual,
  needList,
  needOne,
  needText,
  parsed,
  Skipped,
  told
} from './check.ts'
import * as q from './questions.ts'
import type { Answer, Server } from './server.ts'
import { eventsOf } from './streams.ts'

const TOOL = { name: q.WEATHER.name, description: q.WEATHER.description, input_schema: q.WEATHER.schema }

/** Events of a stream; `ping` may come anywhere. */
async function events(server: Server, content: unknown, more: object = {}): Promise<Json[]> {
  const answer = await ask(server, await bodyOf(server, content, { ...more, stream: true }))
  return eventsOf(answer)
    .map(({ event, data }) => {
      const value = parsed(data, 'an event')
      needEqual(value.type, event, 'type of an event')
      return value
    })
    .filter(({ type }) => type !== 'ping')
}

async function called(server: Server, more: object = {}): Promise<Answer> {
  const body = await bodyOf(server, q.ABOUT_WEATHER, {
    ...{ max_tokens: q.OBJECT_TOKENS, tools: [TOOL], tool_choice: { type: 'any' } },
    ...more
  })
  const answer = await ask(server, body)
  if ((answer.status !== 200 && answer.status < 500) || answer.status === 501)
    throw new Skipped(`the model takes no tools: ${told(answer.text)}`)
  return answer
}

const ORDER =
  'message_start (content_block_start content_block_delta+ content_block_stop)+ message_delta message_stop'

const STREAMS: readonly Check[] = [
  {
    name: 'stream.order',
    promise: 'The events of a stream come in the order that clients read.',
    source: `${DOCS}/messages-streaming`,
    async run(server) {
      const types = (await events(server, q.HELLO)).map(({ type }) => type)
      const text = types
        .filter((type, n) => type !== 'content_block_delta' || types[n - 1] !== type)
        .join(' ')
      const block = 'content_block_start( content_block_delta)? content_block_stop'
      const ordered = new RegExp(`^message_start( ${block})+ message_delta message_stop$`).test(text)
      need(ordered, `the events are ${told(text)}, not ${ORDER}`)
    }
  },
  {
    name: 'stream.text',
    promise: 'The deltas of a stream have a text, and its blocks are numbered from 0.',
    source: `${DOCS}/messages-streaming`,
    async run(server) {
      const all = await events(server, q.HELLO)
      needEqual(all[0]?.message?.role, 'assistant', 'the role in message_start')
      needEqual(all[0].message.content?.length, 0, 'the number of blocks in message_start')
      const text = all.map(({ delta }) => (delta?.type === 'text_delta' ? delta.text : '')).join('')
      needText(text, 'the text of all deltas')
      const starts = all.filter(({ type }) => type === 'content_block_start')
      for (const [n, { index }] of starts.entries()) needEqual(index, n, 'index of a block')
    }
  },
  {
    name: 'stream.end',
    promise: 'message_delta says why the answer ended, and how many tokens it has.',
    source: `${DOCS}/messages-streaming`,
    async run(server) {
      const last = (await events(server, q.HELLO)).find(({ type }) => type === 'message_delta')
      needOne(last?.delta?.stop_reason, REASONS, 'stop_reason')
      needCount(last.usage?.output_tokens, 'usage.output_tokens')
    }
  },
  {
    name: 'stream.abort',
    promise: 'A client that leaves ends its answer: nine such clients block no other.',
    source: `${DOCS}/messages-streaming`,
    async run(server) {
      const body = await bodyOf(server, q.ENDLESS, { stream: true, max_tokens: 1024 })
      for (let n = 0; n < q.LEFT; n++) await server.leave(MESSAGES, body, headersOf(server))
      needList((await message(server, q.HELLO)).content, 'content')
    }
  }
]

const TOOLS: readonly Check[] = [
  {
    name: 'tools.call',
    promise: 'With tool_choice any, the model calls a tool with an object for input.',
    source: `${DOCS}/messages`,
    async run(server) {
      const answer = (await called(server)).json()
      const uses = (answer.content ?? []).filter(({ type }: Json) => type === 'tool_use')
      needList(uses, 'the tool_use blocks')
      for (const { id, name, input } of uses) {
        needText(id, 'id of the call')
        needEqual(name, q.WEATHER.name, 'name of the call')
        needText(input?.city, 'input.city of the call')
      }
      needEqual(answer.stop_reason, 'tool_use', 'stop_reason')
    }
  },
  {
    name: 'tools.round',
    promise: 'The result of a tool is answered by text.',
    source: `${DOCS}/messages`,
    async run(server) {
      const { content } = (await called(server)).json()
      const uses = (content ?? []).filter(({ type }: Json) => type === 'tool_use')
      needList(uses, 'the tool_use blocks')
      const results = uses.map(({ id }: Json) => ({
        type: 'tool_result',
        tool_use_id: id,
        content: q.RESULT
      }))
      const messages = [
        { role: 'user', content: q.ABOUT_WEATHER },
        { role: 'assistant', content },
        { role: 'user', content: results }
      ]
      needText(
        textOf((await message(server, '', { messages, tools: [TOOL] })).content),
        'the text of content'
      )
    }
  },
  {
    name: 'tools.stream',
    promise: 'In a stream, the pieces of the input of a call make JSON.',
    source: `${DOCS}/messages-streaming`,
    async run(server) {
      const all = eventsOf(await called(server, { stream: true })).map(({ data }) => parsed(data, 'an event'))
      const starts = all.filter(({ content_block: block }) => block?.type === 'tool_use')
      needList(starts, 'the tool_use blocks')
      for (const { index, content_block: block } of starts) {
        needText(block.id, 'id of the call')
        const pieces = all.filter(one => one.index === index && one.delta?.type === 'input_json_delta')
        const text = pieces.map(({ delta }) => delta.partial_json).join('')
        needText(parsed(text, 'the input').city, 'city of the input')
      }
    }
  }
]

export const ANTHROPIC: readonly Check[] = [
  ...ANTHROPIC_WHOLE.ANSWERS,
  ...STREAMS,
  ...TOOLS,
  ...ANTHROPIC_WHOLE.ERRORS
]
