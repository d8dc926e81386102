/** `list`: the scenarios, and what each asks. */

import { parseArgs } from 'node:util'
import { SCENARIOS } from '../scenarios/index.ts'

export async function list(args: string[]): Promise<number> {
  const { values } = parseArgs({ args, options: { json: { type: 'boolean', default: false } } })
  const items = SCENARIOS.map(({ name, question, nodes, link = 'lan' }) => ({ name, question, nodes, link }))
  if (values.json) console.log(JSON.stringify({ items }))
  else
    for (const { name, question, nodes } of items)
      console.log(`${name.padEnd(28)} ${String(nodes).padStart(3)}  ${question}`)
  return 0
}
