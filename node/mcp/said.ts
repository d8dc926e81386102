/** What an MCP server says, as data: within limits, and without letters that act on a terminal. */

import type { CallToolResult, ContentBlock, Tool } from '@modelcontextprotocol/client'
import { LumosError } from '../../interface/errors.ts'
import { exceeds } from '../../interface/json-extent.ts'
import { type McpContent, type McpResult, McpTool } from '../../interface/mcp.ts'
import { isRecord } from '../../interface/record.ts'

/** Of one server; further ones are left out. */
const TOOLS_MAX = 256
const DESCRIPTION_CHARS_MAX = 4096
const SCHEMA_CHARS_MAX = 64 * 1024
/** Of one result: a picture, or a long page. */
export const RESULT_CHARS_MAX = 4 * 1024 * 1024
const BLOCKS_MAX = 256
/** Lists and objects within one another, of a result or a schema. */
const DEPTH_MAX = 64

/** Line breaks and tabs stay, and the joiners of scripts. */
export const cleaned = (text: string): string =>
  text.replace(/(?![\n\t\u200c\u200d])[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, ' ')

/** The same in all texts and names of a value of JSON. */
function cleanedIn(value: unknown): unknown {
  if (typeof value === 'string') return cleaned(value)
  if (Array.isArray(value)) return value.map(cleanedIn)
  if (!isRecord(value)) return value
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [cleaned(key), cleanedIn(inner)]))
}

export function toolsOf(tools: readonly Tool[]): McpTool[] {
  return tools.slice(0, TOOLS_MAX).flatMap(({ name, description = '', inputSchema }) => {
    const fits = exceeds(inputSchema, SCHEMA_CHARS_MAX, DEPTH_MAX) === undefined
    const read = McpTool.safeParse({
      name,
      description: cleaned(description).slice(0, DESCRIPTION_CHARS_MAX),
      input: fits ? cleanedIn(inputSchema) : { type: 'object' }
    })
    return read.success && cleaned(name) === name ? [read.data] : []
  })
}

/** @throws {LumosError} `TOOL_FAILED` for more than {@link RESULT_CHARS_MAX}, or what is nested too deeply. */
export function resultOf(result: CallToolResult): McpResult {
  const isTooMuch = exceeds([result.content, result.structuredContent ?? null], RESULT_CHARS_MAX, DEPTH_MAX)
  if (isTooMuch !== undefined) {
    const limit =
      isTooMuch === 'depth'
        ? `is more than ${DEPTH_MAX} deep`
        : `has more than ${RESULT_CHARS_MAX} characters`
    throw new LumosError('TOOL_FAILED', `What the tool gave ${limit}.`)
  }
  const { structuredContent: structured } = result
  return {
    content: result.content.slice(0, BLOCKS_MAX).map(contentOf),
    structured: isRecord(structured) ? (cleanedIn(structured) as Record<string, unknown>) : null,
    isError: result.isError === true
  }
}

function contentOf(block: ContentBlock): McpContent {
  switch (block.type) {
    case 'text':
      return { type: 'text', text: cleaned(block.text) }
    case 'image':
    case 'audio':
      return { type: block.type, mime: cleaned(block.mimeType), bytes: block.data }
    case 'resource': {
      const { uri, mimeType } = block.resource
      const text = 'text' in block.resource ? cleaned(block.resource.text as string) : null
      return { type: 'resource', uri: cleaned(uri), mime: mimeOf(mimeType), text }
    }
    case 'resource_link':
      return { type: 'resource', uri: cleaned(block.uri), mime: mimeOf(block.mimeType), text: null }
    default:
      return { type: 'text', text: '(a kind of content that is not known here)' }
  }
}

const mimeOf = (mime: string | undefined): string | null => (mime === undefined ? null : cleaned(mime))
