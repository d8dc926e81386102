/** `mcp tools`: what a client would be served. */

import { servedTools } from '../../../gateway/mcp/tools.ts'
import { LumosError } from '../../../interface/errors.ts'
import { findNode } from '../../client.ts'
import type { Invocation } from '../../invocation.ts'
import { chosenOf } from './index.ts'
import { NodeCalls } from './node-calls.ts'

export async function run({ options, output }: Invocation<{ tools?: string }>): Promise<void> {
  // Without a node there is nothing to list, and this says so.
  findNode(options)
  const tools = await servedTools(new NodeCalls(options, () => {}), chosenOf(options))
  if (tools.size === 0) {
    throw new LumosError('USAGE', `No tool is named ${options.tools}.`, {
      hint: 'All: lumos-node mcp tools --tools all'
    })
  }
  const items = [...tools.values()].map(({ tool, unit }) => ({ unit: unit.name, ...tool }))
  output.data({ items }, () =>
    output.table(
      ['TOOL', 'DOES'],
      items.map(({ name, description }) => [name, description ?? ''])
    )
  )
}
