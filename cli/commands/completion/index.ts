/** The command that prints completion for a shell. */

import { type Command, Option } from 'commander'
import type { Lazily } from '../../invocation.ts'

export function register(program: Command, lazily: Lazily): void {
  program
    .command('completion')
    .description('print a completion script')
    .argument('[shell]', 'bash, zsh or fish')
    // What the scripts call.
    .addOption(new Option('--names <kind>').hideHelp())
    .action(lazily(() => import('./completion.ts')))
}
