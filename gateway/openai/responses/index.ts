/** `/v1/responses`: answers in items, which a later request may go on from. */

import { type Context, Hono } from 'hono'
import * as z from 'zod'
import { NAME_CHARS_MAX } from '../../../interface/chunks.ts'
import { TOP_LOGPROBS_MAX } from '../../../interface/tasks/generation-params.ts'
import { Text } from '../../../interface/tasks/messages.ts'
import { textGeneration } from '../../../interface/tasks/text-generation.ts'
import type { AppEnv } from '../../app-env.ts'
import {
  answerStream,
  answerWhole,
  LARGE_BODY_BYTES_MAX,
  type OpenaiComponents,
  readBody,
  unitContext
} from '../call.ts'
import { errorOf, RefusedError } from '../errors.ts'
import { ModelName, rightModel } from '../model-name.ts'
import { type Piece, streamAll, usageOf } from '../pieces.ts'
import {
  defined,
  MaxTokens,
  ResponseToolChoice,
  ResponseTools,
  Sampling,
  samplingOf,
  TextFormat
} from '../sampling.ts'
import { maybe, unsupported } from '../schema.ts'
import { namedEvent } from '../stream.ts'
import { ResponseInput, type UnitMessage } from './input.ts'
import { KeptResponses } from './kept.ts'
import { type ResponseEvent, ResponseOutput } from './output.ts'

const UNIT = 'inference.chat'

const Body = z.object({
  model: ModelName,
  input: ResponseInput,
  instructions: maybe(Text),
  previous_response_id: maybe(z.string().min(1).max(NAME_CHARS_MAX)),
  max_output_tokens: MaxTokens,
  ...Sampling,
  top_logprobs: maybe(z.int().min(0).max(TOP_LOGPROBS_MAX)),
  tools: ResponseTools,
  tool_choice: ResponseToolChoice,
  parallel_tool_calls: maybe(z.boolean()),
  text: maybe(z.object({ format: TextFormat })),
  store: maybe(z.boolean()),
  stream: maybe(z.boolean()),
  metadata: maybe(z.record(z.string().max(64), z.string().max(512))),
  background: unsupported(value => value === false),
  conversation: unsupported(() => false, "Use 'previous_response_id' instead."),
  prompt: unsupported(() => false)
})
type Body = z.output<typeof Body>

export function responseRoutes(components: OpenaiComponents): Hono<AppEnv> {
  const { units, clock } = components
  const kept = new KeptResponses()
  const routes = new Hono<AppEnv>()

  routes.post('/', async c => {
    const body = await readBody(c, components, Body, LARGE_BODY_BYTES_MAX)
    const messages = [...earlier(kept, body), ...body.input]
    // Instructions hold for one response alone.
    const instructions =
      body.instructions === undefined ? [] : [{ role: 'system', content: body.instructions }]
    if (messages.length === 0)
      throw new RefusedError("Missing required parameter: 'input'.", {
        ...{ param: 'input', reason: 'missing_required_parameter' }
      })
    const { requestId } = c.var.call
    const head = { ...headOf(body), id: `resp_${requestId}`, created_at: Math.floor(clock.wallMs() / 1000) }
    const output = new ResponseOutput(requestId)
    const calls = {
      unit: UNIT,
      inputs: [inputFor(body, [...instructions, ...messages])],
      context: unitContext(c, UNIT)
    }
    const pieces = piecesOf(streamAll(units, calls))
    const ended = () => {
      const response = completed(head, output)
      if (body.store !== false) kept.keep(head.id, { messages: [...messages, output.message()], response })
      return response
    }

    return rightModel(components, c, { model: body.model, task: textGeneration.name }, async () => {
      if (!body.stream) {
        for await (const piece of pieces) output.add(piece)
        return answerWhole(c, ended())
      }
      const events = new Events(head, output)
      return answerStream(c, components, events.of(pieces, ended), thrown => events.failed(thrown))
    })
  })

  routes.get('/:id', c => answerWhole(c, found(kept, c).response))
  routes.delete('/:id', c => {
    found(kept, c)
    const id = c.req.param('id')
    kept.forget(id)
    return answerWhole(c, { id, object: 'response', deleted: true })
  })
  return routes
}

function earlier(kept: KeptResponses, { previous_response_id: id }: Body): readonly UnitMessage[] {
  if (id === undefined) return []
  const before = kept.get(id)
  if (before === undefined) throw notKept(id, 'previous_response_id', 400, 'previous_response_not_found')
  return before.messages
}

