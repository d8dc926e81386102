import type { Command } from 'commander'
import type { Lazily } from '../../../cli/invocation.ts'

export const asked: (readonly string[])[] = []

export function register(program: Command, lazily: Lazily): void {
  program
    .command('note')
    .argument('<text>', 'what to keep')
    .action(lazily(async () => ({ run: async ({ args }) => void asked.push(args) })))
}
