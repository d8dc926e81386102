/** Promises of OpenAI's protocol: chats. */

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
import { CHAT, chatModel, DOCS } from './openai.ts'
import * as q from './questions.ts'
import type { Server } from './server.ts'
import { eventsOf } from './streams.ts'

const SOURCE = `${DOCS}/chat/create`
export const STREAM_SOURCE = `${DOCS}/chat-streaming`
const REASONS = ['stop', 'length', 'tool_calls', 'content_filter']
export const bodyOf = async (server: Server, content: unknown, more: object = {}) => ({
  ...{ model: await chatModel(server), max_tokens: q.TOKENS, messages: [{ role: 'user', content }] },
  ...more
})

export const chat = async (server: Server, content: unknown, more: object = {}): Promise<Json> =>
  server.ok(CHAT, { body: await bodyOf(server, content, more) })

async function chunks(server: Server, content: string, more: object = {}): Promise<Json[]> {
  const body = await bodyOf(server, content, { ...more, stream: true })
  const events = eventsOf(await server.ask(CHAT, { body }))
  needEqual(events.at(-1)?.data, '[DONE]', 'the last event of the stream')
  return events.slice(0, -1).map(({ data }) => parsed(data, 'an event'))
}

function needUsage(usage: Json): void {
  for (const name of ['prompt_tokens', 'completion_tokens', 'total_tokens'])
    needCount(usage?.[name], `usage.${name}`)
  needEqual(usage.total_tokens, usage.prompt_tokens + usage.completion_tokens, 'usage.total_tokens')
}

const ANSWERS: readonly Check[] = [
  {
    name: 'chat.answer',
    promise: 'A chat is answered by one message, with why it ended and what it took.',
    source: SOURCE,
    async run(server) {
      const answer = await chat(server, q.HELLO)
      needText(answer.id, 'id')
      needEqual(answer.object, 'chat.completion', 'object')
      need(Number.isInteger(answer.created), `created is ${told(answer.created)}`)
      needText(answer.model, 'model')
      needEqual(answer.choices?.length, 1, 'the number of choices')
      const [{ index, message, finish_reason: reason }] = answer.choices
      needEqual(index, 0, 'choices[0].index')
      needEqual(message?.role, 'assistant', 'the role of the message')
      needText(message.content, 'the content of the message')
      needOne(reason, REASONS, 'finish_reason')
      needUsage(answer.usage)
    }
  },
  {
    name: 'chat.parts',
    promise: 'A message may be a list of parts, and the first message a system one.',
    source: SOURCE,
    async run(server) {
      const user = { role: 'user', content: [{ type: 'text', text: q.HELLO }] }
      const messages = [{ role: 'system', content: 'Be brief.' }, user]
      const { choices } = await chat(server, '', { messages })
      needText(choices?.[0]?.message?.content, 'the content of the message')
    }
  },
  {
    name: 'chat.max-tokens',
    promise: 'An answer that max_tokens cuts has no more tokens, and ends with length.',
    source: SOURCE,
    async run(server) {
      const { choices, usage } = await chat(server, q.LONG, { max_tokens: q.FEW_TOKENS })
      needEqual(choices?.[0]?.finish_reason, 'length', 'finish_reason')
      needCount(usage?.completion_tokens, 'usage.completion_tokens')
      need(usage.completion_tokens <= q.FEW_TOKENS, `the answer has ${usage.completion_tokens} tokens`)
    }
  },
  {
    name: 'chat.stop',
    promise: 'An answer ends before a text of stop, and does not hold it.',
    source: SOURCE,
    async run(server) {
      const { choices } = await chat(server, q.STOPPED, { stop: [q.STOP] })
      const content = choices?.[0]?.message?.content ?? ''
      need(!content.includes(q.STOP), `the answer holds ${told(q.STOP)}: ${told(content)}`)
    }
  },
  {
    name: 'chat.unknown-fields',
    promise: 'A field that a server does not know, or that is null, is no reason to refuse.',
    source: SOURCE,
    async run(server) {
      const more = { temperature: null, stop: null, user: 'check', 'x-unknown': { a: [1] } }
      needList((await chat(server, q.HELLO, more)).choices, 'choices')
    }
  },
  {
    name: 'chat.json-schema',
    promise: 'With response_format json_schema, the answer is JSON of that schema.',
    source: 'https://platform.openai.com/docs/guides/structured-outputs',
    async run(server) {
      const format = { type: 'json_schema', json_schema: { name: 'city', strict: true, schema: q.SCHEMA } }
      const body = await bodyOf(server, q.ABOUT_CITY, {
        ...{ max_tokens: q.OBJECT_TOKENS, response_format: format }
      })
      const answer = await server.ask(CHAT, { body })
      if (answer.status === 400 || answer.status === 501)
        throw new Skipped(`the model takes no schema: ${told(answer.text)}`)
      needEqual(answer.status, 200, 'the status')
      const content = parsed(answer.json().choices?.[0]?.message?.content, 'the content')
      needText(content.city, 'city of the content')
    }
  }
]

const STREAMS: readonly Check[] = [
  {
    name: 'chat.stream',
    promise: 'A stream has chunks of one id, the last with why it ended, and then [DONE].',
    source: STREAM_SOURCE,
    async run(server) {
      const all = await chunks(server, q.HELLO)
      needList(all, 'the stream')
      for (const one of all) {
        needEqual(one.object, 'chat.completion.chunk', 'object of a chunk')
        needEqual(one.id, all[0].id, 'id of a chunk')
        need(Array.isArray(one.choices), `choices of a chunk is ${told(one.choices)}`)
      }
      const choices = all.flatMap(one => one.choices)
      needEqual(choices[0]?.delta?.role, 'assistant', 'the role of the first delta')
      needText(choices.map(({ delta }) => delta?.content ?? '').join(''), 'the text of all deltas')
      needOne(choices.at(-1).finish_reason, REASONS, 'the last finish_reason')
      const early = choices.slice(0, -1).filter(({ finish_reason: reason }) => reason)
      needEqual(early.length, 0, 'the number of finish reasons before the last chunk')
    }
  },
  {
    name: 'chat.stream-usage',
    promise: 'With include_usage, the last chunk has no choices and says what the answer took.',
    source: STREAM_SOURCE,
    async run(server) {
      const all = await chunks(server, q.HELLO, { stream_options: { include_usage: true } })
      const last = all.at(-1)
      needEqual(last?.choices?.length, 0, 'the number of choices of the last chunk')
      needUsage(last.usage)
      need(
        all.slice(0, -1).every(({ usage }) => !usage),
        'an earlier chunk has usage'
      )
    }
  },
  {
    name: 'chat.stream-error',
    promise: 'A stream that cannot begin is refused by a status, and not by an event.',
    source: STREAM_SOURCE,
    async run(server) {
      const body = { ...(await bodyOf(server, q.HELLO)), model: q.MISSING_MODEL, stream: true }
      needEqual((await server.ask(CHAT, { body })).status, 404, 'the status')
    }
  },
  {
    name: 'chat.abort',
    promise: 'A client that leaves ends its answer: nine such clients block no other.',
    source: STREAM_SOURCE,
    async run(server) {
      const body = await bodyOf(server, q.ENDLESS, { stream: true, max_tokens: undefined })
      for (let n = 0; n < q.LEFT; n++) await server.leave(CHAT, body)
      needList((await chat(server, q.HELLO)).choices, 'choices')
    }
  }
]

export const OPENAI_CHAT = { ANSWERS, STREAMS }
