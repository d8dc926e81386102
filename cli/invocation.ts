/** What a command gets from the command line. */

import type { Command } from 'commander'
import type { Output } from './output.ts'

export interface GlobalOptions {
  readonly home?: string
  readonly verbose?: boolean
}

/** What a command gets: its arguments, its options with the global ones, and the way out. */
export interface Invocation<Options = object> {
  readonly args: readonly string[]
  readonly options: Options & GlobalOptions
  readonly output: Output
  readonly program: Command
}

/** Options of `start`, which the node that runs in the background gets too. */
export interface StartOptions extends GlobalOptions {
  readonly detach?: boolean
  readonly name?: string
  readonly mesh?: string
  readonly port?: string
  readonly gatewayPort?: string
  readonly mdns: boolean
  readonly peer?: readonly string[]
  readonly echo?: boolean
}

export interface CommandModule {
  // biome-ignore lint/suspicious/noExplicitAny: each command declares the options it has
  run(invocation: Invocation<any>): Promise<void>
}

/** Makes the action of a command out of the import of its code. */
export type Lazily = (load: () => Promise<CommandModule>) => (...given: unknown[]) => Promise<void>

/** Declares the commands of one domain. */
export type Register = (program: Command, lazily: Lazily) => void
