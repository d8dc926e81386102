/** What servers of models say that they have: each product says more in a way of its own. */

import type { IncomingMessage } from 'node:http'
import { movedPort, PRODUCT_PORTS } from '../../../interface/adoption.ts'
import { LumosError } from '../../../interface/errors.ts'
import { CONTEXT_TOKENS_MAX, SLOTS_MAX } from '../../../interface/manifest.ts'
import { isRecord } from '../../../interface/record.ts'
import type { TaskName } from '../../../interface/tasks/index.ts'
import type { WritesOn } from './going-on.ts'
import { call, callJson, type ModelServer, readJson } from './http.ts'

/** More than a device has; a provider elsewhere has its models named in the settings. */
const MODELS_MAX = 256
/** Of what a server says of one model, its license too. */
const MODEL_BYTES_MAX = 2 * 1024 * 1024
/** Each holds what it says of a model. */
const MODELS_AT_ONCE = 8
/** Names of models that make vectors, and of those that rank. */
const EMBEDS = /embed|(?:^|[/_-])(?:bge|e5|gte|nomic|minilm)(?:[-_:.]|$)/i
const RANKS = /rerank/i
/** Of those whose conversations hold pictures. */
const SEES = /llava|vision|moondream|pixtral|minicpm-v|(?:^|[-_/:.\d])vl(?:[-_:.]|$)|gemma-?3|llama-?4/i

/** One model of a server. */
export interface Listed {
  /** As the server calls it. */
  readonly model: string
  /** As this mesh calls it. */
  readonly id: string
  readonly tasks: readonly TaskName[]
  readonly contextTokens?: number
  readonly slots: number
  /** Whether its conversations may hold pictures. */
  readonly takesImages: boolean
  readonly writesOn?: WritesOn
}

export interface Product {
  /** How its server is called in messages and in the settings. */
  readonly name: string
  /** Where it listens by default. */
  readonly port: number
  /** @throws {LumosError} when another program answers there. */
  list(server: ModelServer, signal: AbortSignal): Promise<Listed[]>
}

const ollama: Product = {
  name: 'ollama',
  port: PRODUCT_PORTS.ollama,
  async list(server, signal) {
    const models = recordsIn(await ofServer(server, '/api/tags', signal), 'models')
    // Loaded models say how much they hold now, which is less than they could.
    const running = recordsIn(await callJson(server, '/api/ps', { signal }).catch(() => ({})), 'models')
    const all: Listed[] = []
    for (let at = 0; at < models.length; at += MODELS_AT_ONCE) {
      const some = models.slice(at, at + MODELS_AT_ONCE).map(async ({ name }) => {
        const model = String(name)
        const asked = { signal, body: { model }, bytesMax: MODEL_BYTES_MAX }
        const shown = await callJson(server, '/api/show', asked).catch(() => ({}))
        const can = isRecord(shown) && Array.isArray(shown.capabilities) ? shown.capabilities : undefined
        const held = running.find(one => one.name === name)?.context_length
        return listed(model, {
          tasks: can === undefined ? tasksOf(model) : can.includes('embedding') ? EMBEDDING : GENERATION,
          contextTokens: held,
          slots: 4,
          writesOn: 'last-message',
          takesImages: can?.includes('vision')
        })
      })
      all.push(...(await Promise.all(some)))
    }
    signal.throwIfAborted()
    return all
  }
}

const lmStudio: Product = {
  name: 'lm-studio',
  port: PRODUCT_PORTS.lmstudio,
  async list(server, signal) {
    const models = recordsIn(await ofServer(server, '/api/v0/models', signal), 'data')
    return models.map(({ id, type, loaded_context_length: held, max_context_length: most }) =>
      listed(String(id), {
        tasks: type === 'embeddings' ? EMBEDDING : GENERATION,
        contextTokens: held ?? most,
        slots: 4,
        takesImages: type === undefined ? undefined : type === 'vlm'
      })
    )
  }
}

const llamaCpp: Product = {
  name: 'llama.cpp',
  port: 8080,
  async list(server, signal) {
    const models = await ownedBy('llamacpp', server, signal)
    const props = await callJson(server, '/props', { signal }).catch(() => ({}))
    const settings = isRecord(props) ? props.default_generation_settings : undefined
    const slots = isRecord(props) ? Number(props.total_slots) : 0
    const modalities = isRecord(props) && isRecord(props.modalities) ? props.modalities : undefined
    return models.map(({ id, meta }) => {
      const model = String(id)
      // Its server calls a model by the path of its file.
      const name = model.replace(/^.*[\\/]/, '').replace(/\.gguf$/i, '')
      return listed(model, {
        id: name,
        tasks: tasksOf(name),
        contextTokens: isRecord(settings) ? settings.n_ctx : isRecord(meta) ? meta.n_ctx_train : undefined,
        slots,
        writesOn: 'template',
        takesImages: modalities && modalities.vision === true
      })
    })
  }
}

