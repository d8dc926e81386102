/** Promises of Anthropic's protocol: whole answers, and errors. */

import {
  type Check,
  type Json,
  need,
  needCount,
  needEqual,
  needList,
  needOne,
  needText,
  Skipped,
  told
} from './check.ts'
import * as q from './questions.ts'
import type { Answer, Server } from './server.ts'

export const DOCS = 'https://docs.anthropic.com/en/api'
export const MESSAGES = '/v1/messages'
const COUNT = `${MESSAGES}/count_tokens`
const VERSION = { 'anthropic-version': '2023-06-01' }
export const REASONS = ['end_turn', 'max_tokens', 'stop_sequence', 'tool_use', 'refusal', 'pause_turn']

/** A client of Anthropic sends its key in a header of its own. */
export const headersOf = ({ token }: Server, given = token) => ({
  ...VERSION,
  ...(given !== undefined && { 'x-api-key': given })
})

async function modelOf(server: Server): Promise<string> {
  if (server.model !== undefined) return server.model
  const { data } = await server.ok('/v1/models', { method: 'GET', headers: headersOf(server) })
  if (!data?.length) throw new Skipped('no model is listed here; name one by --model')
  return data[0].id
}

export const bodyOf = async (server: Server, content: unknown, more: object = {}) => ({
  ...{ model: await modelOf(server), max_tokens: q.TOKENS, messages: [{ role: 'user', content }] },
  ...more
})

export const ask = (server: Server, body: unknown, path = MESSAGES): Promise<Answer> =>
  server.ask(path, { body, headers: headersOf(server) })

export async function message(server: Server, content: unknown, more: object = {}): Promise<Json> {
  const answer = await ask(server, await bodyOf(server, content, more))
  needEqual(answer.status, 200, 'the status')
  return answer.json()
}

function needError(answer: Answer, status: number, type: string): void {
  needEqual(answer.status, status, 'the status')
  const body = answer.json()
  needEqual(body.type, 'error', 'type')
  needEqual(body.error?.type, type, 'error.type')
  needText(body.error?.message, 'error.message')
}

export const textOf = (content: Json): string =>
  (content ?? []).map((block: Json) => (block.type === 'text' ? block.text : '')).join('')

const ANSWERS: readonly Check[] = [
  {
    name: 'models.list',
    promise: 'The list of models comes in pages that say whether there are more.',
    source: `${DOCS}/models-list`,
    async run(server) {
      const list = await server.ok('/v1/models', { method: 'GET', headers: headersOf(server) })
      needList(list.data, 'data')
      for (const { id, type, display_name: name } of list.data) {
        needText(id, 'id of a model')
        needEqual(type, 'model', `type of ${id}`)
        needText(name, `display_name of ${id}`)
      }
      needOne(list.has_more, [true, false], 'has_more')
      needEqual(list.first_id, list.data[0].id, 'first_id')
      needEqual(list.last_id, list.data.at(-1).id, 'last_id')
    }
  },
  {
    name: 'messages.answer',
    promise: 'A conversation is answered by a message of blocks, with why it ended and what it took.',
    source: `${DOCS}/messages`,
    async run(server) {
      const answer = await message(server, q.HELLO)
      needText(answer.id, 'id')
      needEqual(answer.type, 'message', 'type')
      needEqual(answer.role, 'assistant', 'role')
      needText(answer.model, 'model')
      needList(answer.content, 'content')
      needText(textOf(answer.content), 'the text of content')
      needOne(answer.stop_reason, REASONS, 'stop_reason')
      needCount(answer.usage?.input_tokens, 'usage.input_tokens')
      needCount(answer.usage?.output_tokens, 'usage.output_tokens')
    }
  },
  {
    name: 'messages.blocks',
    promise: 'system and content may be lists of blocks.',
    source: `${DOCS}/messages`,
    async run(server) {
      const block = (text: string) => [{ type: 'text', text }]
      const { content } = await message(server, block(q.HELLO), { system: block('Be brief.') })
      needText(textOf(content), 'the text of content')
    }
  },
  {
    name: 'messages.max-tokens',
    promise: 'An answer that max_tokens cuts has no more tokens, and says so.',
    source: `${DOCS}/messages`,
    async run(server) {
      const { stop_reason: reason, usage } = await message(server, q.LONG, { max_tokens: q.FEW_TOKENS })
      needEqual(reason, 'max_tokens', 'stop_reason')
      need(usage?.output_tokens <= q.FEW_TOKENS, `the answer has ${told(usage?.output_tokens)} tokens`)
    }
  },
  {
    name: 'messages.stop',
    promise: 'An answer ends before a stop sequence, and does not hold it.',
    source: `${DOCS}/messages`,
    async run(server) {
      const { content } = await message(server, q.STOPPED, { stop_sequences: [q.STOP] })
      need(!textOf(content).includes(q.STOP), `the answer holds ${told(q.STOP)}`)
    }
  },
  {
    name: 'messages.unknown-fields',
    promise: 'metadata and cache_control are no reason to refuse.',
    source: `${DOCS}/messages`,
    async run(server) {
      const block = { type: 'text', text: q.HELLO, cache_control: { type: 'ephemeral' } }
      needList((await message(server, [block], { metadata: { user_id: 'check' } })).content, 'content')
    }
  },
  {
    name: 'count-tokens',
    promise: 'A conversation is counted without being answered.',
    source: `${DOCS}/messages-count-tokens`,
    async run(server) {
      const { max_tokens: _, ...body } = await bodyOf(server, q.HELLO)
      const counted = await server.offered(COUNT, { body, headers: headersOf(server) })
      need(counted.input_tokens > 0, `input_tokens is ${told(counted.input_tokens)}`)
    }
  }
]

const ERRORS: readonly Check[] = [
  {
    name: 'error.model',
    promise: 'A model that is not there is refused with 404 and not_found_error.',
    source: `${DOCS}/errors`,
    run: async server =>
      needError(
        await ask(server, await bodyOf(server, q.HELLO, { model: q.MISSING_MODEL })),
        404,
        'not_found_error'
      )
  },
  {
    name: 'error.json',
    promise: 'A body that is not JSON is refused with 400 and invalid_request_error.',
    source: `${DOCS}/errors`,
    run: async server => needError(await ask(server, '{"model":'), 400, 'invalid_request_error')
  },
  {
    name: 'error.max-tokens',
    promise: 'A request without max_tokens is refused with 400 and invalid_request_error.',
    source: `${DOCS}/messages`,
    async run(server) {
      const { max_tokens: _, ...body } = await bodyOf(server, q.HELLO)
      needError(await ask(server, body), 400, 'invalid_request_error')
    }
  },
  {
    name: 'error.token',
    promise: 'A wrong key is refused with 401 and authentication_error.',
    source: `${DOCS}/errors`,
    async run(server) {
      if (server.token === undefined) throw new Skipped('no token was given, so the server may need none')
      const body = await bodyOf(server, q.HELLO)
      const headers = headersOf(server, q.WRONG_TOKEN)
      needError(await server.ask(MESSAGES, { body, headers }), 401, 'authentication_error')
    }
  }
]

export const ANTHROPIC_WHOLE = { ANSWERS, ERRORS }
