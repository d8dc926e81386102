/** Tools of other programs on this device. Another device may use those that are offered to it. */

import * as z from 'zod'
import { McpResult, McpServerInfo, McpServerName, McpTool, McpToolName } from '../interface/mcp.ts'
import type { LumosNode } from '../interface/node.ts'
import type { UnitContext } from '../interface/units.ts'
import { defineUnit } from './define-unit.ts'

const askerOf = ({ caller }: UnitContext): string | undefined =>
  caller.origin === 'peer' ? (caller.peerId ?? '') : undefined

/** A named token, or a program that may only use the node, could sign in with an account of its own. */
const seesSignIn = ({ caller }: UnitContext): boolean =>
  caller.origin !== 'peer' && caller.token === undefined && caller.permissions.includes('manage')

const optionsOf = (context: UnitContext) => ({
  ...{ asker: askerOf(context), seesSignIn: seesSignIn(context) },
  budgetMs: context.budgetMs,
  ...(context.signal && { signal: context.signal })
})

export const mcpUnits = ({ mcp }: Pick<LumosNode, 'mcp'>) => [
  defineUnit({
    name: 'mcp.servers',
    kind: 'query',
    permission: 'use',
    summary: 'The MCP servers whose tools this device has, as far as they are open to the caller.',
    input: z.strictObject({}),
    output: z.strictObject({ items: z.array(McpServerInfo) }),
    run: async (_, context) => ({ items: [...mcp.servers(askerOf(context))] })
  }),
  defineUnit({
    name: 'mcp.tools',
    kind: 'query',
    permission: 'use',
    summary: 'The tools of an MCP server of this device, with the JSON Schemas of their inputs.',
    examples: [{ input: { server: 'files' } }],
    input: z.strictObject({ server: McpServerName }),
    output: z.strictObject({ items: z.array(McpTool) }),
    run: async ({ server }, context) => ({ items: [...(await mcp.tools(server, optionsOf(context)))] })
  }),
  defineUnit({
    name: 'mcp.call',
    kind: 'command',
    permission: 'use',
    summary: 'Call a tool of an MCP server of this device.',
    examples: [{ input: { server: 'files', tool: 'read_file', input: { path: 'notes.md' } } }],
    input: z.strictObject({
      server: McpServerName,
      tool: McpToolName,
      input: z.record(z.string(), z.unknown()).default({})
    }),
    output: McpResult,
    run: (call, context) => mcp.call(call, optionsOf(context))
  })
]
