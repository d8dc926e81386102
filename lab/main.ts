/** `npm run lab -- …`: real nodes as processes of their own, on real networks. */

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import os from 'node:os'
import { type Parsed, runTool, UsageError } from '../sim/tool.ts'
import { Lab } from './lab.ts'
import { type LabScenario, type Outcome, outcomeOf } from './scenario.ts'
import { SCENARIOS } from './scenarios/index.ts'
import { findObstacle } from './system.ts'
import { toWords } from './words.ts'

const USAGE = `Usage: npm run lab -- COMMAND

  list [--json]            the scenarios, what each asks, and what is built for it
  SCENARIO [options]       run one
    --rung NAME            only this rung of a ladder
    --json                 the outcome as one object on stdout
  all [--json]             run every scenario but those of an hour, one after the other

It needs Linux, iproute2, and root or user namespaces. What the machine lacks for a scenario
is told as "not run", with the reason. Everything is removed again, after Ctrl-C too.

Exit codes: 0 yes, 1 no (or the one asked for did not run), 2 usage, 130 interrupted, 143 terminated.`

/** What figures depend on. */
const MACHINE = {
  platform: `${os.platform()} ${os.release()}`,
  cpu: os.cpus()[0]?.model ?? 'unknown',
  cores: os.availableParallelism(),
  memoryBytes: os.totalmem()
}

const options = { json: { type: 'boolean', default: false }, rung: { type: 'string' } } as const

async function main({ values, positionals: [command, ...rest] }: Parsed<typeof options>): Promise<boolean> {
  if (command === undefined || rest.length > 0) throw new UsageError('Say which scenario, and only one.')
  if (command === 'list') return list(values.json)

  const scenarios = SCENARIOS.filter(({ name, isLong }) => (command === 'all' ? !isLong : name === command))
  if (scenarios.length === 0) {
    throw new UsageError(`There is no scenario "${command}". See what there is: npm run lab -- list`)
  }
  const known: readonly string[] | undefined = scenarios[0]!.rungs
  if (values.rung !== undefined && !known?.includes(values.rung)) {
    const wrong = `There is no rung "${values.rung}": ${known?.join(', ')}.`
    throw new UsageError(known === undefined ? `${command} has no rungs.` : wrong)
  }

  const obstacle = await findObstacle()
  if (obstacle !== undefined) {
    if (canEnterUserNamespace()) return await enterUserNamespace()
    console.error(`The lab cannot run here: ${obstacle}.`)
    return false
  }
  return await runAll(scenarios, values, command === 'all')
}

async function runAll(
  scenarios: readonly LabScenario[],
  { json, rung }: { json: boolean; rung?: string },
  all: boolean
): Promise<boolean> {
  const outcomes: Outcome[] = []
  for (const scenario of scenarios) {
    console.error(`${scenario.name}: ${scenario.question}`)
    const rungs = scenario.rungs?.filter(name => rung === undefined || name === rung) ?? []
    const outcome = await outcomeOf(scenario, rungs, line => console.error(`  ${line}`))
    outcomes.push(outcome)
    if (!json) console.log(toWords(outcome))
  }
  if (json)
    console.log(
      JSON.stringify(all ? { machine: MACHINE, items: outcomes } : { machine: MACHINE, ...outcomes[0] })
    )
  else if (all)
    console.log(outcomes.map(({ scenario, outcome }) => `${outcome.padEnd(8)} ${scenario}`).join('\n'))
  return outcomes.every(({ outcome }) => outcome === 'passed' || (all && outcome === 'not run'))
}

function list(json: boolean): boolean {
  const items = SCENARIOS.map(({ name, question, setup, rungs }) => ({ name, question, setup, rungs }))
  if (json) console.log(JSON.stringify({ items }))
  else {
    for (const { name, question, setup, rungs } of items) {
      console.log(`${name}\n  ${question}\n  ${setup}`)
      if (rungs !== undefined) console.log(`  Rungs: ${rungs.join(', ')}.`)
    }
  }
  return true
}

/** Set in the process that was begun in a user namespace, where it is root of networks of its own. */
const INSIDE = 'LAB_IN_USER_NAMESPACE'

const canEnterUserNamespace = (): boolean =>
  process.platform === 'linux' && process.getuid?.() !== 0 && process.env[INSIDE] === undefined

/** This command again, as root of a namespace in which an ordinary user may make networks. */
async function enterUserNamespace(): Promise<boolean> {
  // iproute2 keeps its list of namespaces under /run, which there is not ours to write.
  const inside = [
    'sh',
    '-c',
    'mount -t tmpfs lumos-lab /run && exec "$0" "$@"',
    process.execPath,
    import.meta.filename
  ]
  const child = spawn(
    'unshare',
    ['--user', '--map-root-user', '--mount', '--net', ...inside, ...process.argv.slice(2)],
    {
      stdio: 'inherit',
      env: { ...process.env, [INSIDE]: '1' }
    }
  )
  const ended = once(child, 'close').catch(err => [err.code === 'ENOENT' ? 127 : 1])
  const [code] = await ended
  if (code === 127)
    console.error('The lab needs root, or user namespaces and the "unshare" command of util-linux.')
  return code === 0
}

await runTool({
  usage: USAGE,
  options,
  async run(parsed, signal) {
    // What is under way may fail then, or never end; what the lab has made is removed in any case.
    const removed = once(signal, 'abort')
      .then(() => Lab.endAll())
      .then(() => false)
    return await Promise.race([main(parsed), removed]).catch(err => {
      if (signal.aborted) return removed
      throw err
    })
  }
})