const vllm: Product = {
  name: 'vllm',
  port: 8000,
  async list(server, signal) {
    const models = await ownedBy('vllm', server, signal)
    return models.map(({ id, max_model_len: most }) =>
      listed(String(id), { tasks: tasksOf(String(id)), contextTokens: most, slots: 64, writesOn: 'told' })
    )
  }
}

/** Where it goes when a node adopts its port. */
const moved = (product: Product): Product => ({ ...product, port: movedPort(product.port) })

/** What looks for itself on this device. */
export const PRODUCTS: readonly Product[] = [
  ...[ollama, moved(ollama), lmStudio, moved(lmStudio)],
  ...[llamaCpp, vllm]
]

/** A server of which nothing is known but that it is compatible. */
export async function listCompatible(server: ModelServer, signal: AbortSignal): Promise<Listed[]> {
  const models = recordsIn(await modelsOf(server, signal), 'data')
  return models.map(({ id, max_model_len: most, context_length: length }) =>
    listed(String(id), { tasks: tasksOf(String(id)), contextTokens: most ?? length, slots: 8 })
  )
}

/** A model that the settings name: nothing is asked of its server. */
export const listedByName = (model: string): Listed => listed(model, { tasks: tasksOf(model), slots: 8 })

const GENERATION: readonly TaskName[] = ['text-generation']
const EMBEDDING: readonly TaskName[] = ['feature-extraction']
const RANKING: readonly TaskName[] = ['text-ranking']

/** What a model does, by its name, where nothing else says it. */
const tasksOf = (name: string): readonly TaskName[] =>
  RANKS.test(name) ? RANKING : EMBEDS.test(name) ? EMBEDDING : GENERATION

interface Facts {
  readonly id?: string
  readonly tasks: readonly TaskName[]
  readonly contextTokens?: unknown
  readonly slots: number
  readonly writesOn?: WritesOn
  /** Where its server does not say it, the name does. */
  readonly takesImages?: boolean | undefined
}

function listed(
  model: string,
  { id = model, tasks, contextTokens, slots, takesImages, writesOn }: Facts
): Listed {
  const tokens = Number(contextTokens)
  const isStated = Number.isSafeInteger(tokens) && tokens > 0 && tokens <= CONTEXT_TOKENS_MAX
  return {
    ...{ model, id, tasks, takesImages: takesImages ?? SEES.test(id) },
    // Peers refuse the manifest of a device that states more.
    slots: Math.max(1, Math.min(Math.floor(slots), SLOTS_MAX)) || 1,
    ...(isStated && { contextTokens: tokens }),
    ...(writesOn !== undefined && { writesOn })
  }
}

async function ownedBy(owner: string, server: ModelServer, signal: AbortSignal) {
  const models = recordsIn(await modelsOf(server, signal), 'data')
  if (models.length > 0 && models.every(model => model.owned_by === owner)) return models
  throw new LumosError('MODEL_INVALID', `Another program answers at ${server.url}.`)
}

const modelsOf = (server: ModelServer, signal: AbortSignal) => ofServer(server, '/v1/models', signal)

/** @throws {LumosError} for a node, which may be this one: it answers on the port of a server that it has adopted. */
async function ofServer(server: ModelServer, path: string, signal: AbortSignal): Promise<unknown> {
  const response = await call(server, path, { signal })
  // A request that one node served for another must not go on to a third.
  if (isNode(response)) {
    response.destroy()
    throw new LumosError('MODEL_INVALID', `${server.url} is a gateway of lumos-node: join its mesh instead.`)
  }
  return await readJson(server, response)
}

const isNode = ({ headers }: IncomingMessage): boolean =>
  Object.keys(headers).some(name => name.startsWith('x-lumos-'))

const recordsIn = (body: unknown, key: string): Record<string, unknown>[] => {
  const list = isRecord(body) ? body[key] : undefined
  return (Array.isArray(list) ? list : []).filter(isRecord).slice(0, MODELS_MAX)
}
