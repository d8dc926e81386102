/** The command that leads another program to the models of the mesh. */

import type { Command } from 'commander'
import { examples } from '../../examples.ts'
import type { Lazily } from '../../invocation.ts'
import { PROGRAMS } from './names.ts'

export function register(program: Command, lazily: Lazily): void {
  program
    .command('connect')
    .description('lead another program to the models of the mesh')
    .argument('[program]', PROGRAMS.join(', '))
    .option('--model <model>', 'the model that it shall ask; by default the first that generates text')
    .option('--find', 'list the gateways of other devices on this network, which say so themselves')
    .option('--print', 'only show what would change')
    .option('-y, --yes', 'change the file without asking')
    .addHelpText(
      'after',
      examples(
        ['connect claude', 'shows the change to the settings of Claude Code, asks, and makes it'],
        ['connect openwebui', 'prints the command and the values for Open WebUI, which has no such file']
      )
    )
    .action(lazily(() => import('./connect.ts')))
}
