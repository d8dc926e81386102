/** `swarm-nodes`: many seeds, each a run that nobody thought of, with real nodes. */

import { writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { forkRandom } from '../random.ts'
import { swarmRun, swarmSize } from '../swarm-nodes.ts'
import { runOne } from './scenario.ts'

const SEEDS_MAX = 100_000
const USAGE_EXIT_CODE = 2

export async function swarmNodes(args: string[], signal: AbortSignal): Promise<number> {
  const nodesOf = (seed: number): number => swarmSize(forkRandom(seed, 'swarm'))
  // One run is a scenario as any other: it has a report, and can be repeated from its schedule.
  if (args.some(arg => arg.startsWith('--seed=') || arg === '--seed' || arg.startsWith('--replay'))) {
    return await runOne(swarmRun, args, signal, nodesOf)
  }
  const { values } = parseArgs({
    args,
    options: {
      seeds: { type: 'string', default: '10' },
      from: { type: 'string', default: '1' },
      json: { type: 'boolean', default: false }
    }
  })
  const seeds = Number(values.seeds)
  const from = Number(values.from)
  if (!Number.isInteger(seeds) || seeds < 1 || seeds > SEEDS_MAX || !Number.isInteger(from) || from < 0) {
    console.error(`--seeds is from 1 to ${SEEDS_MAX}, and --from a seed. See: npm run sim -- help`)
    return USAGE_EXIT_CODE
  }

  const { runScenario } = await import('../run.ts')
  const failed: number[] = []
  let runs = 0
  for (let seed = from; seed < from + seeds && !signal.aborted; seed++) {
    const outcome = await runScenario(swarmRun, { seed, nodes: nodesOf(seed), signal })
    runs++
    const figures = outcome.findings.map(({ metric, value }) => `${metric} ${Math.round(value)}`).join(', ')
    if (values.json) {
      const { passed, failures, findings, nodes, durationMs } = outcome
      console.log(JSON.stringify({ seed, passed, nodes, durationMs, findings, failures }))
    } else
      console.log(
        `seed ${seed}, ${outcome.nodes} nodes: ${outcome.passed ? 'recovered' : 'FAILED'}. ${figures}`
      )
    if (outcome.passed || signal.aborted) continue
    failed.push(seed)
    const path = join(tmpdir(), `lumos-sim-swarm-nodes-${seed}.json`)
    await writeFile(path, `${JSON.stringify(outcome.schedule, null, 2)}\n`)
    for (const failure of outcome.failures) console.error(`  ${failure}`)
    console.error(
      `  Repeat it: npm run sim -- swarm-nodes --from ${seed} --seeds 1, or: … -- swarm-run --replay ${path}`
    )
  }
  console.error(`${runs} seeds, ${failed.length} failed${failed.length > 0 ? `: ${failed.join(', ')}` : ''}.`)
  return failed.length === 0 ? 0 : 1
}
