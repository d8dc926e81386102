/** A request of this mesh as a compatible server is asked it. */

import { InvalidInputError } from '../../../interface/errors.ts'
import type { PreparedRequest } from '../../../interface/inference.ts'
import type { TaskInput, TaskParams } from '../../../interface/tasks/index.ts'
import type { Message } from '../../../interface/tasks/messages.ts'

/** The signatures of pictures that servers take. */
const PICTURES: readonly [mime: string, start: string][] = [
  ['image/png', '89504e47'],
  ['image/jpeg', 'ffd8ff'],
  ['image/gif', '47494638'],
  ['image/webp', '52494646']
]

/** The body of `chat/completions` or `completions`, and which of both. */
export function generationBody(
  { input, params }: PreparedRequest,
  model: string
): { path: string; body: object } {
  const { messages, prompt } = input as TaskInput<'text-generation'>
  const { logprobs, topLogprobs, ...wanted } = params as TaskParams<'text-generation'>
  const common = { model, stream: true, stream_options: { include_usage: true }, ...samplingOf(wanted) }
  if (messages === undefined) {
    const likely = logprobs ? { logprobs: topLogprobs ?? 0 } : {}
    return { path: '/v1/completions', body: { ...common, prompt, ...likely } }
  }
  const likely = logprobs ? said({ logprobs, top_logprobs: topLogprobs }) : {}
  return {
    path: '/v1/chat/completions',
    body: {
      ...common,
      messages: messages.map(messageOf),
      ...likely,
      ...toolsOf(wanted)
    }
  }
}

/**
 * The same request for models of OpenAI that reason, which refuse the word for its bound that all other servers know.
 *
 * @param err the refusal of `body`.
 */
export function rewordedFor(err: unknown, body: object): object | undefined {
  if (!(err instanceof InvalidInputError) || !err.message.includes('max_completion_tokens')) return undefined
  const { max_tokens, ...rest } = body as { max_tokens?: number }
  return max_tokens === undefined ? undefined : { ...rest, max_completion_tokens: max_tokens }
}

/** Only what the caller said: a server has defaults of its own, and refuses words that it does not know. */
function samplingOf(params: TaskParams<'text-generation'>): object {
  return said({
    max_tokens: params.maxTokens,
    temperature: params.temperature,
    top_p: params.topP,
    top_k: params.topK,
    min_p: params.minP,
    frequency_penalty: params.frequencyPenalty,
    presence_penalty: params.presencePenalty,
    repetition_penalty: params.repetitionPenalty,
    // llama.cpp and Ollama have a word of their own for it.
    repeat_penalty: params.repetitionPenalty,
    seed: params.seed,
    stop: params.stop
  })
}

function toolsOf({
  tools,
  toolChoice,
  parallelToolCalls,
  responseFormat
}: TaskParams<'text-generation'>): object {
  return said({
    tools: tools?.map(({ name, description, parameters = { type: 'object', properties: {} } }) => ({
      type: 'function',
      function: said({ name, description, parameters })
    })),
    tool_choice:
      typeof toolChoice === 'object' ? { type: 'function', function: { name: toolChoice.name } } : toolChoice,
    parallel_tool_calls: parallelToolCalls,
    response_format: formatOf(responseFormat)
  })
}

function formatOf(format: TaskParams<'text-generation'>['responseFormat']): object | undefined {
  if (format === undefined || format.type === 'text') return undefined
  if (format.type === 'json') return { type: 'json_object' }
  return { type: 'json_schema', json_schema: { name: 'answer', strict: true, schema: format.schema } }
}

/** `developer` is a word that most servers do not know. */
function messageOf(message: Message): object {
  const content = contentOf(message)
  switch (message.role) {
    case 'tool':
      return { role: 'tool', content, tool_call_id: message.call }
    case 'assistant': {
      const calls = message.calls?.map(({ id, name, arguments: words }) => ({
        ...{ id, type: 'function' },
        function: { name, arguments: words }
      }))
      return { role: 'assistant', content, ...(calls !== undefined && { tool_calls: calls }) }
    }
    case 'user':
      return { role: 'user', content }
    default:
      return { role: 'system', content }
  }
}

function contentOf({ content }: Message): unknown {
  if (typeof content !== 'object' || content === null) return content ?? null
  return content.map(part =>
    part.type === 'text' ? part : { type: 'image_url', image_url: { url: dataUrl(part.image) } }
  )
}

function dataUrl(image: Uint8Array): string {
  const bytes = Buffer.from(image)
  const start = bytes.subarray(0, 8).toString('hex')
  const mime = PICTURES.find(([, signature]) => start.startsWith(signature))?.[0] ?? 'image/png'
  return `data:${mime};base64,${bytes.toString('base64')}`
}

function said(values: object): object {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined))
}