function found(kept: KeptResponses, c: Context<AppEnv, '/:id'>) {
  const id = c.req.param('id')
  const response = kept.get(id)
  if (response === undefined) throw notKept(id, 'response_id', 404, null)
  return response
}

const notKept = (id: string, param: string, status: number, reason: string | null) =>
  new RefusedError(`Response with id '${id.slice(0, NAME_CHARS_MAX)}' not found.`, { param, reason, status })

function inputFor(body: Body, messages: readonly UnitMessage[]): Record<string, unknown> {
  const { model, max_output_tokens, top_logprobs, tools, tool_choice, parallel_tool_calls, text } = body
  return defined({
    ...{ model, messages, max_tokens: max_output_tokens },
    ...(top_logprobs !== undefined && { logprobs: true, top_logprobs }),
    ...(tools && tools.length > 0 && { tools, tool_choice, parallel_tool_calls }),
    ...{ response_format: text?.format, ...samplingOf(body) }
  })
}

/** What a response says of its request. */
function headOf(body: Body) {
  const { model, instructions = null, max_output_tokens = null, temperature = null, top_p = null } = body
  const { previous_response_id = null, parallel_tool_calls = true, metadata = {}, store = true } = body
  return {
    object: 'response',
    ...{ model, instructions, max_output_tokens, temperature, top_p, previous_response_id },
    ...{ parallel_tool_calls, metadata, store },
    tools: (body.tools ?? []).map(tool => ({ type: 'function', strict: false, ...tool })),
    tool_choice:
      body.tool_choice instanceof Object
        ? { type: 'function', ...body.tool_choice }
        : (body.tool_choice ?? 'auto'),
    text: { format: body.text?.format ?? { type: 'text' } },
    ...{ truncation: 'disabled', reasoning: null, user: null }
  }
}
type Head = ReturnType<typeof headOf> & { readonly id: string; readonly created_at: number }

function completed(head: Head, output: ResponseOutput) {
  const cut = output.finishReason === 'length'
  const { inputTokens, outputTokens, totalTokens } = usageOf([output.usage])
  return {
    ...head,
    status: cut ? 'incomplete' : 'completed',
    error: null,
    incomplete_details: cut ? { reason: 'max_output_tokens' } : null,
    output: output.items(),
    usage: {
      ...{ input_tokens: inputTokens, output_tokens: outputTokens, total_tokens: totalTokens },
      input_tokens_details: { cached_tokens: 0 },
      output_tokens_details: { reasoning_tokens: 0 }
    }
  }
}

async function* piecesOf(stream: ReturnType<typeof streamAll>): AsyncGenerator<Piece, void, undefined> {
  for await (const { piece } of stream) if (piece.type !== 'progress') yield piece
}

/** The events of one response, numbered. */
class Events {
  readonly #head: Head
  readonly #output: ResponseOutput
  #sequence = 0

  constructor(head: Head, output: ResponseOutput) {
    this.#head = head
    this.#output = output
  }

  async *of(
    pieces: AsyncIterable<Piece>,
    ended: () => { status: string }
  ): AsyncGenerator<string, void, undefined> {
    let begun = false
    for await (const piece of pieces) {
      const before = begun ? '' : this.#begin()
      begun = true
      const events = this.#output.add(piece).map(event => this.#text(event))
      if (before !== '' || events.length > 0) yield before + events.join('')
    }
    const response = ended()
    yield this.#text({ type: `response.${response.status}`, response })
  }

  failed(thrown: unknown): string {
    const { message, code } = errorOf(thrown).error
    const error = { code: code ?? 'server_error', message }
    const response = { ...this.#started('failed'), error, output: this.#output.items() }
    return (
      this.#text({ type: 'error', ...error, param: null }) + this.#text({ type: 'response.failed', response })
    )
  }

  #begin(): string {
    const response = this.#started('in_progress')
    return ['response.created', 'response.in_progress'].map(type => this.#text({ type, response })).join('')
  }

  #started = (status: string) => ({
    ...this.#head,
    ...{ status, error: null as object | null, incomplete_details: null, output: [] as object[], usage: null }
  })

  #text({ type, ...fields }: ResponseEvent): string {
    return namedEvent(type, { type, sequence_number: this.#sequence++, ...fields })
  }
}
