/** `models search`: models of an origin, by their names. */

import type { FoundModel } from '../../../interface/weights.ts'
import { findNode } from '../../client.ts'
import type { Invocation } from '../../invocation.ts'

interface SearchOptions {
  readonly limit?: number
}

export async function run({ args, options, output }: Invocation<SearchOptions>): Promise<void> {
  const asked = { query: args.join(' '), limit: options.limit }
  const { data } = await findNode(options).execute<{ results: FoundModel[] }>('model.search', asked)
  output.data(data, () => {
    if (data.results.length === 0) return 'Nothing was found.'
    const rows = data.results.map(({ ref, type, downloads }) => [ref, type ?? '-', String(downloads ?? '-')])
    return output.table(['PULL', 'TASK', 'DOWNLOADS'], rows)
  })
}
