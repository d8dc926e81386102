/** Commands for the answers that this device has asked for and keeps. */

import type { Command } from 'commander'
import { examples } from '../../examples.ts'
import type { Lazily } from '../../invocation.ts'
import { integer } from '../../option-values.ts'

export function register(program: Command, lazily: Lazily): void {
  const requests = program
    .command('requests')
    .description('answers that this device has asked for: to read them again, or to cancel them')
  requests
    .command('list')
    .description('the answers that are kept, the newest first')
    .action(lazily(async () => ({ run: (await import('./requests.ts')).list })))
  requests
    .command('attach')
    .description('print an answer from its beginning, and what is still to come of it')
    .argument('<answer>', 'its id, as --detach and x-lumos-answer give it')
    .option('--from <n>', 'begin with the chunk of this index', integer)
    .option('--peer <peer>', 'PeerId or name of the device that keeps it')
    .option('--jsonl', 'print each piece of the answer as a line of JSON')
    .addHelpText(
      'after',
      examples(
        ['infer text-generation "Why is the sky blue?" --detach', 'begin an answer, and print its id'],
        [
          'requests attach 5f0c9a2b7d1e4c3a8b6d0e1f2a3b4c5d-3kQ9rXvT7mPz',
          'read it, on this or another device'
        ]
      )
    )
    .action(lazily(async () => ({ run: (await import('./requests.ts')).attach })))
  requests
    .command('explain')
    .description('whom one of the last thousand requests was sent to, why, and what came of it')
    .argument('<request>', 'its request_id, or the id of its answer')
    .action(lazily(() => import('./explain.ts')))
  requests
    .command('cancel')
    .description('end an answer that is under way; what has come stays')
    .argument('<answer>', 'its id')
    .action(lazily(async () => ({ run: (await import('./requests.ts')).cancel })))
}
