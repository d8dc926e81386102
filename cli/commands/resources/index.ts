/** Commands for configurations of Lumen's resources: what they say, the models that they ask for, and a cache of these. */

import type { Command } from 'commander'
import { examples } from '../../examples.ts'
import type { Lazily } from '../../invocation.ts'

export function register(program: Command, lazily: Lazily): void {
  const resources = program.command('resources').description('models that a configuration of Lumen asks for')
  resources
    .command('validate')
    .description('say what is wrong with a configuration, by line and column')
    .argument('<file>', 'such as config.yaml')
    .action(lazily(() => import('./validate.ts')))
  resources
    .command('download')
    .description('bring the models of a configuration: the runtimes and datasets that its services need')
    .argument('<file>', 'such as config.yaml')
    .option('--force', 'also those that are here already')
    .addHelpText(
      'after',
      examples(['resources download config_hub.yaml', 'its models are served by this node'])
    )
    .action(lazily(() => import('./download.ts')))
  resources
    .command('list')
    .description('the models in a cache of Lumen; without a folder, in the store of this node')
    .argument('[folder]', 'such as ~/.lumen')
    .action(lazily(() => import('./list.ts')))
}
