/** The command that shows the mesh in a terminal. */

import type { Command } from 'commander'
import { examples } from '../../examples.ts'
import type { Lazily } from '../../invocation.ts'

export function register(program: Command, lazily: Lazily): void {
  program
    .command('top')
    .description('watch the mesh in this terminal: devices, models and requests')
    .option('--once', 'print it once, as a table')
    .addHelpText(
      'after',
      examples(
        ['top', 'tab changes the view, ? lists the keys, q ends it'],
        ['top --once', 'one table, as without a terminal'],
        ['top --json', 'one object for programs']
      )
    )
    .action(lazily(() => import('./top.ts')))
}
