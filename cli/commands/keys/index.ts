/** Commands for the keys and the token of this node. */

import type { Command } from 'commander'
import { examples } from '../../examples.ts'
import type { Lazily } from '../../invocation.ts'
import { list } from '../../option-values.ts'

export function register(program: Command, lazily: Lazily): void {
  const key = program.command('key').description('the keys of this node, under a passphrase')
  key
    .command('protect')
    .description('put the keys under a passphrase')
    .option('--passphrase-file <path>', 'file that holds it, or - for stdin')
    .addHelpText(
      'after',
      examples(
        ['key protect', 'asks for a passphrase; each later start asks for it, too'],
        [
          'key protect --passphrase-file /etc/lumos/passphrase',
          'for a service: name the same file in the setting keys.passphraseFile'
        ]
      )
    )
    .action(lazily(async () => ({ run: (await import('./key.ts')).protect })))
  key
    .command('unprotect')
    .description('have the keys readable without a passphrase again')
    .option('--passphrase-file <path>', 'file that holds it, or - for stdin')
    .action(lazily(async () => ({ run: (await import('./key.ts')).unprotect })))
  key
    .command('change')
    .description('put the keys under another passphrase')
    .option('--passphrase-file <path>', 'file that holds the present one, or - for stdin')
    .option('--new-passphrase-file <path>', 'file that holds the new one')
    .action(lazily(async () => ({ run: (await import('./key.ts')).change })))

  const token = program.command('token').description('tokens that programs send to the gateway of this node')
  token
    .command('show')
    .description('print that of the node, which opens all but its keys')
    .action(lazily(async () => ({ run: (await import('./token.ts')).show })))
  token
    .command('rotate')
    .description('replace it; all sessions end')
    .action(lazily(async () => ({ run: (await import('./token.ts')).rotate })))
  token
    .command('create <name>')
    .description('make a token for one program; it is printed this once')
    .option('--allow <permissions>', 'of read, use and manage', list, ['read', 'use'])
    .option('--units <units>', 'only these units, such as inference.*,model.list', list)
    .option('--expires <time>', 'such as 30d or 12h; else it does not expire')
    .addHelpText(
      'after',
      examples(
        ['token create notebook --expires 30d', 'for a program that asks models'],
        ['token create wall-clock --allow read --units "model.list,mesh.*"', 'for one that only looks']
      )
    )
    .action(lazily(async () => ({ run: (await import('./tokens.ts')).create })))
  token
    .command('list')
    .description('tokens of programs, when each was used last, and when it expires')
    .action(lazily(async () => ({ run: (await import('./tokens.ts')).list })))
  token
    .command('revoke <name>')
    .description('end one, with all that was begun with it')
    .action(lazily(async () => ({ run: (await import('./tokens.ts')).revoke })))
}
