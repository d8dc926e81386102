/** Nodes as processes that give an answer until they are killed in the middle of it, and one that asks them. */

import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, cpSync, mkdirSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { InferenceChunk } from '../../interface/chunks.ts'
import type { LumosNode } from '../../interface/node.ts'
import { createLumosNode } from '../../node/index.ts'
import type { ServingOptions } from './serving.ts'

const SERVING = join(import.meta.dirname, 'serving.ts')
const ID = 'tiny'
/** A little more than a small model takes for a token on a small board. */
const CHUNK_MS = 8
/** Two nodes that start, or one that starts anew, with its engine, on a machine with other work. */
const READY_MS_MAX = 60_000
/** An answer that is neither cut nor whole by then hangs: the longest one takes some two seconds. */
const ANSWER_MS_MAX = 30_000

export const MODELS = ['tiny-llm', 'tiny-llm-gguf'] as const
export type ModelName = (typeof MODELS)[number]
/** Where an answer is cut: after its first chunk, in the middle, and where its end alone is left. */
export const PLACES = ['first', 'middle', 'last'] as const
export type Place = (typeof PLACES)[number]

const city = { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] }
const asSchema = (schema: object) => ({ maxTokens: 40, responseFormat: { type: 'json_schema', schema } })

export const QUESTIONS: readonly (readonly [text: string, params: Record<string, unknown>])[] = [
  ['Tell me a story', {}],
  ['Tell me a story', { temperature: 1.5, seed: 7, maxTokens: 30 }],
  ['What is the capital of Norway?', asSchema(city)],
  ['Tell me a story', { stop: ['light', 'ight and'] }],
  ['What is the capital of Norway?', asSchema({ enum: ['Gr\u00fc\u00dfe \u4f60\u597d \ud83d\ude00'] })],
  ['What is the weather in Hanoi?', { tools: [{ name: 'get_weather', parameters: city }] }]
]

export interface Cut {
  readonly question: number
  readonly place: Place
  readonly gapMs: number
}

interface Serving {
  readonly name: string
  readonly home: string
  process: ChildProcess
  peerId: string
}

export class Arena {
  readonly #directory: string
  readonly #asker: LumosNode
  readonly #model: ServingOptions['model']
  readonly #servings: Serving[] = []
  readonly #unbroken = new Map<number, readonly InferenceChunk[]>()

  private constructor(directory: string, asker: LumosNode, model: ServingOptions['model']) {
    this.#directory = directory
    this.#asker = asker
    this.#model = model
  }

