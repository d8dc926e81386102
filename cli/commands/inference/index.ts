/** The command that asks the mesh. */

import type { Command } from 'commander'
import type { Lazily } from '../../invocation.ts'
import { integer, seconds } from '../../option-values.ts'

export function register(program: Command, lazily: Lazily): void {
  program
    .command('infer')
    .description('ask the mesh')
    .argument('<model|task>', 'whom or what to ask, such as digits-cnn or text-generation')
    .argument('<input>', 'text, @file, or - for stdin')
    .option('--task <task>', 'which task, for a model that does several')
    .option('--peer <peer>', 'PeerId or name of the only peer that may answer')
    .option('--timeout <seconds>', 'give up after this time', seconds)
    .option('--explain', 'say first whom it will ask, and why')
    .option('--top-k <n>', 'how many labels', integer)
    .option('--max-tokens <n>', 'how much text', integer)
    .option('--jsonl', 'print each piece of the answer as a line of JSON')
    .action(lazily(() => import('./infer.ts')))
}
