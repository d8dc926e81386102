/** The command for what happens on the node. */

import type { Command } from 'commander'
import type { Lazily } from '../../invocation.ts'

export function register(program: Command, lazily: Lazily): void {
  program
    .command('events')
    .description('what has happened on this node; --json prints an object a line')
    .option('--type, --name <name...>', 'only these, such as peer.joined or mesh.*')
    .option(
      '--since <when>',
      'those of the last 30m, 2h or 7d, also of earlier starts; or those after a place, as --json prints it: EPOCH-SEQUENCE'
    )
    .option('-f, --follow', 'print what happens from then on, too')
    .action(lazily(() => import('./events.ts')))
}
