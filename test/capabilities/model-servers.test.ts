import { afterEach, describe, expect, it } from 'vitest'
import { PRODUCTS, type Product } from '../../capabilities/engines/openai/listing.ts'
import { ModelServers, type NamedServer } from '../../capabilities/engines/openai/servers.ts'
import type { PlacedModel } from '../../capabilities/models/found-model.ts'
import { systemClock } from '../../interface/clock.ts'
import { Offered } from '../../interface/manifest.ts'
import type { LeftOut } from '../../interface/node.ts'
import { type Asked, type Said, startModelServer } from '../fixtures/model-server.ts'
import { becomes } from '../hostile/measures.ts'
import { ManualClock } from './manual-clock.ts'
import { memoryLog, textRequest } from './parts.ts'

let servers: ModelServers
afterEach(() => servers.stop())

/** What the servers say that they have. */
class Seen {
  models: readonly PlacedModel[] = []
  leftOut: readonly LeftOut[] = []
  changes = 0

  async look(products: readonly Product[], named: readonly NamedServer[] = [], clock = systemClock) {
    servers = new ModelServers({
      ...{ clock, log: memoryLog(), products, named },
      discover: products.length > 0,
      onChange: (models, leftOut) => {
        this.models = models
        this.leftOut = leftOut
        this.changes++
      }
    })
    await servers.start()
    return this
  }

  get ids(): string[] {
    return this.models.map(({ model }) => model.id)
  }
}

/** Answers by path, as the products do. */
const paths =
  (said: Readonly<Record<string, unknown>>) =>
  ({ path, body }: Asked): Said | undefined => {
    const key = path === '/api/show' ? `${path} ${(body as unknown as { model: string }).model}` : path
    return key in said ? { json: said[key] } : undefined
  }

const product = (name: string, port: number): Product => ({
  ...PRODUCTS.find(one => one.name === name)!,
  port
})

const OLLAMA = {
  '/api/tags': { models: [{ name: 'llama3.2:1b' }, { name: 'seer' }, { name: 'nomic-embed-text:latest' }] },
  '/api/show llama3.2:1b': { capabilities: ['completion', 'tools'] },
  '/api/show seer': { capabilities: ['completion', 'vision'] },
  '/api/show nomic-embed-text:latest': { capabilities: ['embedding'] },
  '/api/ps': { models: [{ name: 'llama3.2:1b', context_length: 4096 }] }
}