  /** @param signal gives up what is waited for; what was started is ended all the same. */
  static async open(model: ModelName, signal: AbortSignal): Promise<Arena> {
    const directory = await mkdtemp(join(tmpdir(), 'lumos-failover-'))
    const asker = await createLumosNode({
      home: join(directory, 'asker'),
      settings: {
        ...{ name: 'asker', 'models.builtin': false, 'swarm.host': '127.0.0.1' },
        ...{ 'swarm.port': 0, 'swarm.mdns': false, 'serving.yield': 'never' }
      }
    })
    await asker.start()
    const arena = new Arena(directory, asker, modelOf(model, directory))
    try {
      const ready = within(READY_MS_MAX, signal)
      await Promise.all(['one', 'other'].map(name => arena.#start(name, ready)))
    } catch (err) {
      await arena[Symbol.asyncDispose]()
      throw err
    }
    return arena
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { process } of this.#servings) await killed(process)
    await this.#asker.stop({ drainMs: 0 })
    await rm(this.#directory, { recursive: true, force: true })
  }

  /**
   * Kills whoever answers in the middle of the answer, and holds the rest of it to the answer that was not cut. Ends in
   * bounded time, whatever the nodes do.
   */
  async cut(question: number, place: Place, signal: AbortSignal): Promise<Cut> {
    await this.#reviveAll(within(READY_MS_MAX, signal))
    const unbroken = this.#unbroken.get(question) ?? (await this.#ask(question, signal)).chunks
    this.#unbroken.set(question, unbroken)
    const pieces = unbroken.length - 1
    const at = place === 'first' ? 1 : place === 'middle' ? Math.ceil(pieces / 2) : pieces
    const { chunks, gapMs } = await this.#ask(question, signal, at)
    const given = chunks.filter(({ type }) => type !== 'progress')
    assert.deepEqual(given.at(-1), { ...unbroken.at(-1), continued: 'exact' })
    assert.deepEqual(given.slice(0, -1), unbroken.slice(0, -1))
    return { question, place, gapMs }
  }

  /** @param cutAt kill the node that answers once so many chunks have come. */
  async #ask(question: number, signal: AbortSignal, cutAt?: number) {
    const [content, params] = QUESTIONS[question]!
    const request = { model: ID, input: { messages: [{ role: 'user', content }] }, params }
    const chunks: InferenceChunk[] = []
    let peer = ''
    let victim: Serving | undefined
    let cutMs = Number.NaN
    let gapMs = Number.NaN
    const onRoute = ({ peerId }: { peerId: string }) => {
      peer = peerId
    }
    const options = { onRoute, signal: within(ANSWER_MS_MAX, signal) }
    for await (const chunk of this.#asker.infer(request, options)) {
      if (chunk.type === 'progress') continue
      if (victim !== undefined && Number.isNaN(gapMs)) gapMs = performance.now() - cutMs
      chunks.push(chunk)
      if (chunks.length !== cutAt) continue
      victim = this.#servings.find(({ peerId }) => peerId === peer)!
      victim.process.kill('SIGKILL')
      cutMs = performance.now()
    }
    return { chunks, gapMs }
  }

  async #start(name: string, signal: AbortSignal): Promise<void> {
    const home = join(this.#directory, name)
    const { code } = this.#asker.mesh.invite()
    const serving: Serving = { name, home, process: this.#spawn({ name, home, code }), peerId: '' }
    this.#servings.push(serving)
    await this.#ready(serving, signal)
  }

  async #reviveAll(signal: AbortSignal): Promise<void> {
    for (const serving of this.#servings) {
      if (!serving.process.killed && !hasEnded(serving.process)) continue
      await killed(serving.process)
      serving.process = this.#spawn(serving)
      await this.#ready(serving, signal)
    }
  }

  #spawn({ name, home, code }: { name: string; home: string; code?: string }): ChildProcess {
    const options: ServingOptions = {
      ...{ home, name, model: this.#model, id: ID, code, chunkMs: CHUNK_MS },
      // It dials nobody before it is a member: it would be refused.
      peers: code === undefined ? this.#asker.status().addresses : []
    }
    return spawn(process.execPath, [SERVING, JSON.stringify(options)], {
      stdio: ['ignore', 'pipe', 'inherit']
    })
  }

  /** It says its id; the asker is connected to it and holds its manifest, which says that the model is loaded. */
  async #ready(serving: Serving, signal: AbortSignal): Promise<void> {
    const { name, process } = serving
    const over = new AbortController()
    const exited = once(process, 'exit', over).then(([code]) => assert.fail(`${name} ended with ${code}`))
    exited.catch(() => {})
    const line = once(createInterface(process.stdout!), 'line', { signal })
    const [peerId] = (await Promise.race([line, exited])) as [string]
    over.abort()
    serving.peerId = peerId
    const isKnown = () =>
      this.#asker.peers().some(peer => peer.peerId === peerId && peer.capabilities.some(can => can.warm))
    const news = this.#asker.events.subscribe({ names: ['manifest.updated', 'peer.joined'], signal })
    if (isKnown()) return
    for await (const _ of news) if (isKnown()) return
    throw new Error(`${name} is not known.`, { cause: signal.reason })
  }
}

const within = (ms: number, signal: AbortSignal): AbortSignal =>
  AbortSignal.any([signal, AbortSignal.timeout(ms)])

const hasEnded = ({ exitCode, signalCode }: ChildProcess): boolean => exitCode !== null || signalCode !== null

async function killed(child: ChildProcess): Promise<void> {
  if (hasEnded(child)) return
  const exited = once(child, 'exit')
  child.kill('SIGKILL')
  await exited
}

function modelOf(name: ModelName, directory: string): ServingOptions['model'] {
  if (name === 'tiny-llm') {
    return { kind: 'transformers', folder: join(import.meta.dirname, '../../models/tiny-llm') }
  }
  const folder = join(directory, 'model', name)
  mkdirSync(folder, { recursive: true })
  // Engines may run as another user, who is let into the folder of the model alone.
  for (const one of [directory, join(directory, 'model')]) chmodSync(one, 0o755)
  const file = `fixtures/${name}/tiny-llm-q8_0.gguf`
  cpSync(join(import.meta.dirname, '..', file), join(folder, `${name}-q8_0.gguf`))
  return { kind: 'llama-cpp', folder }
}
