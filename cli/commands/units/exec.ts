/** `exec`: any unit, as programs call it. Its answer is JSON either way. Without a name, it lists them. */

import { LumosError } from '../../../interface/errors.ts'
import { closestNames } from '../../../interface/suggest.ts'
import type { UnitDescription } from '../../../units/description.ts'
import { findNode, type NodeClient } from '../../client.ts'
import { readJson } from '../../input.ts'
import type { Invocation } from '../../invocation.ts'
import { printable } from '../../output.ts'
import type { Schema } from './field.ts'
import { withFlags } from './flags.ts'
import { list } from './list.ts'
import { helpOf } from './unit-help.ts'

interface ExecOptions {
  readonly peer?: string
  readonly timeout?: number
  readonly jsonl?: boolean
  readonly help?: boolean
}

export async function run(invocation: Invocation<ExecOptions>): Promise<void> {
  const { args, options, output, program } = invocation
  const [unit, ...rest] = args
  if (unit === undefined || unit.startsWith('--')) {
    if (options.help) return program.commands.find(command => command.name() === 'exec')!.outputHelp()
    if (unit !== undefined)
      throw new LumosError('USAGE', `unknown option '${unit}'.`, { hint: 'The unit comes first.' })
    return list({ ...invocation, options: { home: options.home } })
  }
  const node = findNode(options)
  if (options.help) {
    const found = await describe(node, unit)
    return output.data(found, () => helpOf(found, output))
  }
  const input = await inputOf(node, unit, rest)
  const asking = { peer: options.peer, timeoutMs: options.timeout && Math.ceil(options.timeout * 1000) }
  if (options.jsonl) {
    for await (const item of node.stream(unit, input, asking)) await output.raw(`${JSON.stringify(item)}\n`)
    return
  }
  const { data } = await node.execute(unit, input, asking)
  // Also what another device says.
  output.data(data, () => printable(JSON.stringify(data, null, 2)))
}

/** The unit is asked for its fields only where there are flags. */
async function inputOf(node: NodeClient, unit: string, words: readonly string[]): Promise<unknown> {
  const [first = '{}', ...others] = words
  const isJson = !first.startsWith('--')
  const input = isJson ? await readJson(first) : {}
  const flags = isJson ? others : words
  if (flags.length === 0) return input
  return withFlags(input, flags, (await describe(node, unit)).input as Schema)
}

async function describe(node: NodeClient, name: string): Promise<UnitDescription> {
  const units = await node.units()
  const found = units.find(unit => unit.name === name)
  if (found !== undefined) return found
  const closest = closestNames(
    name,
    units.map(unit => unit.name)
  )
  throw new LumosError('UNIT_NOT_FOUND', `There is no unit "${name.slice(0, 128)}".`, {
    hint: `${closest.length > 0 ? `Closest: ${closest.join(', ')}. ` : ''}All: lumos-node units`
  })
}
