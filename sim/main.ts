/** `npm run sim -- …`: the proving ground from the command line. Each command's code is loaded only when it runs. */

import { closestNames } from '../interface/suggest.ts'
import { SCENARIOS } from './scenarios/index.ts'
import { runTool, type Tool, UsageError } from './tool.ts'

const USAGE = `Usage: npm run sim -- COMMAND

  list [--json]            the scenarios, and what each asks
  SCENARIO [options]       run one scenario with real nodes in this process
  all [options]            every scenario, one after the other
    --nodes N              how many nodes (2 to 300; each scenario has its own default)
    --seed N               everything random comes from it (0 to 4294967295; default: drawn)
    --seeds N              that many seeds, from --seed on, each a run (1 to 100000; default 1)
    --replay FILE          do what that run did, when it did it
    --report DIR           write report.html and schedule.json there, in a folder each where there are several runs
    --json                 the outcome as one object on stdout, one a line
  swarm [options]          many random meshes of deterministic cores on virtual time (--help)
  virtual [options]        one large mesh of them, hours of its time in minutes (--help)

Exit codes: 0 yes, 1 no, 2 usage, 130 interrupted.`

const json = { type: 'boolean', default: false } as const

/** What begins with anything but the name of a command. */
const main: Tool<{ json: typeof json }> = {
  usage: USAGE,
  options: { json },
  run({ values, positionals: [command] }) {
    if (command === undefined) throw new UsageError('Say what to run.')
    if (command !== 'list') {
      const names = SCENARIOS.map(({ name }) => name)
      const [closest] = closestNames(command, names)
      throw new UsageError(
        `There is no scenario "${command}".${closest ? ` Closest: ${closest}.` : ''} There are: ${names.join(', ')}.`
      )
    }
    const items = SCENARIOS.map(({ name, question, nodes, link = 'lan' }) => ({
      name,
      question,
      nodes,
      link
    }))
    if (values.json) console.log(JSON.stringify({ items }))
    else {
      for (const { name, question, nodes } of items)
        console.log(`${name.padEnd(28)} ${String(nodes).padStart(3)}  ${question}`)
    }
    return true
  }
}

const [command, ...args] = process.argv.slice(2)
if (command === 'swarm') await runTool((await import('./virtual/swarm-command.ts')).swarm, args)
if (command === 'virtual') await runTool((await import('./virtual/command.ts')).virtual, args)
const chosen = SCENARIOS.filter(({ name }) => command === 'all' || name === command)
if (chosen.length > 0) await runTool((await import('./scenario-command.ts')).scenarios(chosen, USAGE), args)
await runTool(main, command === 'help' ? ['--help'] : process.argv.slice(2))
