/**
 * Every command with its arguments and options. Their code is imported when
 * they run, so that help and completion cost nothing but commander.
 */

import { Command, InvalidArgumentError } from 'commander'
import { VERSION } from '../node/version.ts'
import type { GlobalOptions, Invocation } from './invocation.ts'
import { Output } from './output.ts'

interface CommandModule {
  // biome-ignore lint/suspicious/noExplicitAny: each command declares the options it has
  run(invocation: Invocation<any>): Promise<void>
}

/** @param json whether only JSON may be printed, on stderr too. */
export function createProgram(json: boolean): Command {
  const program = new Command('lumos-node')
    .description('One private AI mesh out of every device you own.')
    .version(VERSION, '--version', 'print the version')
    .helpOption('-h, --help', 'print help')
    .option('--home <dir>', 'home of the node (default: LUMOS_HOME, else the folder of the platform)')
    .option('--json', 'print one JSON object')
    .option('-v, --verbose', 'tell more, on stderr')
    .configureOutput({
      // What commander throws is reported like every other error.
      outputError() {},
      writeErr(help) {
        if (!json) process.stderr.write(help)
      }
    })
    .exitOverride()

  const lazily =
    (load: () => Promise<CommandModule>) =>
    async (...given: unknown[]): Promise<void> => {
      const command = given.at(-1) as Command
      const options: GlobalOptions = command.optsWithGlobals()
      const output = new Output({ json })
      await (await load()).run({ args: command.args, options, output, program })
    }

  program
    .command('start')
    .description('run a node until it is told to stop')
    .option('-d, --detach', 'run in the background; returns when the node is ready')
    .option('--name <name>', 'name of this device')
    .option('--mesh <name>', 'name of the mesh')
    .option('--port <port>', 'port for peers; 0 for any')
    .option('--gateway-port <port>', 'port for programs on this device; 0 for any')
    .option('--no-mdns', 'do not look for peers on the local network')
    .option('--peer <multiaddr...>', 'peers to dial')
    .option('--echo', 'serve the echo model')
    .action(lazily(() => import('./commands/start.ts')))

  program
    .command('stop')
    .description('stop the node and wait until it is gone')
    .action(lazily(() => import('./commands/stop.ts')))

  program
    .command('status')
    .description('who this node is and how it is doing')
    .action(lazily(() => import('./commands/status.ts')))

  program
    .command('peers')
    .description('the peers that are connected, and what they offer')
    .action(lazily(() => import('./commands/peers.ts')))

  const models = program
    .command('models')
    .description('every model of the mesh')
    .action(lazily(() => import('./commands/models.ts')))
  models
    .command('offer')
    .description('offer a model of this device to others, to every member if nothing else is said')
    .argument('<model>', 'its name')
    .option('--role <role...>', 'only to these roles: member, edge, guest or admin')
    .option('--peer <peer...>', 'only to these devices, by name or PeerId')
    .action(lazily(async () => ({ run: (await import('./commands/models-offer.ts')).offer })))
  models
    .command('withdraw')
    .description('offer a model of this device to nobody else; what they have under way ends')
    .argument('<model>', 'its name')
    .action(lazily(async () => ({ run: (await import('./commands/models-offer.ts')).withdraw })))

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
    .action(lazily(() => import('./commands/infer.ts')))

  program
    .command('exec')
    .description('run any unit')
    .argument('<unit>', 'its name, such as mesh.status')
    .argument('[input]', 'JSON, @file, or - for stdin', '{}')
    .option('--peer <peer>', 'PeerId or name of the only peer that may do it')
    .option('--timeout <seconds>', 'give up after this time', seconds)
    .option('--jsonl', 'print each piece of the answer as a line of JSON')
    .action(lazily(() => import('./commands/exec.ts')))

  const key = program.command('key').description('the keys of this node, under a passphrase')
  key
    .command('protect')
    .description('put the keys under a passphrase')
    .option('--passphrase-file <path>', 'file that holds it, or - for stdin')
    .action(lazily(async () => ({ run: (await import('./commands/key.ts')).protect })))
  key
    .command('unprotect')
    .description('have the keys readable without a passphrase again')
    .option('--passphrase-file <path>', 'file that holds it, or - for stdin')
    .action(lazily(async () => ({ run: (await import('./commands/key.ts')).unprotect })))
  key
    .command('change')
    .description('put the keys under another passphrase')
    .option('--passphrase-file <path>', 'file that holds the present one, or - for stdin')
    .option('--new-passphrase-file <path>', 'file that holds the new one')
    .action(lazily(async () => ({ run: (await import('./commands/key.ts')).change })))

  const token = program.command('token').description('what programs show to the gateway of this node')
  token
    .command('show')
    .description('print it')
    .action(lazily(async () => ({ run: (await import('./commands/token.ts')).show })))
  token
    .command('rotate')
    .description('replace it; all sessions end')
    .action(lazily(async () => ({ run: (await import('./commands/token.ts')).rotate })))

  program
    .command('invite')
    .description('make a code that lets one device join, within ten minutes')
    .option('--role <role>', 'what the device may do: member, edge, guest or admin', 'member')
    .option('--qr', 'show the code as a QR code too')
    .option('--file <path>', 'write the code to a file that only you can read, instead of printing it')
    .option('--wait', 'wait until the code was used')
    .action(lazily(() => import('./commands/invite.ts')))

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
    .action(lazily(() => import('./commands/join.ts')))

  program
    .command('approve')
    .description('let devices on the network ask to join, list those that do, and let one in')
    .argument('[device]', 'PeerId or name of a device that asks')
    .option('--role <role>', 'what the device may do: member, edge, guest or admin', 'member')
    .option('--deny', 'turn the device away instead')
    .option('--wait <seconds>', 'how long to wait for a first request', seconds)
    .action(lazily(() => import('./commands/approve.ts')))

  program
    .command('members')
    .description('every device that belongs to the mesh')
    .action(lazily(() => import('./commands/members.ts')))

  program
    .command('revoke')
    .description('remove a device from the mesh for good')
    .argument('<device>', 'its name or PeerId')
    .option('-y, --yes', 'do not ask')
    .action(lazily(() => import('./commands/revoke.ts')))

  program
    .command('promote')
    .description('make a member an admin; needs the root key on this device')
    .argument('<device>', 'its name or PeerId')
    .option('-y, --yes', 'do not ask')
    .action(lazily(() => import('./commands/promote.ts')))

  program
    .command('leave')
    .description('forget this mesh, and begin one of this device alone')
    .option('--new-identity', 'as a new device, under another key: the way back for one that was removed')
    .option('-y, --yes', 'do not ask')
    .action(lazily(() => import('./commands/leave.ts')))

  const mesh = program.command('mesh').description('the mesh that this device is in')
  mesh
    .command('show')
    .description('its name and id, what this device may do in it, and who holds the root key')
    .action(lazily(() => import('./commands/mesh-show.ts')))
  mesh
    .command('rename')
    .description('call it otherwise, on every device')
    .argument('<name>', "letters, digits, space and . _ ' -")
    .action(lazily(() => import('./commands/mesh-rename.ts')))
  mesh
    .command('export')
    .description('give out the root key, to be kept somewhere safe: whoever has it owns the mesh')
    .option('--file <path>', 'write it to a file that only you can read, instead of printing it')
    .option('--remove', 'take it off this device')
    .option('-y, --yes', 'do not ask')
    .action(lazily(() => import('./commands/mesh-export.ts')))
  mesh
    .command('import')
    .description('put the root key on this device, which makes it an admin')
    .argument('[key]', '@file, or - for stdin; without it, the terminal asks')
    .option('-y, --yes', 'do not ask')
    .action(lazily(() => import('./commands/mesh-import.ts')))

  const config = program.command('config').description('the settings')
  config
    .command('show')
    .description('print the settings that apply')
    .option('--origin', 'say where each value comes from')
    .action(lazily(() => import('./commands/config-show.ts')))
  config
    .command('check')
    .description('say whether the settings are valid')
    .action(lazily(() => import('./commands/config-check.ts')))

  program
    .command('doctor')
    .description('find out what is wrong, and what to do about it')
    .action(lazily(() => import('./commands/doctor.ts')))

  program
    .command('completion')
    .description('print a completion script')
    .argument('<shell>', 'bash, zsh or fish')
    .action(lazily(() => import('./commands/completion.ts')))

  return program
}

function integer(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError('expected a whole number')
  return Number(text)
}

function seconds(text: string): number {
  const value = Number(text)
  if (!(value > 0)) throw new InvalidArgumentError('expected a number of seconds')
  return value
}
