/** `npm run sim -- <scenario> [--nodes N] [--seed N] [--json]`: run one scenario and say what was found. */

import { parseArgs } from 'node:util'
import { Cluster } from './cluster.ts'
import { seededRandom } from './random.ts'
import type { Finding, Scenario } from './scenario.ts'
import { firstContact } from './scenarios/first-contact.ts'

const SCENARIOS: readonly Scenario[] = [firstContact]

const DEFAULT_NODES = 20
/** One process on a small machine; dialing alone takes a tenth of a second for each node. */
const NODES_MAX = 300
/** A scenario that takes longer has failed: nodes that wait for each other never end by themselves. */
const SCENARIO_TIMEOUT_MS = 120_000
const USAGE_EXIT_CODE = 2

interface Run {
  readonly scenario: Scenario
  readonly nodes: number
  readonly seed: number
  readonly json: boolean
}

function parseRun(argv: string[]): Run | string {
  const { values, positionals } = parseArgs({
    args: argv,
    allowPositionals: true,
    options: {
      nodes: { type: 'string', default: String(DEFAULT_NODES) },
      seed: { type: 'string', default: String(Math.floor(Math.random() * 2 ** 32)) },
      json: { type: 'boolean', default: false }
    }
  })
  const scenario = SCENARIOS.find(({ name }) => name === positionals[0])
  const nodes = Number(values.nodes)
  const seed = Number(values.seed)
  if (scenario === undefined) return 'Say which scenario.'
  if (!Number.isInteger(nodes) || nodes < 2 || nodes > NODES_MAX) return `--nodes is from 2 to ${NODES_MAX}.`
  if (!Number.isInteger(seed) || seed < 0 || seed >= 2 ** 32) return '--seed is from 0 to 4294967295.'
  return { scenario, nodes, seed, json: values.json }
}

async function execute({ scenario, nodes, seed, json }: Run): Promise<boolean> {
  const report = (line: string) => console.error(`  ${line}`)
  console.error(`${scenario.name} with ${nodes} nodes, seed ${seed}: ${scenario.question}`)
  const random = seededRandom(seed)
  const signal = AbortSignal.timeout(SCENARIO_TIMEOUT_MS)
  try {
    await using cluster = await Cluster.create({ nodes, seed, acquaintances: scenario.acquaintances })
    const findings = await scenario.run(cluster, { random, signal, report })
    print({ scenario: scenario.name, seed, passed: true, findings }, json)
    return true
  } catch (err) {
    const failure = (err as Error).message
    print({ scenario: scenario.name, seed, passed: false, failure, findings: [] }, json)
    console.error(`Repeat it: npm run sim -- ${scenario.name} --nodes ${nodes} --seed ${seed}`)
    return false
  }
}

interface Outcome {
  readonly scenario: string
  readonly seed: number
  readonly passed: boolean
  readonly failure?: string
  readonly findings: readonly Finding[]
}

function print(outcome: Outcome, json: boolean): void {
  if (json) {
    console.log(JSON.stringify(outcome))
    return
  }
  for (const { metric, value, unit } of outcome.findings) {
    console.log(`${metric.padEnd(16)} ${value.toFixed(unit === '' ? 0 : 1).padStart(10)} ${unit}`)
  }
  console.log(outcome.passed ? 'Yes.' : `No: ${outcome.failure}`)
}

const run = parseRun(process.argv.slice(2))
if (typeof run === 'string') {
  console.error(run)
  console.error('Usage: npm run sim -- SCENARIO [--nodes N] [--seed N] [--json]')
  for (const { name, question } of SCENARIOS) console.error(`  ${name}: ${question}`)
  process.exitCode = USAGE_EXIT_CODE
} else {
  process.exitCode = (await execute(run)) ? 0 : 1
}
