#!/usr/bin/env node
/** The command line: finds the command, loads only its code, and turns what it throws into an exit code. */

import { CommanderError } from 'commander'
import { ERROR_MEANINGS, LumosError, toLumosError } from '../interface/errors.ts'
import { Output } from './output.ts'
import { createProgram } from './program.ts'
import { canAsk } from './prompt.ts'

// A reader that has seen enough (`lumos-node models | head -1`) is no failure.
process.stdout.on('error', err => {
  if ((err as NodeJS.ErrnoException).code !== 'EPIPE') throw err
  process.exit(0)
})

// Hanging up is all it takes to cancel what was asked. `start` has handlers of its own.
for (const [signal, code] of [
  ['SIGINT', 130],
  ['SIGTERM', 143]
] as const) {
  process.once(signal, () => process.exit(code))
}

// Known before anything is parsed: wrong arguments are reported in the form that was asked for.
const json = process.argv.includes('--json')

/** Commander has printed the help for it; all else that it refuses says what is wrong (`usage.ts`). */
const NO_COMMAND = new LumosError('USAGE', 'No command was given.', { hint: 'See lumos-node --help.' })

try {
  const args = process.argv.length === 2 && canAsk() ? await fromMenu() : process.argv.slice(2)
  if (args !== undefined) await createProgram(json).parseAsync(args, { from: 'user' })
} catch (thrown) {
  process.exitCode = report(thrown)
}

async function fromMenu(): Promise<readonly string[] | undefined> {
  const { chosenFromMenu } = await import('./menu.ts')
  return chosenFromMenu(new Output({ json }))
}

function report(thrown: unknown): number {
  // Help and version are not failures, and commander has printed them.
  if (thrown instanceof CommanderError && thrown.exitCode === 0) return 0

  const error = thrown instanceof CommanderError ? NO_COMMAND : toLumosError(thrown)
  new Output({ json }).error(error)
  return ERROR_MEANINGS[error.code].exitCode
}
