/** Promises of Ollama's API: answers. */

import {
  type Check,
  type Json,
  need,
  needEqual,
  needList,
  needOne,
  needText,
  parsed,
  Skipped,
  told
} from './check.ts'
import { chatModel, DOCS, needError, needTimes, OLLAMA_REST } from './ollama.ts'
import * as q from './questions.ts'
import type { Server } from './server.ts'
import { linesOf } from './streams.ts'

const CHAT = '/api/chat'
const GENERATE = '/api/generate'
const REASONS = ['stop', 'length']
const TOOL = {
  type: 'function',
  function: { name: q.WEATHER.name, description: q.WEATHER.description, parameters: q.WEATHER.schema }
}

const user = (content: string) => ({ messages: [{ role: 'user', content }] })

const bodyOf = async (server: Server, more: object) => ({
  ...{ model: await chatModel(server), options: { num_predict: q.TOKENS } },
  ...more
})

const whole = async (server: Server, path: string, more: object): Promise<Json> =>
  server.ok(path, { body: await bodyOf(server, { ...more, stream: false }) })

const lines = async (server: Server, path: string, more: object): Promise<Json[]> =>
  linesOf(await server.ask(path, { body: await bodyOf(server, more) }))

function needEnd(last: Json): void {
  needEqual(last.done, true, 'done of the last line')
  needOne(last.done_reason, REASONS, 'done_reason')
  needTimes(last)
  need(Number.isInteger(last.eval_count), `eval_count is ${told(last.eval_count)}`)
}

function needLines(all: readonly Json[], text: (line: Json) => string): void {
  for (const line of all) {
    needText(line.model, 'model of a line')
    need(!Number.isNaN(Date.parse(line.created_at)), `created_at is ${told(line.created_at)}`)
  }
  need(
    all.slice(0, -1).every(({ done }) => done === false),
    'a line before the last one is done'
  )
  needText(all.map(text).join(''), 'the text of all lines')
  needEnd(all.at(-1))
}

