/** Tools and forms of answers, as OpenAI's clients write them. */

import * as z from 'zod'
import { Tool, toolsOf } from '../../interface/tasks/generation-params.ts'
import { defined, maybe, oneOf } from '../asking/schema.ts'

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

/** What is wrong with a choice: no model calls what it is not offered. */
export function wrongChoice(
  choice: string | { readonly name: string } | undefined,
  tools: readonly Readonly<Record<string, unknown>>[] = []
): string | undefined {
  if (choice === undefined || choice === 'none' || choice === 'auto') return undefined
  if (tools.length === 0) return 'there are no tools to choose from'
  if (typeof choice === 'string' || tools.some(({ name }) => name === choice.name)) return undefined
  return `the tool ${choice.name} is not among the tools`
}

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
