/** Words for arguments that no command takes. */

import { Command } from 'commander'
import { LumosError } from '../interface/errors.ts'
import { closestNames } from '../interface/suggest.ts'

/** A command that says in its errors whose help to read. */
export class HelpfulCommand extends Command {
  override createCommand(name?: string): HelpfulCommand {
    return new HelpfulCommand(name)
  }

  override error(message: string, { code }: { readonly code?: string } = {}): never {
    const path = this.#path()
    const hint = `See ${path.join(' ')} --help.`
    const below = this.commands.map(command => command.name())
    const [unknown = ''] = this.args
    // A command that runs by itself takes an unknown one below it for an argument.
    if (code === 'commander.excessArguments' && below.length > 0) {
      const closest = closestNames(unknown, below)
      const meant = closest.length > 0 ? ` (Did you mean ${closest.join(', ')}?)` : ''
      throw usage(`unknown command '${[...path.slice(1), unknown].join(' ')}'${meant}`, hint)
    }
    throw usage(message.replace(/^error: /, ''), hint)
  }

  #path(): string[] {
    const path: string[] = []
    for (let at: Command | null = this; at !== null; at = at.parent) path.unshift(at.name())
    return path
  }
}

/** On one line: commander puts what may have been meant on a second one. */
const usage = (words: string, hint: string): LumosError =>
  new LumosError('USAGE', words.replace(/\s+/g, ' ').replace(/[^.?)]$/, '$&.'), { hint })
