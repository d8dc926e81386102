/** `npm run sim -- …`: the proving ground from the command line. Each command's code is loaded only when it runs. */

const HELP = `Usage: npm run sim -- COMMAND

  list [--json]            the scenarios, and what each asks
  SCENARIO [options]       run one scenario with real nodes in this process
    --nodes N              how many nodes (2 to 300; each scenario has its own default)
    --seed N               everything random comes from it (0 to 4294967295; default: drawn)
    --replay FILE          do what that run did, when it did it
    --report DIR           write report.html and schedule.json there
    --json                 the outcome as one object on stdout
  all [--seed N] [--report DIR]
                           every scenario, one after the other
  swarm-nodes              random mixes of links, faults, hostile peers and load, each seed one run
    --seeds N, --from N    how many seeds (default 10), and the first of them (default 1)
    --json                 one object a line
    --seed N | --replay F  one of them, with the options of a scenario
  swarm [options]          many random meshes of deterministic cores on virtual time (--help)
  virtual [options]        one large mesh of them, hours of its time in minutes (--help)

Exit codes: 0 yes, 1 no, 2 usage, 130 interrupted.`

/** Each takes what follows its name, and returns the exit code. */
const COMMANDS: Record<string, (args: string[], signal: AbortSignal) => Promise<number>> = {
  all: async (args, signal) => (await import('./commands/all.ts')).all(args, signal),
  list: async args => (await import('./commands/list.ts')).list(args),
  swarm: async (args, signal) => (await import('./virtual/swarm-command.ts')).swarm(args, signal),
  virtual: async (args, signal) => (await import('./virtual/command.ts')).virtual(args, signal),
  'swarm-nodes': async (args, signal) => (await import('./commands/swarm-nodes.ts')).swarmNodes(args, signal)
}

/** They have a help of their own. */
const HELPING: ReadonlySet<string> = new Set(['swarm', 'virtual'])

const USAGE_EXIT_CODE = 2
const INTERRUPTED_EXIT_CODE = 130

/** The first Ctrl-C ends the run in good order, a second one at once. */
const interrupted = new AbortController()
process.once('SIGINT', () => interrupted.abort(new Error('Interrupted.')))

async function main([command, ...args]: string[]): Promise<number> {
  const { signal } = interrupted
  if (command === undefined || command === 'help' || command === '--help' || command === '-h') {
    console.error(HELP)
    return command === undefined ? USAGE_EXIT_CODE : 0
  }
  if (args.includes('--help') && !HELPING.has(command)) {
    console.error(HELP)
    return 0
  }
  const run = Object.hasOwn(COMMANDS, command) ? COMMANDS[command] : undefined
  if (run !== undefined) return await run(args, signal)
  return await (await import('./commands/scenario.ts')).scenario(command, args, signal)
}

// Timers of nodes and links keep no process alive, and often there is nothing else to wait for.
setInterval(() => {}, 60_000)

const exitCode = await main(process.argv.slice(2)).catch(thrown => {
  console.error(thrown instanceof Error ? thrown.message : String(thrown))
  // What is thrown by whoever reads arguments is about them.
  return (thrown as { code?: string }).code?.startsWith('ERR_PARSE_ARGS') ? USAGE_EXIT_CODE : 1
})
// Libraries leave timers behind; nothing of ours is under way.
process.exit(interrupted.signal.aborted ? INTERRUPTED_EXIT_CODE : exitCode)