describe('servers of models on this device', () => {
  it.each<[name: string, total_slots: unknown, n_ctx: unknown]>([
    ['llama.cpp', 1e9 + 0.5, 2 ** 52],
    ['llama.cpp', -1, -1],
    ['llama.cpp', 'many', { toString: 1 }]
  ])(
    '%s that states %j slots and a context of %j states what a manifest may say',
    async (name, total_slots, n_ctx) => {
      await using server = await startModelServer(
        paths({
          '/v1/models': { data: [{ id: 'm', owned_by: 'llamacpp' }] },
          '/props': { total_slots, default_generation_settings: { n_ctx } }
        })
      )
      const { models } = await new Seen().look([product(name, server.port)])
      for (const { model } of models) {
        const { id, slots, contextTokens } = model
        Offered.parse({ task: 'text-generation', model: id, slots, warm: true, contextTokens })
      }
    }
  )

  it('that list their models without end have none', async () => {
    await using server = await startModelServer(() => ({ text: `{"models":[${'[],'.repeat(1_000_001)}{}]}` }))
    const { models } = await new Seen().look([product('ollama', server.port)])
    expect(models).toEqual([])
  })

  it.each<[string, object, object[]]>([
    [
      'ollama',
      OLLAMA,
      [
        { id: 'llama3.2:1b', tasks: ['text-generation'], contextTokens: 4096, slots: 4, resumes: true },
        { id: 'seer', tasks: ['text-generation'], takesImages: true, slots: 4, resumes: true },
        { id: 'nomic-embed-text:latest', tasks: ['feature-extraction'], slots: 4, resumes: true }
      ]
    ],
    [
      'lm-studio',
      {
        '/api/v0/models': {
          data: [
            { id: 'qwen3-4b', type: 'vlm', max_context_length: 40_960, loaded_context_length: 8192 },
            { id: 'text-embedding-x', type: 'embeddings', max_context_length: 512 }
          ]
        }
      },
      [
        {
          id: 'qwen3-4b',
          tasks: ['text-generation'],
          contextTokens: 8192,
          takesImages: true,
          slots: 4,
          resumes: 'repeatable'
        },
        {
          id: 'text-embedding-x',
          tasks: ['feature-extraction'],
          contextTokens: 512,
          slots: 4,
          resumes: 'repeatable'
        }
      ]
    ],
    [
      'llama.cpp',
      {
        '/v1/models': {
          data: [{ id: '/models/gemma-3-1b.gguf', owned_by: 'llamacpp', meta: { n_ctx_train: 32_768 } }]
        },
        '/props': {
          total_slots: 2,
          default_generation_settings: { n_ctx: 2048 },
          modalities: { vision: false }
        }
      },
      [{ id: 'gemma-3-1b', tasks: ['text-generation'], contextTokens: 2048, slots: 2, resumes: true }]
    ],
    [
      'vllm',
      { '/v1/models': { data: [{ id: 'org/m-vl', owned_by: 'vllm', max_model_len: 8192 }] } },
      [
        {
          id: 'org/m-vl',
          tasks: ['text-generation'],
          contextTokens: 8192,
          takesImages: true,
          slots: 64,
          resumes: true
        }
      ]
    ]
  ])('%s lists what it has', async (name, said, models) => {
    await using server = await startModelServer(paths(said as Record<string, unknown>))
    const seen = await new Seen().look([product(name, server.port)])
    expect(seen.models.map(({ model: { engine: _, ...model } }) => model)).toEqual(models)
  })

  it.each([
    ['another program', { '/v1/models': { data: [{ id: 'x', owned_by: 'me' }] } }],
    ['one that speaks no JSON', {}]
  ])('%s at such a port has none, and nothing is said of it', async (_, said) => {
    await using server = await startModelServer(paths(said))
    const seen = await new Seen().look(PRODUCTS.map(({ name }) => product(name, server.port)))
    expect([seen.ids, seen.leftOut]).toEqual([[], []])
  })

  it('are looked for where they usually listen, and where they go when a node adopts that port', () => {
    expect(PRODUCTS.map(({ name, port }) => `${name} ${port}`)).toEqual([
      ...['ollama 11434', 'ollama 11435', 'lm-studio 1234', 'lm-studio 1235'],
      ...['llama.cpp 8080', 'vllm 8000']
    ])
  })

  it('come and go while the node runs', async () => {
    const clock = new ManualClock()
    const first = await startModelServer(paths(OLLAMA))
    const { port } = first
    const seen = await new Seen().look([product('ollama', port)], [], clock)
    expect(seen.ids).toHaveLength(3)

    // The first request that it does not answer is enough to know.
    await first.close()
    const [{ model }] = seen.models as [PlacedModel]
    await expect(Array.fromAsync(model.engine.infer(textRequest('x')))).rejects.toThrow(/does not answer/)
    await becomes('the models have gone', 5000, () => seen.ids.length === 0)

    await using _again = await startModelServer(paths(OLLAMA), port)
    await becomes('the models are back', 5000, () => {
      clock.advance(1000)
      return seen.ids.length === 3
    })
  })

  it('are said once, as long as they say the same', async () => {
    const clock = new ManualClock()
    await using server = await startModelServer(paths(OLLAMA))
    const seen = await new Seen().look([product('ollama', server.port)], [], clock)
    const asked = server.asked.length
    await becomes('it was looked at again', 5000, () => {
      clock.advance(1000)
      return server.asked.length >= 2 * asked
    })
    expect(seen.changes).toBe(1)
  })
})

describe('a server that the settings name', () => {
  const at = (url: string, more: object = {}): NamedServer => ({
    name: 'attic',
    url,
    leavesMesh: false,
    ...more
  })

  it('lists the models that are wanted of it, or says why it has none', async () => {
    await using server = await startModelServer(
      paths({ '/v1/models': { data: [{ id: 'a' }, { id: 'b' }, { id: '$(rm)' }] } })
    )
    const all = await new Seen().look([], [at(server.url)])
    expect(all.ids).toEqual(['a', 'b'])
    expect(all.leftOut).toMatchObject([{ place: 'attic', reason: '"$(rm)" is no id of a model here.' }])
    servers.stop()
    expect((await new Seen().look([], [at(server.url, { models: ['b'] })])).ids).toEqual(['b'])
    servers.stop()
    await server.close()
    const { leftOut } = await new Seen().look([], [at(server.url)])
    expect(leftOut).toMatchObject([{ place: 'engines.servers.attic', code: 'ENGINE_FAILED' }])
  })

  it('elsewhere is asked for nothing before somebody asks one of its models', async () => {
    await using server = await startModelServer(() => undefined)
    const seen = await new Seen().look([], [at(server.url, { leavesMesh: true, models: ['big'] })])
    expect(seen.models).toMatchObject([{ model: { id: 'big', leavesMesh: true } }])
    expect(server.asked).toEqual([])
  })

  it('that is a gateway of a mesh is refused: what is served is never forwarded', async () => {
    await using server = await startModelServer(() => ({
      headers: { 'x-lumos-peer': 'den' },
      json: { data: [{ id: 'm' }] }
    }))
    const { ids, leftOut } = await new Seen().look([], [at(server.url)])
    expect([ids, leftOut[0]?.reason]).toEqual([[], expect.stringMatching(/is a gateway of lumos-node/)])
  })
})
