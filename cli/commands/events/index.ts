/** The command for what happens on the node. */

import type { Command } from 'commander'
import type { Lazily } from '../../invocation.ts'

export function register(program: Command, lazily: Lazily): void {
  program
    .command('events')
    .description('what has happened on this node; it keeps the last two thousand events')
    .option('--name <name...>', 'only these, such as peer.joined or mesh.*')
    .option('--since <place>', 'only those after this place, as --json prints it: EPOCH-SEQUENCE')
    .option('-f, --follow', 'print what happens from then on, too')
    .action(lazily(() => import('./events.ts')))
}
