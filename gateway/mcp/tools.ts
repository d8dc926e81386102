/** Units as tools: names that every client takes, schemas with an object at the top, and hints from the kind of unit. */

import type { Tool } from '@modelcontextprotocol/server'
import { InvalidInputError } from '../../interface/errors.ts'
import type { UnitDescription } from '../../units/description.ts'
import type { UnitCalls } from './calls.ts'

/** Clients refuse a whole list for one name with a dot, and put names of their own before each. */
const NAME = /^[a-zA-Z0-9_-]{1,64}$/

/** What a model has use for, in the order of the list. More tools make models choose worse. */
const DEFAULT_TOOLS: readonly string[] = [
  ...['mesh.status', 'mesh.peers', 'device.info', 'device.metrics', 'model.list', 'model.get', 'model.load'],
  ...['inference.chat', 'inference.embed', 'inference.rerank', 'inference.translate', 'inference.describe'],
  ...['inference.classify', 'inference.detect', 'inference.recognize_text', 'inference.generate_image'],
  ...['inference.transcribe', 'inference.synthesize', 'memory.list', 'memory.open', 'memory.search'],
  ...['memory.write', 'job.show', 'mcp.tools', 'mcp.call']
]

/** A call of one of these loses something, or stops what others wait for. */
const DESTRUCTIVE = /\.(?:cancel|delete|exclude|forget|remove|unset)/

/** Besides units that choose a device: those of use on another device than this one. */
const ELSEWHERE = /^(?:device|mcp)_/

/** A request matches each unit with each pattern. More tools than that are chosen by a `*`. */
const PATTERNS_MAX = 32
/** As long as the longest name of a tool. */
const PATTERN_CHARS_MAX = 64

export interface ServedTool {
  readonly tool: Tool
  readonly unit: UnitDescription
  /** Whether the call may name a device, beside the fields of the unit. */
  readonly takesPeer: boolean
}

export const toolName = (unit: string): string => unit.replaceAll('.', '_')

/**
 * Which tools a request asks for, by names with commas between them. Absent or empty: {@link DEFAULT_TOOLS}.
 *
 * @throws {InvalidInputError}
 */
export function choiceOf(text = ''): readonly string[] | undefined {
  if (text === '') return undefined
  const patterns = text.split(',', PATTERNS_MAX + 1)
  if (patterns.length <= PATTERNS_MAX && patterns.every(({ length }) => length <= PATTERN_CHARS_MAX))
    return patterns
  throw new InvalidInputError(
    `tools holds more than ${PATTERNS_MAX} names, or one of more than ${PATTERN_CHARS_MAX} letters.`
  )
}

/** Which units are served: `all`, or names of units or tools, with `*` for any letters. Absent: {@link DEFAULT_TOOLS}. */
function isChosen(chosen: readonly string[] | undefined): (unit: string) => boolean {
  if (chosen === undefined) return unit => DEFAULT_TOOLS.includes(unit)
  const patterns = chosen.map(pattern => (pattern === 'all' ? '*' : toolName(pattern)).split('*'))
  return unit => patterns.some(parts => isMadeOf(toolName(unit), parts))
}

/** Whether the name begins with the first part, ends with the last, and has the others between them in their order. */
function isMadeOf(name: string, [first = '', ...rest]: readonly string[]): boolean {
  const last = rest.pop()
  if (last === undefined) return name === first
  if (!name.startsWith(first)) return false
  let at = first.length
  for (const part of rest) {
    const found = name.indexOf(part, at)
    if (found === -1) return false
    at = found + part.length
  }
  return name.length - last.length >= at && name.endsWith(last)
}

/** The tools of a caller by their names. */
export async function servedTools(
  calls: UnitCalls,
  chosen: readonly string[] | undefined
): Promise<ReadonlyMap<string, ServedTool>> {
  const wanted = isChosen(chosen)
  const units = (await calls.list()).filter(({ name, permission }) => permission !== 'keys' && wanted(name))
  if (chosen === undefined) units.sort((a, b) => placeOf(a) - placeOf(b))
  const tools = new Map<string, ServedTool>()
  for (const unit of units) {
    const name = toolName(unit.name)
    // No two units have the same tool, and no unit has a longer name: `test/mcp/served.test.ts` sees to it.
    if (NAME.test(name) && !tools.has(name)) tools.set(name, served(name, unit))
  }
  return tools
}

const placeOf = ({ name }: UnitDescription): number => DEFAULT_TOOLS.indexOf(name)

function served(name: string, unit: UnitDescription): ServedTool {
  const input = unit.input as Schema
  const takesPeer = (unit.takes_peer || ELSEWHERE.test(name)) && !('peer' in (input.properties ?? {}))
  const inputSchema = objectAtTop(input, takesPeer ? { peer: PEER } : {})
  const output = unit.output as Schema
  const tool: Tool = {
    ...{ name, description: unit.summary, inputSchema },
    ...(isObject(output) && { outputSchema: output as Tool['outputSchema'] }),
    annotations: annotationsOf(unit)
  }
  return { tool, unit, takesPeer }
}

interface Schema {
  readonly type?: unknown
  readonly properties?: Readonly<Record<string, unknown>>
  readonly required?: readonly string[]
  readonly anyOf?: readonly Schema[]
  readonly oneOf?: readonly Schema[]
  readonly allOf?: readonly Schema[]
}

const PEER = { type: 'string', description: 'Name or PeerId of the only device that may do it.' }

const isObject = ({ type, anyOf, oneOf, allOf }: Schema): boolean =>
  type === 'object' && !anyOf && !oneOf && !allOf

/** Of several forms of an input, the fields of all: the unit says which fit together. */
function objectAtTop(schema: Schema, more: Readonly<Record<string, unknown>>): Tool['inputSchema'] {
  const { anyOf = [], oneOf = [], allOf = [], ...rest } = schema
  const forms = [...anyOf, ...oneOf, ...allOf]
  const properties = Object.assign({}, ...forms.map(form => form.properties), rest.properties, more)
  return { ...rest, type: 'object', properties } as Tool['inputSchema']
}

function annotationsOf({ name, kind, permission, idempotent }: UnitDescription): Tool['annotations'] {
  if (kind !== 'command') return { readOnlyHint: true, openWorldHint: false }
  const asks = permission === 'use' && !DESTRUCTIVE.test(name)
  return { readOnlyHint: false, destructiveHint: !asks, idempotentHint: idempotent, openWorldHint: false }
}
