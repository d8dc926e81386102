/** Commands for the engines of this device. */

import type { Command } from 'commander'
import { examples } from '../../examples.ts'
import type { Lazily } from '../../invocation.ts'

const CHANGES = [
  ['remove', 'take the files of an installed engine away; its models are left out'],
  ['start', 'serve the models of an engine that was stopped'],
  ['stop', 'serve no model of an engine, also after a restart of the node'],
  ['restart', 'end the processes of an engine; new ones begin with the next request']
] as const

export function register(program: Command, lazily: Lazily): void {
  const engine = program.command('engine').description('the engines that open the models of this device')
  engine
    .command('list')
    .description('every engine, and the models that it opens')
    .action(lazily(async () => ({ run: (await import('./engine.ts')).list })))
  engine
    .command('status')
    .description('one engine')
    .argument('<name>', 'such as llama-cpp')
    .action(lazily(async () => ({ run: (await import('./engine.ts')).status })))
  engine
    .command('install')
    .description('bring an engine that is not part of the package; its hashes are known beforehand')
    .argument('<name>', 'such as llama-cpp')
    .option('--from <folder>', 'a folder with the archives (.tgz), for a device without the network')
    .option('--no-wait', 'return at once; the job goes on')
    .addHelpText(
      'after',
      examples(
        ['engine install llama-cpp', 'bring what opens GGUF files, from the registry of the settings'],
        ['engine install llama-cpp --from /media/stick', 'the same without the network']
      )
    )
    .action(lazily(() => import('./install.ts')))
  engine
    .command('check')
    .description('whether a program keeps the protocol of external engines: docs/external-engines.md')
    .argument('<command...>', 'the program and its arguments, behind --')
    .option('--task <task>', 'ask this task only')
    .option('--input <json>', 'what to ask, in place of a sample; @FILE reads it from a file')
    .option('--params <json>', 'parameters of what is asked')
    .option('--folder <folder>', 'a folder with a model, for a program that opens one')
    .option('--file <file...>', 'of the folder: the files of the model')
    .option('--device <device>', 'the chip that the model is made for')
    .option('--env <name=value...>', 'a variable of its environment')
    .addHelpText(
      'after',
      examples(
        [
          'engine check -- /usr/bin/python3 espeak.py',
          'drive it as a node would, and say what it does wrong'
        ],
        [
          'engine check --params \'{"to":"es"}\' -- /usr/bin/python3 apertium.py',
          'the same, with parameters of its task'
        ]
      )
    )
    .action(lazily(() => import('./check.ts')))
  for (const [name, description] of CHANGES)
    engine
      .command(name)
      .description(description)
      .argument('<name>', 'such as llama-cpp')
      .action(lazily(async () => ({ run: (await import('./engine.ts')).changeTo(name) })))
}