const ANSWERS: readonly Check[] = [
  {
    name: 'chat.stream',
    promise: 'A chat is a stream of JSON lines unless stream is false, and the last line has its counts.',
    source: `${DOCS}/chat`,
    run: async server =>
      needLines(await lines(server, CHAT, user(q.HELLO)), line => line.message?.content ?? '')
  },
  {
    name: 'chat.whole',
    promise: 'With stream false, the answer is one object with a message.',
    source: `${DOCS}/chat`,
    async run(server) {
      const answer = await whole(server, CHAT, user(q.HELLO))
      needEqual(answer.message?.role, 'assistant', 'the role of the message')
      needText(answer.message.content, 'the content of the message')
      needEnd(answer)
    }
  },
  {
    name: 'generate.stream',
    promise: 'A prompt is answered by a stream of JSON lines.',
    source: `${DOCS}/generate`,
    run: async server =>
      needLines(await lines(server, GENERATE, { prompt: q.HELLO }), line => line.response ?? '')
  },
  {
    name: 'generate.whole',
    promise: 'With stream false, the answer to a prompt is one object.',
    source: `${DOCS}/generate`,
    async run(server) {
      const answer = await whole(server, GENERATE, { prompt: q.HELLO })
      needText(answer.response, 'response')
      needEnd(answer)
    }
  },
  {
    name: 'chat.num-predict',
    promise: 'An answer that num_predict cuts has no more tokens, and ends with length.',
    source: `${DOCS}/chat`,
    async run(server) {
      const answer = await whole(server, CHAT, { ...user(q.LONG), options: { num_predict: q.FEW_TOKENS } })
      needEqual(answer.done_reason, 'length', 'done_reason')
      need(answer.eval_count <= q.FEW_TOKENS, `the answer has ${told(answer.eval_count)} tokens`)
    }
  },
  {
    name: 'chat.stop',
    promise: 'An answer ends before a text of stop, and does not hold it.',
    source: `${DOCS}/chat`,
    async run(server) {
      const { message } = await whole(server, CHAT, { ...user(q.STOPPED), options: { stop: [q.STOP] } })
      need(!message?.content?.includes(q.STOP), `the answer holds ${told(q.STOP)}`)
    }
  },
  {
    name: 'chat.format',
    promise: 'With a schema for format, the answer is JSON of that schema.',
    source: 'https://docs.ollama.com/capabilities/structured-outputs',
    async run(server) {
      const body = await bodyOf(server, {
        ...{ ...user(q.ABOUT_CITY), stream: false, format: q.SCHEMA },
        options: { num_predict: q.OBJECT_TOKENS }
      })
      const answer = await server.ask(CHAT, { body })
      if (answer.status === 400 || answer.status === 501)
        throw new Skipped(`the model takes no schema: ${told(answer.text)}`)
      needText(parsed(answer.json().message?.content, 'the content').city, 'city of the content')
    }
  },
  {
    name: 'chat.tools',
    promise: 'A tool is called with an object for arguments, and its result is answered by text.',
    source: 'https://docs.ollama.com/capabilities/tool-calling',
    async run(server) {
      const body = await bodyOf(server, {
        ...{ ...user(q.ABOUT_WEATHER), stream: false, tools: [TOOL] },
        options: { num_predict: q.OBJECT_TOKENS }
      })
      const answer = await server.ask(CHAT, { body })
      if (answer.status === 400 || answer.status === 501)
        throw new Skipped(`the model takes no tools: ${told(answer.text)}`)
      const { message } = answer.json()
      // Ollama has no way to make a model call one.
      if (message?.tool_calls === undefined && message?.content) throw new Skipped('the model called no tool')
      needList(message?.tool_calls, 'tool_calls')
      for (const call of message.tool_calls) {
        needEqual(call.function?.name, q.WEATHER.name, 'the name of the function')
        needText(call.function.arguments?.city, 'arguments.city')
      }
      const result = { role: 'tool', tool_name: q.WEATHER.name, content: q.RESULT }
      const messages = [...user(q.ABOUT_WEATHER).messages, message, result]
      needText(
        (await whole(server, CHAT, { messages, tools: [TOOL] })).message?.content,
        'the content after a result'
      )
    }
  },
  {
    name: 'chat.unknown-fields',
    promise: 'A field that a server does not know is no reason to refuse.',
    source: `${DOCS}/chat`,
    async run(server) {
      const more = { ...user(q.HELLO), 'x-unknown': { a: [1] } }
      needText((await whole(server, CHAT, more)).message?.content, 'the content of the message')
    }
  },
  {
    name: 'chat.abort',
    promise: 'A client that leaves ends its answer: nine such clients block no other.',
    source: `${DOCS}/chat`,
    async run(server) {
      const body = await bodyOf(server, { ...user(q.ENDLESS), options: {} })
      for (let n = 0; n < q.LEFT; n++) await server.leave(CHAT, body)
      needText((await whole(server, CHAT, user(q.HELLO))).message?.content, 'the content of the message')
    }
  }
]

const ERRORS: readonly Check[] = [
  {
    name: 'error.model',
    promise: 'A chat with a model that is not there is refused with 404 and a text in error.',
    source: `${DOCS}/errors`,
    run: async server =>
      needError(await server.ask(CHAT, { body: { model: q.MISSING_MODEL, ...user(q.HELLO) } }), 404)
  },
  {
    name: 'error.json',
    promise: 'A body that is not JSON is refused with 400 and a text in error.',
    source: `${DOCS}/errors`,
    run: async server => needError(await server.ask(CHAT, { body: '{"model":' }), 400)
  }
]

export const OLLAMA: readonly Check[] = [
  ...OLLAMA_REST.MODELS,
  ...OLLAMA_REST.LOADING,
  ...ANSWERS,
  ...ERRORS,
  ...OLLAMA_REST.VECTORS
]
