/** Commands by which devices come, go and change their role. */

import type { Command } from 'commander'
import { examples } from '../../examples.ts'
import type { Lazily } from '../../invocation.ts'
import { seconds } from '../../option-values.ts'

export function register(program: Command, lazily: Lazily): void {
  registerJoining(program, lazily)
  registerMembers(program, lazily)
}

function registerJoining(program: Command, lazily: Lazily): void {
  program
    .command('invite')
    .description('make a code that lets one device join, within ten minutes')
    .option('--role <role>', 'what the device may do: member, edge, guest or admin', 'member')
    .option('--qr', 'show the code as a QR code too; a terminal with room for it does')
    .option('--no-qr', 'show no QR code')
    .option('--file <path>', 'write the code to a file that only you can read, instead of printing it')
    .option('--wait', 'wait until the code was used')
    .addHelpText(
      'after',
      examples(
        ['invite', 'a code for one device; there: lumos-node join CODE'],
        ['invite --role guest --file /tmp/code', 'for a guest, in a file to carry over']
      )
    )
    .action(lazily(() => import('./invite.ts')))

  program
    .command('join')
    .description('make this device a member of a mesh')
    .argument('[code]', 'what lumos-node invite printed; @file, or - for stdin')
    .option('--nearby', 'ask a mesh on the local network instead; an admin must approve')
    .option('--mesh <mesh>', 'name or id of the mesh to ask, when several are near')
    .option('--name <name>', 'what this device is to be called in the mesh')
    .option(
      '--jsonl',
      'print each step as a line of JSON: whom it asks, with the phrase to compare, and the outcome'
    )
    .addHelpText(
      'after',
      examples(
        ['join lumos:…', 'joins the mesh of the device that printed the code'],
        ['join --nearby', 'asks a mesh of this network; there an admin types: lumos-node approve']
      )
    )
    .action(lazily(() => import('./join.ts')))

  program
    .command('approve')
    .description('let devices on the network ask to join, list those that do, and let one in')
    .argument('[device]', 'PeerId or name of a device that asks')
    .option('--role <role>', 'what the device may do: member, edge, guest or admin', 'member')
    .option('--deny', 'turn the device away instead')
    .option('--wait <seconds>', 'how long to wait for a first request', seconds)
    .addHelpText(
      'after',
      examples(
        ['approve', 'devices may ask for ten minutes now; lists those that do, each with its phrase'],
        ['approve den', 'lets den in, after you compared the phrase on both screens'],
        ['approve den --deny', 'refuses it']
      )
    )
    .action(lazily(() => import('./approve.ts')))
}

function registerMembers(program: Command, lazily: Lazily): void {
  program
    .command('members')
    .description('every device that belongs to the mesh')
    .action(lazily(() => import('./members.ts')))

  program
    .command('revoke')
    .description('remove a device from the mesh for good')
    .argument('<device>', 'its name or PeerId')
    .option('-y, --yes', 'do not ask')
    .addHelpText(
      'after',
      examples([
        'revoke den',
        'every member refuses den from now on; its way back is: lumos-node leave --new-identity, and a new code'
      ])
    )
    .action(lazily(() => import('./revoke.ts')))

  program
    .command('promote')
    .description('make a member an admin; needs the root key on this device')
    .argument('<device>', 'its name or PeerId')
    .option('-y, --yes', 'do not ask')
    .action(lazily(() => import('./promote.ts')))

  program
    .command('rename')
    .description('give this device another name, on every device')
    .argument('<name>', 'its new name')
    .addHelpText(
      'after',
      examples([
        'rename attic',
        'an admin that is connected signs the name; of the mesh itself: lumos-node mesh rename'
      ])
    )
    .action(lazily(() => import('./rename.ts')))

  program
    .command('leave')
    .description('forget this mesh, and begin one of this device alone')
    .option('--new-identity', 'as a new device, under another key: the way back for one that was removed')
    .option('-y, --yes', 'do not ask')
    .action(lazily(() => import('./leave.ts')))
}
