/** `exec`: any unit, as programs call it. Its answer is JSON either way. Without a name, it lists them. */

import { findNode, type NodeClient } from '../../client.ts'
import { readJson } from '../../input.ts'
import type { Invocation } from '../../invocation.ts'
import { type Output, printable } from '../../output.ts'

interface ExecOptions {
  readonly peer?: string
  readonly timeout?: number
  readonly jsonl?: boolean
}

export async function run({ args, options, output }: Invocation<ExecOptions>): Promise<void> {
  const [unit, argument = '{}'] = args
  if (unit === undefined) return list(findNode(options), output)
  const input = await readJson(argument)
  const asking = { peer: options.peer, timeoutMs: options.timeout && Math.ceil(options.timeout * 1000) }
  const node = findNode(options)

  if (options.jsonl) {
    for await (const item of node.stream(unit, input, asking)) await output.raw(`${JSON.stringify(item)}\n`)
    return
  }
  const { data } = await node.execute(unit, input, asking)
  // Also what another device says.
  output.data(data, () => printable(JSON.stringify(data, null, 2)))
}

async function list(node: NodeClient, output: Output): Promise<void> {
  const items = await node.units()
  output.data({ items }, () =>
    output.table(
      ['UNIT', 'SUMMARY'],
      items.map(({ name, summary }) => [name, summary])
    )
  )
}
