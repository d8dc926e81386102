/** Promises of OpenAI's protocol: models, errors and embeddings. */

import type { Check } from './check.ts'
import { type Json, need, needEqual, needList, needText, Skipped, told } from './need.ts'
import { HELLO, MISSING_MODEL, TOKENS, WRONG_TOKEN } from './questions.ts'
import type { Answer, Server } from './server.ts'

export const DOCS = 'https://platform.openai.com/docs/api-reference'
export const CHAT = '/v1/chat/completions'
const MODELS = '/v1/models'
const EMBEDDINGS = '/v1/embeddings'

/** Words in names of models that do not chat. */
const NO_CHAT = /embed|rerank|ranker|whisper|tts|clip|bge|moderation/i

async function listed(server: Server): Promise<Json[]> {
  const { data } = await server.ok(MODELS, { method: 'GET' })
  need(Array.isArray(data), `data of ${MODELS} is ${told(data)}, not a list`)
  return data
}

/** That was named, or the first one that seems to chat: `tasks` is not of OpenAI. */
export async function chatModel(server: Server): Promise<string> {
  if (server.model !== undefined) return server.model
  const found = (await listed(server)).find(({ id, tasks }) =>
    Array.isArray(tasks) ? tasks.includes('text-generation') : !NO_CHAT.test(id)
  )
  if (found === undefined) throw new Skipped('no model chats here; name one by --model')
  return found.id
}

async function embedModel(server: Server): Promise<string> {
  if (server.embedder !== undefined) return server.embedder
  const found = (await listed(server)).find(({ id, tasks }) =>
    Array.isArray(tasks) ? tasks.includes('feature-extraction') : /embed|bge/i.test(id)
  )
  if (found === undefined) throw new Skipped('no model makes vectors here; name one by --embedder')
  return found.id
}

function needError(answer: Answer, status: number): void {
  needEqual(answer.status, status, 'the status')
  const { error } = answer.json()
  needText(error?.message, 'error.message')
  needText(error?.type, 'error.type')
}

async function embedded(server: Server, more: object): Promise<Json> {
  const model = await embedModel(server)
  return server.offered(EMBEDDINGS, { body: { model, input: HELLO, ...more } })
}

const hello = async (server: Server, more: object = {}) => ({
  ...{ model: await chatModel(server), max_tokens: TOKENS, messages: [{ role: 'user', content: HELLO }] },
  ...more
})

const LISTS: readonly Check[] = [
  {
    name: 'models.list',
    promise: 'The list of models has objects with an id, a time and an owner.',
    source: `${DOCS}/models/list`,
    async run(server) {
      const list = await server.ok(MODELS, { method: 'GET' })
      needEqual(list.object, 'list', 'object')
      needList(list.data, 'data')
      for (const model of list.data) {
        needText(model.id, 'id of a model')
        needEqual(model.object, 'model', `object of ${model.id}`)
        need(Number.isInteger(model.created), `created of ${model.id} is ${told(model.created)}`)
        needText(model.owned_by, `owned_by of ${model.id}`)
      }
    }
  },
  {
    name: 'models.get',
    promise: 'A model of the list is found by its id.',
    source: `${DOCS}/models/retrieve`,
    async run(server) {
      const id = await chatModel(server)
      const model = await server.ok(`${MODELS}/${encodeURIComponent(id)}`, { method: 'GET' })
      needEqual(model.id, id, 'id')
      needEqual(model.object, 'model', 'object')
    }
  },
  {
    name: 'models.unknown',
    promise: 'A model that is not there is refused with 404 and an error object.',
    source: `${DOCS}/models/retrieve`,
    run: async server => needError(await server.ask(`${MODELS}/${MISSING_MODEL}`, { method: 'GET' }), 404)
  }
]

