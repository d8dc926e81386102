/**
 * A model of another server that speaks OpenAI's HTTP, as an engine: Ollama, LM Studio, llama.cpp, vLLM, or a provider
 * elsewhere. It runs in no process of ours, so it holds no memory here, and leaving an answer closes its connection.
 */

import type { IncomingMessage } from 'node:http'
import type { Clock } from '../../../interface/clock.ts'
import { EngineFailedError, InvalidInputError, LumosError } from '../../../interface/errors.ts'
import type { InferenceChunk, PreparedRequest } from '../../../interface/inference.ts'
import type { AbortOptions } from '../../../interface/lifecycle.ts'
import { VECTORS_BYTES_MAX } from '../../../interface/limits.ts'
import { isRecord } from '../../../interface/record.ts'
import { definitionOf, type TaskInput, type TaskParams } from '../../../interface/tasks/index.ts'
import type { Engine } from '../../host/engine.ts'
import { eventsOf } from './event-stream.ts'
import type { WritesOn } from './going-on.ts'
import { call, callJson, limited, type ModelServer, parseJson, readJson, withoutKey } from './http.ts'
import { Pieces } from './pieces.ts'
import { generationBody, rewordedFor } from './request.ts'
import { rankingOf, vectorsOf } from './vectors.ts'

/** A whole answer of a server that does not stream. */
const ANSWER_BYTES_MAX = 64 * 1024 * 1024
/** Numbers in the vectors of one answer. */
const NUMBERS_MAX = VECTORS_BYTES_MAX / 4
/** Events of one answer that bring nothing of it: ten a second, for the longest budget, are 36,000. */
const SILENT_EVENTS_MAX = 65_536

export interface ServedModel {
  readonly server: ModelServer
  /** As the server calls it. */
  readonly model: string
  /** How it goes on with a text that another engine began; absent: it can only write it again. */
  readonly writesOn?: WritesOn | undefined
  /** The server could not be reached: its models are looked at again. */
  readonly onGone?: () => void
  readonly clock: Clock
}

export class OpenAiEngine implements Engine {
  readonly loaded = true
  readonly memoryBytes = 0
  readonly #served: ServedModel

  constructor(served: ServedModel) {
    this.#served = served
  }

  async load(): Promise<void> {}

  async close(): Promise<void> {}

  async *infer(request: PreparedRequest, { signal }: AbortOptions = {}): AsyncGenerator<InferenceChunk> {
    const { signal: ends, end } = limited(this.#served.clock, request.budgetMs, signal)
    try {
      if (request.task === 'text-generation') yield* this.#generate(request, ends)
      else yield* this.#ask(request, ends)
    } catch (err) {
      if (ends.aborted) throw ends.reason
      if (err instanceof EngineFailedError) this.#served.onGone?.()
      throw err instanceof LumosError ? withoutKey(err, await this.#served.server.key?.()) : err
    } finally {
      end()
    }
  }

  async *#generate(request: PreparedRequest, signal: AbortSignal): AsyncGenerator<InferenceChunk> {
    const { server, model } = this.#served
    const most = definitionOf(request.task).pieces!.max(request.params)
    const { resume } = request
    if (resume === undefined) {
      const { path, body } = generationBody(request, model)
      const { logprobs } = request.params as TaskParams<'text-generation'>
      return yield* this.#written(path, body, new Pieces(server.name, most, { logprobs }), signal)
    }
    // Loaded when an answer that another one began comes for the first time.
    const { goingOn } = await import('./going-on.ts')
    const { path, body, saidIndex, rest } = await goingOn({ ...request, resume }, this.#served, signal)
    yield* rest(this.#written(path, body, new Pieces(server.name, most - saidIndex), signal))
  }

  async *#written(
    path: string,
    body: object,
    pieces: Pieces,
    signal: AbortSignal
  ): AsyncGenerator<InferenceChunk> {
    const { server } = this.#served
    const response = await call(server, path, { signal, body }).catch((err: unknown) => {
      const reworded = rewordedFor(err, body)
      if (reworded === undefined) throw err
      return call(server, path, { signal, body: reworded })
    })
    if (!isEventStream(response)) {
      yield* pieces.read(await readJson(server, response, { bytesMax: ANSWER_BYTES_MAX }))
      return yield* pieces.end({ said: true })
    }
    let silent = 0
    for await (const data of eventsOf(response)) {
      if (data === '[DONE]') return yield* pieces.end({ said: true })
      const chunks = data === '' ? [] : pieces.read(parseJson(server, data))
      if (chunks.length === 0 && ++silent > SILENT_EVENTS_MAX)
        throw new EngineFailedError(
          `${server.name} sent more than ${SILENT_EVENTS_MAX} events without words.`
        )
      yield* chunks
    }
    yield* pieces.end({ said: false })
  }

  async *#ask(request: PreparedRequest, signal: AbortSignal): AsyncGenerator<InferenceChunk> {
    const { server, model } = this.#served
    if (request.task === 'feature-extraction') {
      const { texts } = request.input as TaskInput<'feature-extraction'>
      const { dimensions } = request.params as TaskParams<'feature-extraction'>
      const body = { model, input: texts, encoding_format: 'float', ...(dimensions && { dimensions }) }
      const answer = await callJson(server, '/v1/embeddings', { signal, body, ...VECTORS })
      const expected = { count: texts.length, wanted: dimensions, server: server.name }
      return yield* wholeOf(vectorsOf(answer, expected), answer)
    }
    if (request.task === 'text-ranking') {
      const { query, documents } = request.input as TaskInput<'text-ranking'>
      const { topN = documents.length } = request.params as TaskParams<'text-ranking'>
      const body = { model, query, documents, top_n: topN }
      const answer = await callJson(server, '/v1/rerank', { signal, body })
      return yield* wholeOf(rankingOf(answer, documents.length, topN, server.name), answer)
    }
    throw new InvalidInputError(`${server.name} does not do ${request.task}.`)
  }
}

function* wholeOf(output: unknown, answer: unknown): Generator<InferenceChunk> {
  const usage = isRecord(answer) && isRecord(answer.usage) ? answer.usage : {}
  const inputTokens = Number(usage.prompt_tokens ?? usage.total_tokens)
  yield { type: 'output', index: 0, output }
  yield {
    ...{ type: 'done', index: 1, finishReason: 'stop' },
    usage: Number.isSafeInteger(inputTokens) && inputTokens >= 0 ? { inputTokens } : {}
  }
}

const isEventStream = ({ headers }: IncomingMessage): boolean => !/json/.test(headers['content-type'] ?? '')

const VECTORS = { bytesMax: ANSWER_BYTES_MAX, valuesMax: NUMBERS_MAX }
