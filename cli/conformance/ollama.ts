/** Promises of Ollama's API: models, loading and vectors. */

import { type Check, type Json, need, needEqual, needList, needText, Skipped, told } from './check.ts'
import { HELLO, MISSING_MODEL } from './questions.ts'
import type { Answer, Server } from './server.ts'

export const DOCS = 'https://docs.ollama.com/api'

const NO_CHAT = /embed|rerank|ranker|bge/i

async function tags(server: Server): Promise<Json[]> {
  const { models } = await server.ok('/api/tags', { method: 'GET' })
  need(Array.isArray(models), `models is ${told(models)}, not a list`)
  return models
}

export async function chatModel(server: Server): Promise<string> {
  if (server.model !== undefined) return server.model
  const found = (await tags(server)).find(({ name }) => !NO_CHAT.test(name))
  if (found === undefined) throw new Skipped('no model is listed here; name one by --model')
  return found.name
}

async function embedModel(server: Server): Promise<string> {
  if (server.embedder !== undefined) return server.embedder
  const found = (await tags(server)).find(({ name }) => /embed|bge/i.test(name))
  if (found === undefined) throw new Skipped('no model makes vectors here; name one by --embedder')
  return found.name
}

export function needError(answer: Answer, status: number): void {
  needEqual(answer.status, status, 'the status')
  needText(answer.json().error, 'error')
}

export const needTimes = (value: Json): void => {
  need(Number.isInteger(value?.total_duration), `total_duration is ${told(value?.total_duration)}`)
}

const MODELS: readonly Check[] = [
  {
    name: 'alive',
    promise: 'HEAD / is answered with 200: clients ask whether the server runs.',
    source: 'https://github.com/ollama/ollama/blob/main/docs/faq.mdx',
    run: async server => needEqual((await server.ask('/', { method: 'HEAD' })).status, 200, 'the status')
  },
  {
    name: 'version',
    promise: 'The version is a text of numbers with dots.',
    source: `${DOCS}/version`,
    async run(server) {
      const { version } = await server.ok('/api/version', { method: 'GET' })
      need(/^\d+\.\d+\.\d+/.test(version), `version is ${told(version)}`)
    }
  },
  {
    name: 'tags',
    promise: 'The list has name, time, size, digest and details of each model.',
    source: `${DOCS}/tags`,
    async run(server) {
      const models = await tags(server)
      needList(models, 'models')
      for (const { name, model, modified_at: at, size, digest, details } of models) {
        needText(name, 'name of a model')
        needEqual(model, name, `model of ${name}`)
        need(!Number.isNaN(Date.parse(at)), `modified_at of ${name} is ${told(at)}`)
        need(Number.isInteger(size), `size of ${name} is ${told(size)}`)
        needText(digest, `digest of ${name}`)
        need(typeof details === 'object' && details !== null, `details of ${name} is ${told(details)}`)
      }
    }
  },
  {
    name: 'ps',
    promise: 'The list of loaded models has the end of each.',
    source: `${DOCS}/ps`,
    async run(server) {
      const { models } = await server.ok('/api/ps', { method: 'GET' })
      need(Array.isArray(models), `models is ${told(models)}, not a list`)
      for (const { name, expires_at: at } of models) {
        needText(name, 'name of a model')
        need(!Number.isNaN(Date.parse(at)), `expires_at of ${name} is ${told(at)}`)
      }
    }
  },
  {
    name: 'show',
    promise: 'A model tells its details, its facts and its capabilities.',
    source: `${DOCS}/show`,
    async run(server) {
      const shown = await server.ok('/api/show', { body: { model: await chatModel(server) } })
      for (const name of ['details', 'model_info'])
        need(typeof shown[name] === 'object' && shown[name] !== null, `${name} is ${told(shown[name])}`)
      needList(shown.capabilities, 'capabilities')
      need(shown.capabilities.includes('completion'), `capabilities are ${told(shown.capabilities)}`)
    }
  },
  {
    name: 'show.unknown',
    promise: 'A model that is not there is refused with 404 and a text in error.',
    source: `${DOCS}/errors`,
    run: async server => needError(await server.ask('/api/show', { body: { model: MISSING_MODEL } }), 404)
  }
]

/** Each form in which clients say how long a model stays loaded. */
const KEEP_ALIVE = ['2m', '120s', 120, '1m30s']

const LOADING: readonly Check[] = [
  {
    name: 'load',
    promise: 'A request without a prompt loads the model, and says so.',
    source: `${DOCS}/generate`,
    async run(server) {
      const body = { model: await chatModel(server), stream: false }
      const answer = await server.ok('/api/generate', { body })
      needEqual(answer.done, true, 'done')
      needEqual(answer.done_reason, 'load', 'done_reason')
    }
  },
  {
    name: 'keep-alive',
    promise: `keep_alive is understood in each form: ${KEEP_ALIVE.map(told).join(', ')}.`,
    source: 'https://github.com/ollama/ollama/blob/main/docs/faq.mdx',
    async run(server) {
      const model = await chatModel(server)
      for (const keep of KEEP_ALIVE) {
        const body = { model, stream: false, keep_alive: keep }
        const { status, text } = await server.ask('/api/generate', { body })
        need(status === 200, `the status for ${told(keep)} is ${status}: ${told(text)}`)
      }
    }
  },
  {
    name: 'keep-alive.wrong',
    promise: 'A keep_alive that is no time is refused with 400.',
    source: `${DOCS}/generate`,
    async run(server) {
      const body = { model: await chatModel(server), stream: false, keep_alive: 'for a while' }
      needError(await server.ask('/api/generate', { body }), 400)
    }
  }
]

const VECTORS: readonly Check[] = [
  {
    name: 'embed',
    promise: 'Several texts become as many vectors.',
    source: `${DOCS}/embed`,
    async run(server) {
      const body = { model: await embedModel(server), input: [HELLO, 'another text'] }
      const answer = await server.offered('/api/embed', { body })
      needEqual(answer.embeddings?.length, 2, 'the number of vectors')
      for (const vector of answer.embeddings)
        need(vector.length > 0 && vector.every(Number.isFinite), `a vector is ${told(vector)}`)
      needText(answer.model, 'model')
      needTimes(answer)
    }
  },
  {
    name: 'embed.one',
    promise: 'One text becomes a list with one vector.',
    source: `${DOCS}/embed`,
    async run(server) {
      const body = { model: await embedModel(server), input: HELLO }
      const { embeddings } = await server.offered('/api/embed', { body })
      needEqual(embeddings?.length, 1, 'the number of vectors')
      needList(embeddings[0], 'the vector')
    }
  },
  {
    name: 'embeddings',
    promise: 'The earlier route has one vector of a prompt.',
    source: 'https://github.com/ollama/ollama/blob/main/docs/api.md',
    async run(server) {
      const body = { model: await embedModel(server), prompt: HELLO }
      const { embedding } = await server.offered('/api/embeddings', { body })
      needList(embedding, 'embedding')
      need(embedding.every(Number.isFinite), `embedding is ${told(embedding)}`)
    }
  }
]

export const OLLAMA_REST = { MODELS, LOADING, VECTORS }
