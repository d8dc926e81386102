/** Commands for the long work of this node. */

import type { Command } from 'commander'
import type { Lazily } from '../../invocation.ts'

export function register(program: Command, lazily: Lazily): void {
  const job = program.command('job').description('long work of this node: what runs, and what came of it')
  job
    .command('list')
    .description('jobs under way, and those that ended not long ago')
    .action(lazily(async () => ({ run: (await import('./job.ts')).list })))
  job
    .command('show')
    .description('one job')
    .argument('<job>', 'its id')
    .option('--wait', 'show how far it is until it has ended; fails when the job does')
    .action(lazily(async () => ({ run: (await import('./job.ts')).show })))
  job
    .command('cancel')
    .description('give a job up')
    .argument('<job>', 'its id')
    .option('--wait', 'wait until it has ended')
    .action(lazily(async () => ({ run: (await import('./job.ts')).cancel })))
}
