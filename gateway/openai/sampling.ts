/** How a text is to be generated: what chats, completions and responses have in common. */

import * as z from 'zod'
import { KeepAlive } from '../../interface/amounts.ts'
import {
  GenerationParams,
  STOP_CHARS_MAX,
  STOPS_MAX,
  Tool,
  toolsOf
} from '../../interface/tasks/generation-params.ts'
import { defined, listOf, maybe, oneOf, unsupported } from '../asking/schema.ts'

/** Answers to one question: each is a request of its own, and takes a slot. */
const CHOICES_MAX = 16
/** 0 means the likeliest token alone, which the least share of the probability comes to. */
const TOP_P_MIN = 1e-6

const Stop = z.string().min(1).max(STOP_CHARS_MAX)
const { frequencyPenalty, presencePenalty, repetitionPenalty, seed, topK, minP, temperature, maxTokens } =
  GenerationParams.shape

export const MaxTokens = maybe(maxTokens.unwrap())
export const Choices = z
  .int()
  .min(1)
  .max(CHOICES_MAX)
  .nullish()
  .transform(n => n ?? 1)

/** Not of OpenAI: Ollama's word for how long the model stays loaded. */
export const StaysLoaded = maybe(KeepAlive)
const Temperature = maybe(temperature)
const TopP = maybe(z.number().min(0).max(1)).transform(p => p && Math.max(p, TOP_P_MIN))

export const Sampling = {
  temperature: Temperature,
  top_p: TopP,
  /** Not of OpenAI; most servers that speak its protocol know them. */
  top_k: maybe(topK),
  min_p: maybe(minP),
  repetition_penalty: maybe(repetitionPenalty),
  frequency_penalty: maybe(frequencyPenalty),
  presence_penalty: maybe(presencePenalty),
  seed: maybe(seed),
  keep_alive: StaysLoaded,
  stop: maybe(z.union([Stop, listOf(Stop, STOPS_MAX, 0)])),
  logit_bias: unsupported(value => value instanceof Object && Object.keys(value).length === 0)
}
type Sampling = { readonly [Key in keyof typeof Sampling]?: z.output<(typeof Sampling)[Key]> }

/** The parameters as units take them. */
export function samplingOf(body: Sampling): Record<string, unknown> {
  const { stop } = body
  const { temperature, top_p, top_k, min_p, repetition_penalty, frequency_penalty, presence_penalty, seed } =
    body
  const { keep_alive } = body
  return {
    ...{ temperature, top_p, top_k, min_p, repetition_penalty, frequency_penalty, presence_penalty, seed },
    keep_alive,
    stop: typeof stop === 'string' ? [stop] : stop
  }
}

/** A seed repeats an answer, so that of each choice is one of its own. */
export const inputOf = (
  input: Readonly<Record<string, unknown>>,
  choice: number
): Record<string, unknown> => {
  const { seed } = input
  return choice > 0 && typeof seed === 'number' ? { ...input, seed: seed + choice } : { ...input }
}

const ToolFields = z.object({
  name: Tool.shape.name,
  description: maybe(Tool.shape.description),
  parameters: maybe(Tool.shape.parameters)
})
const Kind = z.literal('function', oneOf(['function']))

export const ChatTools = maybe(toolsOf(z.object({ type: Kind, function: ToolFields }))).transform(tools =>
  tools?.map(({ function: tool }) => defined(tool))
)
export const ResponseTools = maybe(toolsOf(ToolFields.extend({ type: Kind }))).transform(tools =>
  tools?.map(({ name, description, parameters }) => defined({ name, description, parameters }))
)

const Mode = z.enum(['none', 'auto', 'required'], oneOf(['none', 'auto', 'required']))
export const ChatToolChoice = maybe(
  z.union([Mode, z.object({ type: Kind, function: z.object({ name: Tool.shape.name }) })])
).transform(choice => (choice instanceof Object ? { name: choice.function.name } : choice))
export const ResponseToolChoice = maybe(
  z.union([Mode, z.object({ type: Kind, name: Tool.shape.name })])
).transform(choice => (choice instanceof Object ? { name: choice.name } : choice))

const Schema = Tool.shape.parameters.unwrap()
const FORMATS = ['text', 'json_object', 'json_schema'] as const
const Named = { name: maybe(z.string().max(64)), schema: maybe(Schema) }

export const ResponseFormat = maybe(
  z.discriminatedUnion(
    'type',
    [
      z.object({ type: z.enum(['text', 'json_object']) }),
      z.object({ type: z.literal('json_schema'), json_schema: z.object(Named) })
    ],
    oneOf(FORMATS)
  )
).transform(
  format => format && formOf(format.type, 'json_schema' in format ? format.json_schema.schema : undefined)
)

export const TextFormat = maybe(
  z.discriminatedUnion(
    'type',
    [
      z.object({ type: z.enum(['text', 'json_object']) }),
      z.object({ type: z.literal('json_schema'), ...Named })
    ],
    oneOf(FORMATS)
  )
).transform(format => format && formOf(format.type, 'schema' in format ? format.schema : undefined))

function formOf(type: (typeof FORMATS)[number], schema: object | undefined) {
  if (type === 'text') return undefined
  return type === 'json_schema' && schema !== undefined ? { type, schema } : { type: 'json' }
}