const ERRORS: readonly Check[] = [
  {
    name: 'error.model',
    promise: 'A chat with a model that is not there is refused with 404 and an error object.',
    source: 'https://platform.openai.com/docs/guides/error-codes',
    run: async server =>
      needError(await server.ask(CHAT, { body: { ...(await hello(server)), model: MISSING_MODEL } }), 404)
  },
  {
    name: 'error.json',
    promise: 'A body that is not JSON is refused with 400 and an error object.',
    source: 'https://platform.openai.com/docs/guides/error-codes',
    run: async server => needError(await server.ask(CHAT, { body: '{"model":' }), 400)
  },
  {
    name: 'error.missing',
    promise: 'A chat without messages is refused with 400 and an error object.',
    source: `${DOCS}/chat/create`,
    run: async server => needError(await server.ask(CHAT, { body: { model: await chatModel(server) } }), 400)
  },
  {
    name: 'error.type',
    promise: 'A field of a wrong type is refused with 400 and an error object.',
    source: `${DOCS}/chat/create`,
    run: async server =>
      needError(await server.ask(CHAT, { body: await hello(server, { max_tokens: 'many' }) }), 400)
  },
  {
    name: 'error.token',
    promise: 'A wrong token is refused with 401 and an error object.',
    source: `${DOCS}/authentication`,
    async run(server) {
      if (server.token === undefined) throw new Skipped('no token was given, so the server may need none')
      needError(await server.ask(CHAT, { body: await hello(server), token: WRONG_TOKEN }), 401)
    }
  },
  {
    name: 'error.route',
    promise: 'A route that does not exist is refused with 404.',
    source: 'https://platform.openai.com/docs/guides/error-codes',
    run: async server =>
      needEqual((await server.ask('/v1/no/such/route', { body: {} })).status, 404, 'the status')
  }
]

const VECTORS: readonly Check[] = [
  {
    name: 'embeddings.shape',
    promise: 'A text becomes one vector of numbers, with the tokens that it took.',
    source: `${DOCS}/embeddings/create`,
    async run(server) {
      const list = await embedded(server, {})
      needEqual(list.object, 'list', 'object')
      needText(list.model, 'model')
      needEqual(list.data?.length, 1, 'the number of vectors')
      const [{ object, index, embedding }] = list.data
      needEqual(object, 'embedding', 'data[0].object')
      needEqual(index, 0, 'data[0].index')
      needList(embedding, 'data[0].embedding')
      need(embedding.every(Number.isFinite), 'data[0].embedding has something other than numbers')
      need(Number.isInteger(list.usage?.prompt_tokens), `usage.prompt_tokens is ${told(list.usage)}`)
    }
  },
  {
    name: 'embeddings.several',
    promise: 'Several texts become as many vectors, in the order of the texts.',
    source: `${DOCS}/embeddings/create`,
    async run(server) {
      const { data } = await embedded(server, { input: ['a longer first text', 'b', 'a longer first text'] })
      needEqual(data?.length, 3, 'the number of vectors')
      for (const [n, { index }] of data.entries()) needEqual(index, n, `index of vector ${n}`)
      const near = (a: number[], b: number[]) => a.every((value, n) => Math.abs(value - b[n]!) < 1e-3)
      need(near(data[0].embedding, data[2].embedding), 'two equal texts have other vectors')
      need(!near(data[0].embedding, data[1].embedding), 'two different texts have the same vector')
    }
  },
  {
    name: 'embeddings.base64',
    promise: 'encoding_format base64 has the same numbers, as float32 in little-endian.',
    source: `${DOCS}/embeddings/create`,
    async run(server) {
      const floats: number[] = (await embedded(server, { encoding_format: 'float' })).data[0].embedding
      const text = (await embedded(server, { encoding_format: 'base64' })).data[0].embedding
      needText(text, 'data[0].embedding')
      const bytes = Buffer.from(text, 'base64')
      needEqual(bytes.length, 4 * floats.length, 'the number of bytes')
      for (const [n, value] of floats.entries()) {
        const other = bytes.readFloatLE(4 * n)
        need(
          Math.abs(other - value) <= 1e-5 * Math.max(1, Math.abs(value)),
          `number ${n} is ${other}, not ${value}`
        )
      }
    }
  }
]

export const OPENAI_REST = { LISTS, ERRORS, VECTORS }
