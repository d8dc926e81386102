/** Tools of other programs on this device, which speak the Model Context Protocol. All that these programs say is data. */

import * as z from 'zod'
import type { AbortOptions } from './lifecycle.ts'
import { Access } from './membership.ts'

const NAME_CHARS_MAX = 128
const DESCRIPTION_CHARS_MAX = 4096

export const McpServerName = z
  .string()
  .max(32)
  .regex(/^[a-z0-9][a-z0-9_-]*$/, 'expected a-z, 0-9, - and _')
export const McpToolName = z.string().min(1).max(NAME_CHARS_MAX)

export const McpServerInfo = z.strictObject({
  name: z.string(),
  /** `running`: a program of this device. `connected`: a server elsewhere. `idle`: begun by its first call. */
  state: z.enum(['idle', 'running', 'connected', 'failed']),
  /** To whom else its tools are open; null where they are for this device alone. */
  offeredTo: Access.nullable()
})
export type McpServerInfo = z.infer<typeof McpServerInfo>

export const McpTool = z.strictObject({
  name: McpToolName,
  description: z.string().max(DESCRIPTION_CHARS_MAX),
  /** JSON Schema of its input. */
  input: z.record(z.string(), z.unknown())
})
export type McpTool = z.infer<typeof McpTool>

export const McpContent = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('text'), text: z.string() }),
  z.strictObject({ type: z.enum(['image', 'audio']), mime: z.string(), bytes: z.string() }),
  z.strictObject({
    type: z.literal('resource'),
    uri: z.string(),
    mime: z.string().nullable(),
    text: z.string().nullable()
  })
])
export type McpContent = z.infer<typeof McpContent>

export const McpResult = z.strictObject({
  content: z.array(McpContent),
  /** What the tool gives for programs. */
  structured: z.record(z.string(), z.unknown()).nullable(),
  /** The tool itself says that it failed. */
  isError: z.boolean()
})
export type McpResult = z.infer<typeof McpResult>

export interface McpCall {
  readonly server: string
  readonly tool: string
  readonly input: Readonly<Record<string, unknown>>
}

export interface McpOptions extends AbortOptions {
  /** The peer that asks. Absent: this device. */
  readonly asker?: string | undefined
  /** Whether the caller is told where the owner signs in. */
  readonly seesSignIn?: boolean
  readonly budgetMs: number
}

export interface LumosMcp {
  /** Those that the asker may use. */
  servers(asker?: string): readonly McpServerInfo[]
  /** @throws {LumosError} `TOOL_NOT_FOUND` for a server that is not there or not for the asker; `TOOL_FAILED`. */
  tools(server: string, options: McpOptions): Promise<readonly McpTool[]>
  /** @throws {LumosError} as {@link tools}; `TIMEOUT`, `OVERLOADED` or `CANCELLED`. */
  call(call: McpCall, options: McpOptions): Promise<McpResult>
}
