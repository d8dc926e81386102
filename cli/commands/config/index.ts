/** Commands for the settings. */

import type { Command } from 'commander'
import type { Lazily } from '../../invocation.ts'

export function register(program: Command, lazily: Lazily): void {
  const config = program.command('config').description('the settings')
  config
    .command('show')
    .description('print the settings that apply')
    .option('--origin', 'say where each value comes from')
    .action(lazily(() => import('./show.ts')))
  config
    .command('check')
    .description('say whether the settings are valid')
    .action(lazily(() => import('./check.ts')))
}
