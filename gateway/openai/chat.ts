/** `POST /v1/chat/completions` */

import type { Context } from 'hono'
import * as z from 'zod'
import { TOP_LOGPROBS_MAX } from '../../interface/tasks/generation-params.ts'
import { textGeneration } from '../../interface/tasks/text-generation.ts'
import type { AppEnv } from '../app-env.ts'
import {
  type AskComponents,
  answerStream,
  answerWhole,
  LARGE_BODY_BYTES_MAX,
  readBody,
  unitContext,
  unkept
} from '../asking/call.ts'
import { ModelName, rightModel } from '../asking/model-name.ts'
import { beside, type ChatAnswer, executeAll, finishOf, streamAll } from '../asking/pieces.ts'
import { Choices, inputOf, MaxTokens, Sampling, samplingOf } from '../asking/sampling.ts'
import { defined, maybe, unsupported } from '../asking/schema.ts'
import { chatUsage, messageOf } from './chat-parts.ts'
import { chatChunks, failureEvent } from './chat-stream.ts'
import { chatLogprobs } from './logprobs.ts'
import { ChatMessages } from './messages.ts'
import { ChatToolChoice, ChatTools, ResponseFormat, wrongChoice } from './tools.ts'

const UNIT = 'inference.chat'

const isText = (value: unknown) => Array.isArray(value) && value.every(item => item === 'text')

const Chat = z.object({
  model: ModelName,
  messages: ChatMessages,
  max_tokens: MaxTokens,
  max_completion_tokens: MaxTokens,
  n: Choices,
  ...Sampling,
  logprobs: maybe(z.boolean()),
  top_logprobs: maybe(z.int().min(0).max(TOP_LOGPROBS_MAX)),
  tools: ChatTools,
  tool_choice: ChatToolChoice,
  parallel_tool_calls: maybe(z.boolean()),
  response_format: ResponseFormat,
  stream: maybe(z.boolean()),
  stream_options: maybe(z.object({ include_usage: maybe(z.boolean()) })),
  store: maybe(z.boolean()),
  modalities: unsupported(isText, 'Answers are text.'),
  audio: unsupported(() => false, 'Answers are text.'),
  web_search_options: unsupported(() => false, 'No model here searches the web.'),
  functions: unsupported(value => Array.isArray(value) && value.length === 0, "Use 'tools' instead."),
  function_call: unsupported(value => value === 'none', "Use 'tool_choice' instead.")
})
const Checked = Chat.superRefine((body, context) => {
  const { logprobs, top_logprobs, stream, stream_options, tools, tool_choice } = body
  const wrong = (field: string, message: string) =>
    context.addIssue({ code: 'custom', path: [field], message })
  if (top_logprobs !== undefined && logprobs !== true) wrong('top_logprobs', 'it needs logprobs to be true')
  if (stream_options !== undefined && stream !== true) wrong('stream_options', 'it needs stream to be true')
  const choice = wrongChoice(tool_choice, tools)
  if (choice !== undefined) wrong('tool_choice', choice)
})

export const chatRoute = (components: AskComponents) => async (c: Context<AppEnv>) => {
  const body = await readBody(c, components, Checked, LARGE_BODY_BYTES_MAX)
  const { model, n } = body
  const { units, clock } = components
  const input = inputFor(body)
  const context = unitContext(c, UNIT)
  const inputs = Array.from({ length: n }, (_, choice) => inputOf(input, choice))
  const calls = { unit: UNIT, inputs, context: body.store === false ? unkept(context) : context }
  const id = `chatcmpl-${c.var.call.requestId}`
  const head = { id, created: Math.floor(clock.wallMs() / 1000), model }

  return rightModel(components, c, { model, task: textGeneration.name }, async () => {
    if (body.stream) {
      const withUsage = body.stream_options?.include_usage === true
      const chunks = chatChunks(streamAll(units, calls), {
        ...head,
        withUsage,
        withLogprobs: body.logprobs === true,
        choices: n
      })
      return answerStream(c, components, chunks, failureEvent)
    }
    const answers = await executeAll<ChatAnswer>(units, calls)
    const choices = answers.map((answer, index) => ({
      index,
      message: messageOf(answer, `${c.var.call.requestId}_${index}`),
      logprobs: body.logprobs ? chatLogprobs(answer.logprobs ?? []) : null,
      finish_reason: finishOf(answer.finish_reason, (answer.tool_calls?.length ?? 0) > 0),
      ...beside(answer)
    }))
    return answerWhole(c, {
      ...head,
      object: 'chat.completion',
      choices,
      usage: chatUsage(answers.map(({ usage }) => usage))
    })
  })
}

function inputFor(body: z.output<typeof Chat>): Record<string, unknown> {
  const { model, messages, max_tokens, max_completion_tokens = max_tokens, logprobs, top_logprobs } = body
  const { tools, tool_choice, parallel_tool_calls, response_format } = body
  return defined({
    ...{ model, messages, max_tokens: max_completion_tokens, logprobs, top_logprobs },
    // No tools at all are no tools to choose from either.
    ...(tools && tools.length > 0 && { tools, tool_choice, parallel_tool_calls }),
    ...{ response_format, ...samplingOf(body) }
  })
}
