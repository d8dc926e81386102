/** What an MCP server says, as data: within limits, and without letters that act on a terminal. */

import type { CallToolResult, ContentBlock, Tool } from '@modelcontextprotocol/client'
import { LumosError } from '../../interface/errors.ts'
import { type McpContent, type McpResult, McpTool } from '../../interface/mcp.ts'
import { isRecord } from '../../interface/record.ts'

/** Of one server; further ones are left out. */
const TOOLS_MAX = 256
const DESCRIPTION_CHARS_MAX = 4096
const SCHEMA_CHARS_MAX = 64 * 1024
/** Of one result: a picture, or a long page. */
export const RESULT_CHARS_MAX = 4 * 1024 * 1024
const BLOCKS_MAX = 256

const charsOf = (value: unknown): number => JSON.stringify(value).length

/** Line breaks and tabs stay, and the joiners of scripts. */
const cleaned = (text: string): string =>
  text.replace(/(?![\n\t\u200c\u200d])[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, ' ')

export function toolsOf(tools: readonly Tool[]): McpTool[] {
  return tools.slice(0, TOOLS_MAX).flatMap(({ name, description = '', inputSchema }) => {
    const fits = charsOf(inputSchema) <= SCHEMA_CHARS_MAX
    const read = McpTool.safeParse({
      name,
      description: cleaned(description).slice(0, DESCRIPTION_CHARS_MAX),
      input: fits ? inputSchema : { type: 'object' }
    })
    return read.success && cleaned(name) === name ? [read.data] : []
  })
}

/** @throws {LumosError} `TOOL_FAILED` for more than {@link RESULT_CHARS_MAX}. */
export function resultOf(result: CallToolResult): McpResult {
  const chars = charsOf([result.content, result.structuredContent ?? null])
  if (chars > RESULT_CHARS_MAX) {
    throw new LumosError('TOOL_FAILED', `The tool gave ${chars} characters, more than ${RESULT_CHARS_MAX}.`)
  }
  const { structuredContent: structured } = result
  return {
    content: result.content.slice(0, BLOCKS_MAX).map(contentOf),
    structured: isRecord(structured) ? structured : null,
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
      return { type: 'resource', uri: cleaned(uri), mime: mimeType ?? null, text }
    }
    case 'resource_link':
      return { type: 'resource', uri: cleaned(block.uri), mime: block.mimeType ?? null, text: null }
    default:
      return { type: 'text', text: '(a kind of content that is not known here)' }
  }
}
