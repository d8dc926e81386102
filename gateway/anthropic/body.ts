/** What `/v1/messages` is asked with, and what `inference.chat` is asked then. */

import * as z from 'zod'
import { TOKENS_MAX } from '../../interface/limits.ts'
import { STOPS_MAX, Tool, toolsOf } from '../../interface/tasks/generation-params.ts'
import { ModelName } from '../asking/model-name.ts'
import { RefusedError } from '../asking/refused.ts'
import { StaysLoaded, Stop, Temperature, TopK, TopP } from '../asking/sampling.ts'
import { defined, listOf, maybe, oneOf, unsupported } from '../asking/schema.ts'
import { wrongChoice } from '../openai/tools.ts'
import { Messages, System } from './content.ts'

/** It bounds an answer: no answer is longer than {@link TOKENS_MAX} anyway. */
const MaxTokens = z
  .int()
  .min(1)
  .transform(tokens => Math.min(tokens, TOKENS_MAX))

const CUSTOM = 'it runs at Anthropic; give a tool with an input_schema'
const NO_SERVERS = 'Connect to them in the client, and give their tools with an input_schema.'
const CustomTool = z.object({
  type: maybe(
    z.string().superRefine((type, context) => {
      if (type === 'custom') return
      context.addIssue({ code: 'custom', params: { reason: 'unsupported_value' }, message: CUSTOM })
    })
  ),
  name: Tool.shape.name,
  description: maybe(Tool.shape.description),
  input_schema: Tool.shape.parameters.unwrap()
})
const Tools = maybe(toolsOf(CustomTool)).transform(tools =>
  tools?.map(({ name, description, input_schema }) =>
    defined({ name, description, parameters: input_schema })
  )
)

const CHOICES = ['auto', 'any', 'tool', 'none'] as const
const OneCall = { disable_parallel_tool_use: maybe(z.boolean()) }
const ToolChoice = maybe(
  z.discriminatedUnion(
    'type',
    [
      z.object({ type: z.enum(['auto', 'any']), ...OneCall }),
      z.object({ type: z.literal('tool'), name: Tool.shape.name, ...OneCall }),
      z.object({ type: z.literal('none') })
    ],
    oneOf(CHOICES)
  )
).transform(
  choice =>
    choice && {
      choice:
        choice.type === 'tool' ? { name: choice.name } : choice.type === 'any' ? 'required' : choice.type,
      parallel: 'disable_parallel_tool_use' in choice ? !choice.disable_parallel_tool_use : undefined
    }
)

const Format = z.object({
  type: z.literal('json_schema', oneOf(['json_schema'])),
  schema: Tool.shape.parameters.unwrap()
})

export const Question = z.object({
  model: ModelName,
  messages: Messages,
  system: System,
  tools: Tools,
  tool_choice: ToolChoice,
  output_config: maybe(z.object({ format: maybe(Format) })),
  /** What it was called before it was part of `output_config`. */
  output_format: maybe(Format),
  mcp_servers: unsupported(value => Array.isArray(value) && value.length === 0, NO_SERVERS)
})

export const Body = Question.extend({
  max_tokens: MaxTokens,
  temperature: Temperature,
  top_p: TopP,
  top_k: TopK,
  stop_sequences: maybe(listOf(Stop, STOPS_MAX, 0)),
  /** Reasoning is given to a client that asked for it: others take the first block for the answer. */
  thinking: maybe(z.object({ type: z.string().max(64) })),
  stream: maybe(z.boolean()),
  keep_alive: StaysLoaded
})
export type Body = z.output<typeof Body>

/** What counts as input: the conversation, its tools, and the form of its answer. */
/** @throws {RefusedError} */
export function questionOf({
  model,
  messages,
  system,
  tools = [],
  tool_choice,
  output_config,
  output_format
}: z.output<typeof Question>) {
  const choice = wrongChoice(tool_choice?.choice, tools)
  if (choice !== undefined)
    throw new RefusedError(`Invalid 'tool_choice': ${choice}.`, { param: 'tool_choice' })
  return defined({
    model,
    messages: system ? [{ role: 'system', content: system }, ...messages] : messages,
    // No tools at all are no tools to choose from either.
    ...(tools.length > 0 && {
      tools,
      tool_choice: tool_choice?.choice,
      parallel_tool_calls: tool_choice?.parallel
    }),
    response_format: output_config?.format ?? output_format
  })
}

export function inputOf(body: Body): Record<string, unknown> {
  const { max_tokens, temperature, top_p, top_k, stop_sequences: stop, keep_alive } = body
  return { ...questionOf(body), ...defined({ max_tokens, temperature, top_p, top_k, stop, keep_alive }) }
}

export const wantsThinking = ({ thinking }: Body): boolean =>
  thinking !== undefined && thinking.type !== 'disabled'
