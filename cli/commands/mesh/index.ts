/** Commands for the mesh itself: its name and its root key. */

import type { Command } from 'commander'
import { examples } from '../../examples.ts'
import type { Lazily } from '../../invocation.ts'

export function register(program: Command, lazily: Lazily): void {
  const mesh = program.command('mesh').description('the mesh that this device is in')
  mesh
    .command('show')
    .description('its name and id, what this device may do in it, and who holds the root key')
    .action(lazily(() => import('./show.ts')))
  mesh
    .command('rename')
    .description('give the mesh another name, on every device')
    .argument('<name>', "letters, digits, space and . _ ' -")
    .action(lazily(() => import('./rename.ts')))
  mesh
    .command('export')
    .description('give out the root key, to be kept somewhere safe: its holder owns the mesh')
    .option('--file <path>', 'write it to a file that only you can read, instead of printing it')
    .option('--remove', 'take it off this device')
    .option('-y, --yes', 'do not ask')
    .action(lazily(() => import('./export.ts')))
  mesh
    .command('import')
    .description('put the root key on this device, which makes it an admin')
    .argument('[key]', '@file, or - for stdin; without it, the terminal asks')
    .option('-y, --yes', 'do not ask')
    .addHelpText(
      'after',
      examples(
        ['mesh import @/media/usb/root.key', 'this device owns the mesh and can make admins'],
        ['mesh import', 'asks for the key in the terminal, so that no history of a shell holds it']
      )
    )
    .action(lazily(() => import('./import.ts')))
}
