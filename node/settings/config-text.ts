/** The text of `lumos.yaml` as a list of settings, each with the line it stands on. */

import {
  type Document,
  isMap,
  isNode,
  isScalar,
  isSeq,
  LineCounter,
  type Pair,
  parse,
  parseDocument,
  YAMLMap
} from 'yaml'
import { BESIDE_SERVICES } from '../weights/resources/index.ts'
import type { KnownSettings } from './config-schema.ts'
import { suggestionFor } from './config-spelling.ts'

export interface FileSettings {
  readonly settings: readonly FileSetting[]
  readonly problems: readonly string[]
}

interface FileSetting {
  readonly key: string
  readonly value: unknown
  /** `path:line` */
  readonly origin: string
  /** `path:line:column` of a part of the value, or of its name where `of` is `key`; of what is there where the part is missing. */
  placeOf(part: readonly PropertyKey[], of?: 'key' | 'value'): string
}

export function parseConfig(path: string, text: string, known: KnownSettings): FileSettings {
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false })
  const settings: FileSetting[] = []
  const problems: string[] = []

  const place = (offset = 0): string => {
    const { line, col } = lines.linePos(offset)
    return `${path}:${line}:${col}`
  }
  const report = (offset: number | undefined, problem: string) =>
    problems.push(`${place(offset)}: ${problem}`)
  const take = (key: string, node: unknown, start: number | undefined) => {
    try {
      const value: unknown = isNode(node) ? node.toJS(document) : null
      const placeOf: FileSetting['placeOf'] = (part, of) => place(offsetOf(node, part, of) ?? start)
      settings.push({ key, value, origin: `${path}:${lines.linePos(start ?? 0).line}`, placeOf })
    } catch (err) {
      // A name for a value that has none, or too many of them.
      report(start, (err as Error).message)
    }
  }

  const visit = (map: YAMLMap, prefix: string) => {
    for (const pair of map.items) {
      const name = isScalar(pair.key) ? String(pair.key.value) : String(pair.key)
      const key = prefix + name
      const start = startOf(pair)

      if (known.byKey.has(key)) {
        take(key, pair.value, startOf(pair, 'value') ?? start)
      } else if (!known.sections.has(key)) {
        report(start, `unknown setting "${key}"${suggestionFor(key, known)}`)
      } else if (isMap(pair.value)) {
        visit(pair.value, `${key}.`)
      } else if (!isEmpty(pair.value)) {
        report(start, `"${key}" holds settings of its own, one a line below it`)
      }
    }
  }

  for (const { pos, message } of [...document.errors, ...document.warnings]) report(pos[0], message)
  if (document.errors.length === 0) {
    if (isMap(document.contents)) {
      const { services, rest } = withServices(document.contents, document)
      if (services !== undefined) take('services', services, rangeStart(services.items[0]?.value))
      visit(rest, '')
    } else if (!isEmpty(document.contents))
      report(document.contents?.range?.[0], 'expected settings, such as "name: den"')
  }
  return { settings, problems }
}

/** A section or file whose lines are all commented out. */
const isEmpty = (node: unknown): boolean => node == null || (isScalar(node) && node.value === null)

/** The services together with what stands beside them in the forms of Lumen's configurations; the settings are the rest. */
function withServices(map: YAMLMap, document: Document): { services?: YAMLMap; rest: YAMLMap } {
  const isBeside = ({ key, value }: Pair): boolean => {
    const name = String(isScalar(key) ? key.value : key)
    // A list of models is one of a service's; models with settings are the node's.
    return name === 'services' || BESIDE_SERVICES.has(name) || (name === 'models' && isSeq(value))
  }
  const has = (name: string) => map.has(name)
  const beside = map.items.filter(isBeside)
  if (!(has('services') || has('cluster')) || beside.length < 2 - Number(has('cluster'))) return { rest: map }
  const [services, rest] = [new YAMLMap(document.schema), new YAMLMap(document.schema)]
  services.items = beside.sort((a, b) => Number(isServices(b)) - Number(isServices(a)))
  rest.items = map.items.filter(pair => !isBeside(pair))
  return { services, rest }
}

const isServices = ({ key }: Pair): boolean => String(key) === 'services'

function offsetOf(
  node: unknown,
  part: readonly PropertyKey[],
  of: 'key' | 'value' = 'value'
): number | undefined {
  let at = node
  let offset = rangeStart(at)
  for (const [depth, step] of part.entries()) {
    let key: unknown
    if (isSeq(at)) at = at.items[Number(step)]
    else if (isMap(at)) {
      const pair = at.items.find(({ key }) => String(isScalar(key) ? key.value : key) === String(step))
      key = pair?.key
      at = pair?.value
    } else at = undefined
    const isKey = of === 'key' && depth === part.length - 1
    offset = (isKey ? rangeStart(key) : undefined) ?? rangeStart(at) ?? rangeStart(key) ?? offset
    if (at == null) break
  }
  return offset
}

const rangeStart = (node: unknown): number | undefined => (isNode(node) ? node.range?.[0] : undefined)

function startOf(pair: Pair, part: 'key' | 'value' = 'key'): number | undefined {
  return (pair[part] as { range?: [number, number, number] } | null)?.range?.[0]
}

/** One value, as a flag or variable has it. */
export const parseValue = (text: string): unknown => parse(text)
