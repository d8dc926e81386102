/** The command that takes the ports of other programs. */

import type { Command } from 'commander'
import { examples } from '../../examples.ts'
import type { Lazily } from '../../invocation.ts'
import { integer } from '../../option-values.ts'

export function register(program: Command, lazily: Lazily): void {
  program
    .command('adopt')
    .description(
      'answer on the port of Ollama or LM Studio, so that its clients reach the mesh; alone: which are'
    )
    .argument('[product]', 'ollama or lmstudio')
    .option('--port <n>', 'another port than the usual one', integer)
    .option('--release', 'give the port back')
    .addHelpText(
      'after',
      examples(
        ['adopt ollama', 'says how to move Ollama to another port, and waits until its own is free'],
        ['adopt', 'the ports that this node answers on, or waits for'],
        ['adopt ollama --release', 'the port is free again; start Ollama as before']
      )
    )
    .action(lazily(() => import('./adopt.ts')))
}
