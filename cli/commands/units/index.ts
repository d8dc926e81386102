/** The commands that run any unit and list them, and watch any resource. */

import type { Command } from 'commander'
import { examples } from '../../examples.ts'
import type { Lazily } from '../../invocation.ts'
import { seconds } from '../../option-values.ts'

export function register(program: Command, lazily: Lazily): void {
  program
    .command('exec')
    .description('run any unit; without a name, list them')
    .argument('[unit]', 'its name, such as mesh.status')
    .argument('[input]', 'JSON, @file, or - for stdin; or its fields as flags, such as --limit 5')
    .option('--on, --peer <device>', 'run it on this device, named or by its PeerId')
    .option('--timeout <seconds>', 'give up after this time', seconds)
    .option('--jsonl', 'print each piece of the answer as a line of JSON')
    // Its flags are the fields of the unit, which only the node knows.
    .helpOption(false)
    .option('-h, --help', 'print help; after a unit, that of its fields')
    .allowUnknownOption()
    .allowExcessArguments()
    .addHelpText(
      'after',
      examples(
        ['exec', 'lists all units; with --json, also what goes in and out of each'],
        ['exec mesh.status', 'prints the same object as the unit gives over HTTP'],
        ['exec model.get --model-id digits-cnn', 'a unit with an input'],
        [`exec model.get '{"model_id":"digits-cnn"}'`, 'the same as JSON'],
        ['exec inference.run --model digits-cnn --input.image @seven.png', 'fields in fields, and a file'],
        ['exec inference.chat --help', 'prints the fields of a unit'],
        ['exec model.list --on den', 'asks den, which answers what the role of this device permits']
      )
    )
    .action(lazily(() => import('./exec.ts')))

  program
    .command('units')
    .description('list what the node can do')
    .option('--domain <domain>', 'only units of this domain, such as model')
    .option('--names', 'print names only')
    .addHelpText('after', examples(['units --domain mesh', 'what the node does with its mesh']))
    .action(lazily(() => import('./list.ts')))

  program
    .command('watch')
    .description('a resource as it is, and each change of it until this is interrupted')
    .argument('<resource>', 'its address, such as lumos://models; exec resource.list has all')
    .option('--jsonl', 'print snapshots and patches as they come, a line of JSON each')
    .addHelpText(
      'after',
      examples(
        ['watch lumos://device/cpu/metrics', 'how busy this device is'],
        ['watch models --json', 'the whole list after each change, on one line']
      )
    )
    .action(lazily(() => import('./watch.ts')))
}
