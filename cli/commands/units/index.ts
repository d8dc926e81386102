/** The command that runs any unit. */

import type { Command } from 'commander'
import { examples } from '../../examples.ts'
import type { Lazily } from '../../invocation.ts'
import { seconds } from '../../option-values.ts'

export function register(program: Command, lazily: Lazily): void {
  program
    .command('exec')
    .description('run any unit; without a name, list them')
    .argument('[unit]', 'its name, such as mesh.status')
    .argument('[input]', 'JSON, @file, or - for stdin', '{}')
    .option('--on, --peer <device>', 'run it on this device, named or by its PeerId')
    .option('--timeout <seconds>', 'give up after this time', seconds)
    .option('--jsonl', 'print each piece of the answer as a line of JSON')
    .addHelpText(
      'after',
      examples(
        ['exec', 'lists all units; with --json, also what goes in and out of each'],
        ['exec mesh.status', 'prints the same object as the unit gives over HTTP'],
        [`exec model.get '{"model_id":"digits-cnn"}'`, 'a unit with an input'],
        ['exec model.list --on den', 'asks den, which answers what the role of this device permits']
      )
    )
    .action(lazily(() => import('./exec.ts')))
}
