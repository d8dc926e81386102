/** Commands for the models of the mesh. */

import type { Command } from 'commander'
import { examples } from '../../examples.ts'
import type { Lazily } from '../../invocation.ts'
import { registerWeights } from './weights.ts'

export function register(program: Command, lazily: Lazily): void {
  const models = program
    .command('models')
    .description('every model of the mesh')
    .action(lazily(() => import('./list.ts')))
  models
    .command('show')
    .description('one model: its tasks, state, size, memory and context, and each device that has it')
    .argument('<model>', 'its name')
    .action(lazily(() => import('./show.ts')))
  models
    .command('load')
    .description('load a model of this device, so that its first request need not wait')
    .argument('<model>', 'its name')
    .action(lazily(async () => ({ run: (await import('./load.ts')).load })))
  models
    .command('unload')
    .description('free the memory of a model of this device, once its requests have ended')
    .argument('<model>', 'its name')
    .action(lazily(async () => ({ run: (await import('./load.ts')).unload })))
  models
    .command('offer')
    .description('offer a model of this device to others, to every member if nothing else is said')
    .argument('<model>', 'its name')
    .option('--role <role...>', 'only to these roles: member, edge, guest or admin')
    .option('--peer <peer...>', 'only to these devices, by name or PeerId')
    .addHelpText(
      'after',
      examples(
        ['models offer qwen3 --peer den', 'den may ask this model, and no other device may'],
        ['models offer qwen3 --role admin --role member', 'devices of these roles may'],
        ['models offer qwen3', 'every member may again']
      )
    )
    .action(lazily(async () => ({ run: (await import('./offer.ts')).offer })))
  models
    .command('withdraw')
    .description('offer a model of this device to no other device; requests of other devices to it end')
    .argument('<model>', 'its name')
    .action(lazily(async () => ({ run: (await import('./offer.ts')).withdraw })))
  models
    .command('check')
    .description('read the models of this device, compare their hashes, and have their engines open them')
    .argument('[model]', 'its name; without it, all')
    .option('--no-wait', 'return at once; the job goes on')
    .action(lazily(() => import('./check.ts')))
  registerWeights(models, lazily)
}
