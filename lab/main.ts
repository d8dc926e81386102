/** `npm run lab -- …`: real nodes as processes of their own, on real networks. */

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import os from 'node:os'
import { parseArgs } from 'node:util'
import { Lab } from './lab.ts'
import { type LabScenario, type Outcome, outcomeOf } from './scenario.ts'
import { SCENARIOS } from './scenarios/index.ts'
import { findObstacle } from './system.ts'
import { toWords } from './words.ts'

const HELP = `Usage: npm run lab -- COMMAND

  list [--json]            the scenarios, what each asks, and what is built for it
  SCENARIO [options]       run one
    --rung NAME            only this rung of a ladder
    --json                 the outcome as one object on stdout
  all [--json]             run every scenario, one after the other

It needs Linux, iproute2, and root or user namespaces. What the machine lacks for a scenario
is told as "not run", with the reason. Everything is removed again, after Ctrl-C too.

Exit codes: 0 yes, 1 no (or the one asked for did not run), 2 usage, 130 interrupted, 143 terminated.`

const USAGE_EXIT_CODE = 2
const SIGNALS = { SIGINT: 130, SIGTERM: 143 } as const

/** What figures depend on. */
const MACHINE = {
  platform: `${os.platform()} ${os.release()}`,
  cpu: os.cpus()[0]?.model ?? 'unknown',
  cores: os.availableParallelism(),
  memoryBytes: os.totalmem()
}

async function main(argv: string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args: argv,
    allowPositionals: true,
    options: {
      json: { type: 'boolean', default: false },
      rung: { type: 'string' },
      help: { type: 'boolean', short: 'h', default: false }
    }
  })
  const [command, ...rest] = positionals
  if (values.help || command === undefined || rest.length > 0) {
    console.error(HELP)
    return values.help ? 0 : USAGE_EXIT_CODE
  }
  if (command === 'list') return list(values.json)

  const scenarios = SCENARIOS.filter(({ name }) => command === 'all' || name === command)
  if (scenarios.length === 0) {
    console.error(`There is no scenario "${command}". See what there is: npm run lab -- list`)
    return USAGE_EXIT_CODE
  }
  const rungs = scenarios[0]!.rungs?.filter(rung => values.rung === undefined || rung === values.rung) ?? []
  if (values.rung !== undefined && rungs.length === 0) {
    const known = scenarios[0]!.rungs
    console.error(
      known === undefined
        ? `${command} has no rungs.`
        : `There is no rung "${values.rung}": ${known.join(', ')}.`
    )
    return USAGE_EXIT_CODE
  }

  const obstacle = await findObstacle()
  if (obstacle !== undefined) {
    if (canEnterUserNamespace()) return enterUserNamespace(argv)
    console.error(`The lab cannot run here: ${obstacle}.`)
    return 1
  }
  return await runAll(scenarios, values, command === 'all')
}

async function runAll(
  scenarios: readonly LabScenario[],
  { json, rung }: { json: boolean; rung?: string },
  all: boolean
): Promise<number> {
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
  return outcomes.some(({ outcome }) => outcome === 'failed' || (!all && outcome === 'not run')) ? 1 : 0
}

function list(json: boolean): number {
  const items = SCENARIOS.map(({ name, question, setup, rungs }) => ({ name, question, setup, rungs }))
  if (json) console.log(JSON.stringify({ items }))
  else {
    for (const { name, question, setup, rungs } of items) {
      console.log(`${name}\n  ${question}\n  ${setup}`)
      if (rungs !== undefined) console.log(`  Rungs: ${rungs.join(', ')}.`)
    }
  }
  return 0
}

/** Set in the process that was begun in a user namespace, where it is root of networks of its own. */
const INSIDE = 'LAB_IN_USER_NAMESPACE'

const canEnterUserNamespace = (): boolean =>
  process.platform === 'linux' && process.getuid?.() !== 0 && process.env[INSIDE] === undefined

/** This command again, as root of a namespace in which an ordinary user may make networks. */
async function enterUserNamespace(argv: readonly string[]): Promise<number> {
  // iproute2 keeps its list of namespaces under /run, which there is not ours to write.
  const inside = [
    'sh',
    '-c',
    'mount -t tmpfs lumos-lab /run && exec "$0" "$@"',
    process.execPath,
    import.meta.filename
  ]
  const child = spawn('unshare', ['--user', '--map-root-user', '--mount', '--net', ...inside, ...argv], {
    stdio: 'inherit',
    env: { ...process.env, [INSIDE]: '1' }
  })
  const ended = once(child, 'close').catch(err => [err.code === 'ENOENT' ? 127 : 1])
  const [code] = await ended
  if (code === 127)
    console.error('The lab needs root, or user namespaces and the "unshare" command of util-linux.')
  return code ?? 1
}

/** Once it was told to stop, what is under way fails on purpose, and how it ends no longer counts. */
let stopping: Promise<void> | undefined
for (const [signal, exitCode] of Object.entries(SIGNALS)) {
  process.once(signal, () => {
    stopping = Lab.endAll().finally(() => process.exit(exitCode))
  })
}

const exitCode = await main(process.argv.slice(2)).catch(thrown => {
  console.error((thrown as Error).message)
  // What is thrown by whoever reads arguments is about them.
  return (thrown as { code?: string }).code?.startsWith('ERR_PARSE_ARGS') ? USAGE_EXIT_CODE : 1
})
await stopping
process.exit(exitCode)
