/** `watch`: a resource as it is, and each change of it from then on. */

import { type PatchStep, patched } from '../../../interface/json-patch.ts'
import { findNode } from '../../client.ts'
import type { Invocation } from '../../invocation.ts'
import { printable } from '../../output.ts'

type Item =
  | { readonly type: 'snapshot'; readonly data: unknown }
  | { readonly type: 'patch'; readonly patch: readonly PatchStep[] }
  | { readonly type: 'heartbeat' }

export async function run({ args, options, output }: Invocation<{ jsonl?: boolean }>): Promise<void> {
  const node = findNode(options)
  let data: unknown
  for await (const piece of node.follow('resource.watch', { uri: args[0] })) {
    const item = piece as Item
    if (options.jsonl) await output.raw(`${JSON.stringify(item)}\n`)
    if (options.jsonl || item.type === 'heartbeat') continue
    data = item.type === 'snapshot' ? item.data : patched(data, item.patch)
    if (output.json) output.line(JSON.stringify(data))
    else if (item.type === 'snapshot') output.line(printable(JSON.stringify(data, null, 2)))
    else for (const step of item.patch) output.line(printable(lineOf(step)))
  }
}

const SIGNS = { add: '+', remove: '-', replace: '~' } as const

const lineOf = ({ op, path, value }: PatchStep): string =>
  `${SIGNS[op]} ${path}${op === 'remove' ? '' : `  ${JSON.stringify(value)}`}`
