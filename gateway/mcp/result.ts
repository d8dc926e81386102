/** Answers of units as results of tools, within what clients and models can take. */

import type { CallToolResult } from '@modelcontextprotocol/server'
import type { LumosError } from '../../interface/errors.ts'
import { isRecord } from '../../interface/record.ts'
import { isLarge, toJson } from '../json-answer.ts'
import type { ServedTool } from './tools.ts'

/** Some 16,000 tokens: a longer text fills the context of a model, and clients cut or refuse it. */
const TEXT_CHARS_MAX = 64 * 1024
/** Clients over stdio read no message of more than 10 MB. */
const RESULT_CHARS_MAX = 8 * 1024 * 1024

type Block = CallToolResult['content'][number]

/** The text is a copy of the structured answer. Pictures and sound are blocks of their own, and named in their place. */
export function resultOf(answer: unknown, { tool, unit }: ServedTool): CallToolResult {
  if (isLarge(answer, RESULT_CHARS_MAX)) return tooLarge(tool.name)
  const media: Block[] = []
  const fields = mediaFieldsOf(unit.output)
  const plain: unknown = JSON.parse(toJson(answer), (key, value) => withoutMedia(key, value, fields, media))
  const json = JSON.stringify(plain)
  const size = media.reduce((sum, block) => sum + ('data' in block ? block.data.length : 0), json.length)
  if (size > RESULT_CHARS_MAX) return tooLarge(tool.name)
  const structured = tool.outputSchema !== undefined && isRecord(plain)
  return {
    content: [{ type: 'text', text: shortened(json, structured) }, ...media],
    ...(structured && { structuredContent: plain })
  }
}

/** A failure is an answer to the model: what is wrong, and what to do next. */
export function errorResult({ code, message, hint, retryable }: LumosError): CallToolResult {
  const next = hint ?? (retryable ? 'Try again.' : NEXT[code])
  return failed([message, next, `(E_${code})`].filter(Boolean).join(' '))
}

const NEXT: Readonly<Record<string, string>> = {
  INVALID_INPUT: 'Call it again with arguments as its input schema has them.',
  TIMEOUT: 'Ask for less, or for a faster model.',
  INTERNAL: 'The log of the node says more.'
}

const tooLarge = (tool: string): CallToolResult =>
  failed(
    `The answer of ${tool} holds more than the ${RESULT_CHARS_MAX} characters of a result. Ask for less, or over HTTP.`
  )

const failed = (text: string): CallToolResult => ({ isError: true, content: [{ type: 'text', text }] })

function shortened(json: string, structured: boolean): string {
  if (json.length <= TEXT_CHARS_MAX) return json
  const rest = json.length - TEXT_CHARS_MAX
  const where = structured ? 'structuredContent has all of it' : 'ask for less'
  return `${json.slice(0, TEXT_CHARS_MAX)} … (${rest} characters more: ${where})`
}

/** Names of the fields whose values are bytes. */
function mediaFieldsOf(schema: unknown, name = '', found = new Set<string>()): ReadonlySet<string> {
  if (!isRecord(schema)) return found
  if (schema.contentEncoding === 'base64') found.add(name)
  for (const [key, inner] of Object.entries(schema)) {
    if (key !== 'properties') for (const one of [inner].flat()) mediaFieldsOf(one, name, found)
    else if (isRecord(inner))
      for (const [field, one] of Object.entries(inner)) mediaFieldsOf(one, field, found)
  }
  return found
}

function withoutMedia(key: string, value: unknown, fields: ReadonlySet<string>, media: Block[]): unknown {
  if (!fields.has(key)) return value
  if (Array.isArray(value)) return value.map(item => withoutMedia(key, item, fields, media))
  const mimeType = typeof value === 'string' ? mimeOf(value) : undefined
  if (mimeType === undefined) return value
  const data = value as string
  media.push({ type: mimeType.startsWith('image/') ? 'image' : 'audio', data, mimeType })
  return `${mimeType}, ${Math.floor((data.length * 3) / 4)} bytes: block ${media.length} after this text`
}

/** By the first bytes; nothing where they are no picture and no sound. */
function mimeOf(base64: string): string | undefined {
  const head = Buffer.from(base64.slice(0, 16), 'base64').toString('latin1')
  if (head.startsWith('\x89PNG\r\n')) return 'image/png'
  if (head.startsWith('\xff\xd8\xff')) return 'image/jpeg'
  if (!head.startsWith('RIFF')) return undefined
  return { WEBP: 'image/webp', WAVE: 'audio/wav' }[head.slice(8, 12)]
}
