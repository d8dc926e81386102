/** `all`: every scenario, one after the other, as before a release. */

import { parseArgs } from 'node:util'
import { SCENARIOS } from '../scenarios/index.ts'
import { runOne } from './scenario.ts'

export async function all(args: string[], signal: AbortSignal): Promise<number> {
  const { values } = parseArgs({ args, options: { seed: { type: 'string' }, report: { type: 'string' } } })
  const failed: string[] = []
  for (const scenario of SCENARIOS) {
    if (signal.aborted) break
    const own: string[] = []
    if (values.seed !== undefined) own.push('--seed', values.seed)
    if (values.report !== undefined) own.push('--report', `${values.report}/${scenario.name}`)
    const exitCode = await runOne(scenario, own, signal)
    // What is wrong with the arguments is wrong with them for all.
    if (exitCode > 1) return exitCode
    if (exitCode > 0) failed.push(scenario.name)
  }
  console.log(failed.length === 0 ? 'All: yes.' : `No: ${failed.join(', ')}.`)
  return failed.length === 0 ? 0 : 1
}
