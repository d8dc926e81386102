/** `npm run bench -- NAME`: measures, compares with what was published, publishes. */

import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { runTool, UsageError } from '../sim/tool.ts'
import { compare, comparisonLine } from './compare.ts'
import type { Bench } from './harness.ts'
import { publish, publishFile } from './publish.ts'
import { BenchResult, publishedResults, resultOf } from './results.ts'
import { brokenPromises, textOf } from './table.ts'

const BENCHES: Record<string, () => Promise<{ bench: Bench }>> = {
  start: () => import('./start.ts'),
  rpc: () => import('./rpc.ts'),
  bulk: () => import('./bulk.ts'),
  infer: () => import('./infer.ts'),
  gateway: () => import('./gateway.ts'),
  serve: () => import('./serve.ts'),
  guard: () => import('./guard.ts'),
  codec: () => import('./codec.ts'),
  cores: () => import('./cores.ts'),
  route: () => import('./route.ts'),
  memory: () => import('./memory.ts'),
  weights: () => import('./weights.ts'),
  'weights-big': () => import('./weights-big.ts')
}

/** Takes minutes and 8 GiB of the disk: run by its name alone. */
const BY_NAME: ReadonlySet<string> = new Set(['weights-big'])

const USAGE = `Usage: npm run bench -- NAME|all [--json FILE] [--compare] [--publish] [--quick]
       npm run bench -- publish [FILE]

NAME is one of ${Object.keys(BENCHES).join(', ')}; "all" runs each in a process of its own, for about seven minutes.
Everything is measured in turns with what it is compared with, so let nothing else run.

  --json FILE   keeps the results; "-" prints them instead of tables
  --compare     says what is better or worse than published, beyond the noise
  --publish     writes bench/published/, docs/performance.md and the README's figures
  --quick       shows in seconds that it runs; the figures say nothing

publish makes the documents anew, with FILE: what --json has kept, of benches or of "npm run soak".
Exit codes: 0 ok, 1 a bench failed, broke a promise or regressed, 2 usage.`

interface Run {
  readonly names: readonly string[]
  readonly json?: string
  readonly compare: boolean
  readonly publish: boolean
  readonly quick: boolean
}

function runOf(name: string, values: Omit<Run, 'names'>): Run {
  const names = name === 'all' ? Object.keys(BENCHES).filter(name => !BY_NAME.has(name)) : [name]
  const wrong = names.find(name => !Object.hasOwn(BENCHES, name))
  if (wrong !== undefined) throw new UsageError(`There is no bench "${wrong}".`)
  if (values.quick && (values.publish || values.compare))
    throw new UsageError('The figures of --quick say nothing.')
  return { ...values, names }
}

async function execute({ names, json, quick, ...then }: Run): Promise<boolean> {
  const results: BenchResult[] = []
  const failed: string[] = []
  for (const name of names) {
    const result = names.length > 1 ? runApart(name, quick) : await run(name, quick)
    if (result === undefined) failed.push(`${name} did not run to its end.`)
    else results.push(result)
    if (json !== '-') for (const table of result?.tables ?? []) console.log(`\n${textOf(table)}`)
  }
  const comparisons = then.compare ? results.flatMap(compareWithPublished) : []
  if (json !== '-') for (const line of comparisons.map(comparisonLine)) console.log(line)
  const text = JSON.stringify(names.length > 1 ? { results } : results[0])
  if (json === '-') console.log(text)
  else if (json !== undefined) writeFileSync(json, text)
  if (then.publish) publish(results)

  // What is too short to say anything keeps no promise and breaks none.
  if (!quick) failed.push(...results.flatMap(({ tables }) => brokenPromises(tables)))
  failed.push(...comparisons.filter(({ verdict }) => verdict === 'regressed').map(comparisonLine))
  for (const failure of failed) console.error(`FAILED: ${failure}`)
  return failed.length === 0
}

async function run(name: string, quick: boolean): Promise<BenchResult> {
  const { bench } = await BENCHES[name]!()
  return resultOf(name, await bench({ quick }))
}

/** What one bench leaves in memory must not slow down the next. */
function runApart(name: string, quick: boolean): BenchResult | undefined {
  const dir = mkdtempSync(join(tmpdir(), 'lumos-bench-'))
  const file = join(dir, 'result.json')
  try {
    const args = [import.meta.filename, name, '--json', file, ...(quick ? ['--quick'] : [])]
    console.error(`${name} …`)
    spawnSync(process.execPath, args, { stdio: ['ignore', 'ignore', 'inherit'] })
    return BenchResult.parse(JSON.parse(readFileSync(file, 'utf8')))
  } catch {
    return undefined
  } finally {
    rmSync(dir, { recursive: true })
  }
}

function compareWithPublished(result: BenchResult) {
  const published = publishedResults().find(({ bench }) => bench === result.bench)
  if (published === undefined) console.error(`${result.bench} was never published.`)
  return published === undefined ? [] : compare(result, published)
}

await runTool({
  usage: USAGE,
  options: {
    json: { type: 'string' },
    compare: { type: 'boolean', default: false },
    publish: { type: 'boolean', default: false },
    quick: { type: 'boolean', default: false }
  },
  async run({ values, positionals: [name, file] }) {
    if (name === undefined) throw new UsageError('Say which bench.')
    if (name !== 'publish') return await execute(runOf(name, values))
    if (file === undefined) publish([])
    else publishFile(file)
    return true
  }
})
