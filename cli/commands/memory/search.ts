/** `memory search`: what is in memory about this. */

import { isoTime } from '../../../interface/iso-time.ts'
import { findNode } from '../../client.ts'
import type { Invocation } from '../../invocation.ts'
import { printable } from '../../output.ts'

interface SearchOptions {
  readonly doc?: string
  readonly kind?: string
  readonly writer?: string
  readonly mode?: string
  readonly limit?: number
}
interface Found {
  readonly space: string
  readonly doc: string
  readonly kind: string
  readonly key: string | null
  readonly text: string
  readonly at: number | null
  readonly source: Source | null
}
interface Source {
  readonly name: string
  readonly page?: number
  readonly lines?: readonly number[]
}
interface Answer {
  readonly items: readonly Found[]
  readonly mode: string
  readonly pending: number
  readonly left: number
}

/** `--json` has all of it. */
const TEXT_CHARS = 400

export async function search({ args, options, output }: Invocation<SearchOptions>): Promise<void> {
  const [first, second] = args as [string, string | undefined]
  const { doc, kind, writer, mode, limit } = options
  const asked = {
    query: second ?? first,
    ...(second !== undefined && { spaces: [first] }),
    ...(doc !== undefined && { docs: [doc] }),
    ...(kind !== undefined && { kinds: [kind] }),
    ...(writer !== undefined && { writer }),
    ...(mode !== undefined && { mode }),
    ...(limit !== undefined && { limit })
  }
  const { data } = await findNode(options).execute<Answer>('memory.search', asked)
  output.data(data, () => printable(data.items.map(inWords).join('\n\n') || 'Nothing was found.'))
  const { left, pending } = data
  if (data.mode === 'text' && mode !== 'text')
    output.note('By words only: no device made a vector of the question.')
  else if (pending > 0) output.note(`${pending} texts have no vector yet and were found by their words only.`)
  if (left > 0) output.note(`${left} texts had no room in the index.`)
}

function inWords({ space, doc, key, text, at, source }: Found): string {
  const place = [space, doc, ...(key === null || source !== null ? [] : [key])].join('/')
  const when = at === null ? '' : `  ${isoTime(at)}`
  const shown = text.length > TEXT_CHARS ? `${text.slice(0, TEXT_CHARS)}…` : text
  return `${place}${when}${source === null ? '' : `  ${quoted(source)}`}\n${shown}`
}

function quoted({ name, page, lines }: Source): string {
  if (page !== undefined) return `${name}, page ${page}`
  return lines === undefined ? name : `${name}, lines ${lines.join('–')}`
}
