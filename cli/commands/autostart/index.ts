/** Commands by which the system starts the node itself. */

import type { Command } from 'commander'
import { examples } from '../../examples.ts'
import type { Lazily } from '../../invocation.ts'

export function register(program: Command, lazily: Lazily): void {
  const autostart = program
    .command('autostart')
    .description('have the system start the node of this home by itself')
  autostart
    .command('install')
    .description('start it at each login, and after a crash; settings come from lumos.yaml')
    .option('--system', 'at each start of the device, without a login; needs root')
    .option('--print', 'print what would be written, and write nothing')
    .addHelpText(
      'after',
      examples(
        ['autostart install', 'starts the node now and at each login of this user'],
        [
          'autostart install --system --home /srv/lumos',
          'as root: starts it with the device, as the user to whom that home belongs'
        ]
      )
    )
    .action(lazily(async () => ({ run: (await import('./autostart.ts')).install })))
  autostart
    .command('remove')
    .description('do not start it by itself any more')
    .action(lazily(async () => ({ run: (await import('./autostart.ts')).remove })))
  autostart
    .command('status')
    .description('whether the system starts it, and runs it now')
    .action(lazily(async () => ({ run: (await import('./autostart.ts')).status })))
}
