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
  config
    .command('get')
    .description('print one setting, with where it comes from')
    .argument('<key>', 'such as models.keepAlive')
    .action(lazily(async () => ({ run: (await import('./change.ts')).get })))
  config
    .command('set')
    .description('write a setting into lumos.yaml, whose comments stay')
    .argument('<key>', 'such as models.keepAlive')
    .argument('<value>', 'as in a variable: a list with commas, or YAML')
    .action(lazily(async () => ({ run: (await import('./change.ts')).set })))
  config
    .command('unset')
    .description('take a setting out of lumos.yaml: its variable or default holds again')
    .argument('<key>', 'such as models.keepAlive')
    .action(lazily(async () => ({ run: (await import('./change.ts')).unset })))
}
