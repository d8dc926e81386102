/** An engine that answers by what it is asked: words, reasoning, tool calls, JSON, log-probabilities, failures. */

import { setTimeout as sleep } from 'node:timers/promises'
import type { Engine, Model } from '../../capabilities/host/engine.ts'
import { LumosError } from '../../interface/errors.ts'
import type { InferenceChunk, InferenceRequest } from '../../interface/inference.ts'
import type { AbortOptions } from '../../interface/lifecycle.ts'
import type { TaskInput, TaskParams } from '../../interface/tasks/index.ts'
import { askedText } from '../../interface/tasks/text-generation.ts'

export const TALKER = 'org/talker:1b'
export const EMBEDDER = 'embedder'
export const RANKER = 'ranker'

/** Numbers that float32 has and a decimal of a few digits has not. */
export const vectorOf = (text: string): number[] => [text.length / 3, -0.1, 1e-7].map(Math.fround)

type Piece = { text?: string; reasoning?: string; toolCalls?: object[]; logprobs?: object[] }

export class ScriptedEngine implements Engine {
  readonly loaded = true
  readonly memoryBytes = 0
  /** Answers begun, and how each ended. */
  readonly outcomes: ('running' | 'done' | 'left')[] = []
  /** Words written since the start. */
  words = 0
  readonly requests: InferenceRequest[] = []
  async load(): Promise<void> {}
  async close(): Promise<void> {}

  get running(): number {
    return this.outcomes.filter(outcome => outcome === 'running').length
  }

  async *infer(request: InferenceRequest, options: AbortOptions = {}): AsyncGenerator<InferenceChunk> {
    this.requests.push(request)
    const at = this.outcomes.push('running') - 1
    try {
      yield* request.task === 'text-generation' ? this.#talk(request, options) : whole(request)
      this.outcomes[at] = 'done'
    } finally {
      if (this.outcomes[at] === 'running') this.outcomes[at] = 'left'
    }
  }

  async *#talk(
    { input, params }: InferenceRequest,
    { signal }: AbortOptions
  ): AsyncGenerator<InferenceChunk> {
    const question = input as TaskInput<'text-generation'>
    const wanted = params as TaskParams<'text-generation'>
    const { maxTokens = Number.POSITIVE_INFINITY } = wanted
    const asked = askedText(question)
    let index = 0
    let finishReason = 'stop'
    let outputTokens = 0
    if (asked.includes('fail after 0')) throw new LumosError('ENGINE_FAILED', 'The engine died.')
    for (const piece of piecesFor(question, wanted)) {
      signal?.throwIfAborted()
      if (asked.includes('forever')) await sleep(5, undefined, { signal })
      const silentMs = /silent (\d+)/.exec(asked)?.[1]
      if (silentMs !== undefined) await sleep(Number(silentMs), undefined, { signal })
      if (asked.includes('wait')) await sleep(3_600_000, undefined, { signal })
      if (piece.toolCalls) finishReason = 'tool_calls'
      if (outputTokens++ === maxTokens) {
        finishReason = 'length'
        break
      }
      this.words++
      yield { type: 'delta', index: index++, ...piece } as InferenceChunk
      const failAfter = /fail after (\d+)/.exec(asked)?.[1]
      if (failAfter !== undefined && index === Number(failAfter))
        throw new LumosError('ENGINE_FAILED', 'The engine died.')
    }
    const usage = {
      inputTokens: asked.split(' ').length,
      outputTokens: Math.min(outputTokens, maxTokens)
    }
    yield { type: 'done', index, finishReason, usage }
  }
}

function* piecesFor(
  question: TaskInput<'text-generation'>,
  {
    tools = [],
    toolChoice,
    parallelToolCalls,
    responseFormat,
    logprobs,
    topLogprobs,
    stop,
    maxTokens
  }: TaskParams<'text-generation'>
): Generator<Piece> {
  const asked = askedText(question)
  const last = question.messages?.at(-1)
  const roomy = asked.includes('once') && (maxTokens ?? 0) <= 4
  if (asked.includes('too long') && !roomy) {
    const details = { contextTokens: 64, promptTokens: 60, maxTokens: 16 }
    throw new LumosError('CONTEXT_TOO_SMALL', 'The context is too small.', { details })
  }
  if (asked.includes('think')) yield { reasoning: 'Let me see. ' }
  if (tools.length > 0 && toolChoice !== 'none' && last?.role === 'user') {
    const { name } = tools[0]!
    const call = (index: number, city: string) => [
      { toolCalls: [{ index, id: `c-${index}`, name }] },
      { toolCalls: [{ index, arguments: '{"city":' }] },
      { toolCalls: [{ index, arguments: `"${city}"}` }] }
    ]
    const given = /call with (\{.*\})/.exec(asked)?.[1]
    if (given !== undefined) {
      yield { toolCalls: [{ index: 0, id: 'c-0', name, arguments: given }] }
      return
    }
    yield* call(0, 'Bern')
    if (parallelToolCalls !== false) yield* call(1, 'Oslo')
    return
  }
  if (last?.role === 'tool') {
    const results = question.messages!.filter(({ role }) => role === 'tool').length
    yield { text: `${results} results: ${asked}` }
    return
  }
  const text = responseFormat === undefined ? asked : '{"city":"Bern", "degrees":21}'
  const forever = asked.includes('forever')
  for (let round = 0; round === 0 || forever; round++) {
    for (const token of text.match(/\S+\s*/g) ?? []) {
      if (stop?.some(end => token.includes(end))) return
      const top = [{ token: 'else', logprob: -2 }].slice(0, topLogprobs ?? 0)
      yield { text: token, ...(logprobs && { logprobs: [{ token, logprob: -0.5, top }] }) }
    }
  }
}

function* whole({ task, input, params }: InferenceRequest): Generator<InferenceChunk> {
  if (task === 'feature-extraction') {
    const { texts } = input as TaskInput<'feature-extraction'>
    const vectors = new Uint8Array(Float32Array.from(texts.flatMap(vectorOf)).buffer)
    yield { type: 'output', index: 0, output: { dimensions: 3, vectors } }
    const inputTokens = texts.join(' ').split(' ').length
    yield { type: 'done', index: 1, finishReason: 'stop', usage: { inputTokens } }
    return
  }
  const { query, documents } = input as TaskInput<'text-ranking'>
  const results = documents
    .map((document, index) => ({ index, score: document.includes(query) ? 0.9 : 0.1 }))
    .sort((a, b) => b.score - a.score)
    .slice(0, params.topN as number | undefined)
  yield { type: 'output', index: 0, output: { results } }
  yield { type: 'done', index: 1, finishReason: 'stop', usage: { inputTokens: 4 } }
}

export const scriptedModels = (engine: ScriptedEngine): Model[] => [
  { id: TALKER, tasks: ['text-generation'], slots: 4, engine, contextTokens: 200_000 },
  { id: EMBEDDER, tasks: ['feature-extraction'], slots: 4, engine },
  { id: RANKER, tasks: ['text-ranking'], slots: 4, engine }
]
