/** Promises of OpenAI's protocol: functions. */

import { type Check, type Json, need, needEqual, needList, needText, parsed, Skipped, told } from './check.ts'
import { CHAT, OPENAI_REST } from './openai.ts'
import { bodyOf, chat, OPENAI_CHAT, STREAM_SOURCE } from './openai-chat.ts'
import * as q from './questions.ts'
import type { Server } from './server.ts'
import { eventsOf } from './streams.ts'

const TOOL = {
  type: 'function',
  function: { name: q.WEATHER.name, description: q.WEATHER.description, parameters: q.WEATHER.schema }
}

/** What the model calls; a model that was not made for tools may be refused them. */
async function called(server: Server, more: object = {}): Promise<Json> {
  const body = await bodyOf(server, q.ABOUT_WEATHER, {
    ...{ max_tokens: q.OBJECT_TOKENS, tools: [TOOL], tool_choice: 'required' },
    ...more
  })
  const answer = await server.ask(CHAT, { body })
  if ((answer.status !== 200 && answer.status < 500) || answer.status === 501)
    throw new Skipped(`the model takes no tools: ${told(answer.text)}`)
  return answer
}

function needCall(call: Json): void {
  needText(call?.id, 'id of the call')
  needEqual(call.type, 'function', 'type of the call')
  needEqual(call.function?.name, q.WEATHER.name, 'the name of the function')
  needText(parsed(call.function.arguments, 'arguments').city, 'city of the arguments')
}

const TOOLS: readonly Check[] = [
  {
    name: 'tools.call',
    promise: 'With tool_choice required, the model calls a function with JSON for arguments.',
    source: 'https://platform.openai.com/docs/guides/function-calling',
    async run(server) {
      const [choice] = (await called(server)).json().choices ?? []
      needList(choice?.message?.tool_calls, 'tool_calls')
      for (const call of choice.message.tool_calls) needCall(call)
      needEqual(choice.finish_reason, 'tool_calls', 'finish_reason')
    }
  },
  {
    name: 'tools.round',
    promise: 'The result of a function, in a message of role tool, is answered by text.',
    source: 'https://platform.openai.com/docs/guides/function-calling',
    async run(server) {
      const message = (await called(server)).json().choices?.[0]?.message
      needList(message?.tool_calls, 'tool_calls')
      const results = message.tool_calls.map(({ id }: Json) => ({
        ...{ role: 'tool', tool_call_id: id, content: q.RESULT }
      }))
      const messages = [{ role: 'user', content: q.ABOUT_WEATHER }, message, ...results]
      const { choices } = await chat(server, '', { messages, tools: [TOOL] })
      needText(choices?.[0]?.message?.content, 'the content of the message')
    }
  },
  {
    name: 'tools.stream',
    promise: 'In a stream, the pieces of the arguments of each call make JSON.',
    source: STREAM_SOURCE,
    async run(server) {
      const events = eventsOf(await called(server, { stream: true }))
      const deltas = events
        .slice(0, -1)
        .flatMap(({ data }) => parsed(data, 'an event').choices ?? [])
        .flatMap(({ delta }: Json) => delta?.tool_calls ?? [])
      needList(deltas, 'the calls of all deltas')
      for (const [index, pieces] of Map.groupBy(deltas, (one: Json) => one.index)) {
        need(Number.isInteger(index), `index of a call is ${told(index)}`)
        const [first] = pieces
        const text = pieces.map(one => one.function?.arguments ?? '').join('')
        needCall({ ...first, function: { ...first.function, arguments: text } })
      }
    }
  }
]

export const OPENAI: readonly Check[] = [
  ...OPENAI_REST.LISTS,
  ...OPENAI_CHAT.ANSWERS,
  ...OPENAI_CHAT.STREAMS,
  ...TOOLS,
  ...OPENAI_REST.ERRORS,
  ...OPENAI_REST.VECTORS
]
