/** Commands that run a node of this device, and look at it. */

import type { Command } from 'commander'
import { examples } from '../../examples.ts'
import type { Lazily } from '../../invocation.ts'

export function register(program: Command, lazily: Lazily): void {
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
    .action(lazily(() => import('./start.ts')))

  program
    .command('stop')
    .description('stop the node and wait until it is gone')
    .action(lazily(() => import('./stop.ts')))

  program
    .command('status')
    .description('who this node is and how it is doing')
    .action(lazily(() => import('./status.ts')))

  program
    .command('open')
    .description('open the page of this node in the browser')
    .option('--print', 'print its link, and open nothing')
    .addHelpText(
      'after',
      examples(
        ['open', 'opens the browser, which is let in for a week'],
        ['open --print', 'for a browser on this device that this terminal cannot open']
      )
    )
    .action(lazily(() => import('./open.ts')))

  program
    .command('peers')
    .description('the peers that are connected, and what they offer')
    .action(lazily(() => import('./peers.ts')))

  program
    .command('wake')
    .description('wake a device that sleeps; without one, list those that may be woken')
    .argument('[device]', 'its name or PeerId')
    .addHelpText(
      'after',
      examples(
        ['wake', 'devices that may be woken, and how long each takes'],
        ['wake tower', 'sends packets to its network cards until it is connected, for 90 s at most']
      )
    )
    .action(lazily(() => import('./wake.ts')))

  program
    .command('doctor')
    .description('find out what is wrong, and what to do about it')
    .action(lazily(() => import('./doctor.ts')))
}
