/**
 * Watches a run from outside and writes its history: listens to the nodes' events,
 * asks them what they say of themselves, makes the requests, and catches what
 * nobody caught.
 */

import { readdirSync } from 'node:fs'
import { toLumosError } from '../interface/errors.ts'
import type { LumosNode } from '../interface/node.ts'
import { type Entry, History, type NewEntry, type NodeView } from './history.ts'

/** What came of a request. Without `code` it was answered. */
export interface Answer {
  readonly text: string
  readonly code?: string
  /** PeerId of the last peer that was chosen. */
  readonly peerId?: string
  readonly firstChunkMs?: number
  readonly durationMs: number
  /** What a peer that is busy said: come back then. */
  readonly retryAfterMs?: number
}

export interface Question {
  /** PeerId or name of the only peer that may answer. */
  readonly peer?: string
  readonly model?: string
  readonly words?: string
  readonly budgetMs?: number
  readonly signal?: AbortSignal
}

export class Observer implements Disposable {
  readonly history = new History()
  readonly #nowMs: () => number
  /** Aborted when the node with that name is gone, for its own requests never end by themselves. */
  readonly #lives = new Map<string, AbortController>()
  #asked = 0

  /** @param nowMs time since the run began. */
  constructor(nowMs: () => number) {
    this.#nowMs = nowMs
    process.on('unhandledRejection', this.#onRejection)
    process.on('uncaughtException', this.#onException)
  }

  [Symbol.dispose](): void {
    process.off('unhandledRejection', this.#onRejection)
    process.off('uncaughtException', this.#onException)
    for (const life of this.#lives.values()) life.abort()
  }

  add(entry: NewEntry): void {
    this.history.entries.push({ ...entry, atMs: this.#nowMs() } as Entry)
  }

  /** A node that was made, or made again: from now on all that it tells is written down. */
  watch(node: LumosNode, name = node.name): void {
    const { actors } = this.history
    if (!actors.some(actor => actor.name === name)) actors.push({ name, peerId: node.peerId, kind: 'honest' })
    this.#lives.get(name)?.abort()
    const life = new AbortController()
    this.#lives.set(name, life)
    for (const event of node.events.schemas.keys()) {
      node.events.addEventListener(
        event,
        ({ detail }) => this.add({ type: 'event', node: name, event, data: detail } as NewEntry),
        { signal: life.signal }
      )
    }
  }

  /** The node says nothing more, and nobody waits for its answers. */
  lost(name: string): void {
    this.#lives.get(name)?.abort()
  }

  look(name: string, node: LumosNode): NodeView {
    const view = viewOf(node)
    this.add({ type: 'view', node: name, view })
    return view
  }

  /** What this process holds now. */
  weigh(): void {
    const memoryBytes = process.memoryUsage.rss()
    this.add({ type: 'process', memoryBytes, descriptors: openDescriptors() })
  }

  /** Ask, and write down all that comes. Never throws. */
  async ask(name: string, node: LumosNode, question: Question = {}): Promise<Answer> {
    const id = `${name}#${++this.#asked}`
    const { peer, model = 'echo', budgetMs, words = `request ${id} of ${name}, in so many words` } = question
    const life = this.#lives.get(name)?.signal
    const signals = [life, question.signal].filter(signal => signal !== undefined)
    const signal = AbortSignal.any(signals)
    const beganMs = this.#nowMs()
    let text = ''
    let peerId: string | undefined
    let firstChunkMs: number | undefined
    const ended = (thrown?: unknown): Answer => {
      const failure = thrown === undefined ? undefined : toLumosError(thrown)
      this.add({ type: 'ended', id, code: failure?.code })
      const durationMs = this.#nowMs() - beganMs
      const retryAfterMs = failure?.details.retryAfterMs as number | undefined
      return { text, code: failure?.code, peerId, firstChunkMs, durationMs, retryAfterMs }
    }

    this.add({ type: 'asked', id, asker: name, oracle: words })
    const request = { id, model, task: 'text-generation' as const, input: messageOf(words), budgetMs }
    const onRoute = (route: { peerId: string }): void => {
      peerId = route.peerId
      this.add({ type: 'routed', id, peerId })
    }
    const answer = node.infer(request, { peer, signal, onRoute })[Symbol.asyncIterator]()
    try {
      for (;;) {
        const next = await orGone(answer.next(), life)
        if (next.done) return ended()
        const chunk = next.value
        firstChunkMs ??= this.#nowMs() - beganMs
        if (chunk.type === 'text') {
          text += chunk.text
          this.add({ type: 'chunk', id, index: chunk.index, text: chunk.text })
        } else if (chunk.type === 'done') {
          this.add({ type: 'done', id, index: chunk.index, finishReason: chunk.finishReason })
        }
      }
    } catch (thrown) {
      return ended(thrown)
    }
  }

  readonly #onRejection = (reason: unknown): void =>
    this.add({ type: 'uncaught', kind: 'unhandledRejection', message: messageOfThrown(reason) })
  readonly #onException = (thrown: unknown): void =>
    this.add({ type: 'uncaught', kind: 'uncaughtException', message: messageOfThrown(thrown) })
}

/** What is offered, by its own text: a hundred nodes say the same of each other, again and again. */
const OFFERS = new Map<string, string>()

function viewOf(node: LumosNode): NodeView {
  const { mesh, connections, streams, requests } = node.status()
  const providers: Record<string, string> = {}
  for (const { model, task, providers: peers } of node.models()) {
    for (const { peerId, warm } of peers) {
      const offer = `${model} ${task}${warm ? '' : ' (not loaded)'}`
      const offers = providers[peerId] === undefined ? offer : `${providers[peerId]}, ${offer}`
      providers[peerId] = interned(offers)
    }
  }
  return {
    peers: node.peers().map(({ peerId }) => peerId),
    providers,
    members: node.mesh.members().map(({ peerId }) => peerId),
    mesh,
    connections,
    streams,
    requests
  }
}

function interned(text: string): string {
  const known = OFFERS.get(text)
  if (known === undefined) OFFERS.set(text, text)
  return known ?? text
}

const messageOf = (content: string) => ({ messages: [{ role: 'user', content }] })

const messageOfThrown = (thrown: unknown): string =>
  thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown)

/** `promise`, unless the node is gone first: then nothing of it will ever come. */
function orGone<T>(promise: Promise<T>, life: AbortSignal | undefined): Promise<T> {
  if (life === undefined) return promise
  return new Promise((resolve, reject) => {
    const onGone = (): void => reject(life.reason)
    if (life.aborted) onGone()
    life.addEventListener('abort', onGone, { once: true })
    promise.then(resolve, reject).finally(() => life.removeEventListener('abort', onGone))
  })
}

/** Zero where the system does not tell. */
function openDescriptors(): number {
  try {
    return readdirSync('/proc/self/fd').length
  } catch {
    return 0
  }
}
