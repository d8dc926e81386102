/** Commands for programs that speak the Model Context Protocol. */

import type { Command } from 'commander'
import { examples } from '../../examples.ts'
import type { Lazily } from '../../invocation.ts'

export const CLIENTS = ['claude', 'cursor', 'vscode', 'codex'] as const
export type Client = (typeof CLIENTS)[number]

const TOOLS = [
  '--tools <names>',
  'all, or names of tools or units with commas between; * for any letters'
] as const

export function register(program: Command, lazily: Lazily): void {
  const mcp = program.command('mcp').description('the node as tools for AI programs (Model Context Protocol)')

  mcp
    .command('serve')
    .description('serve MCP on stdin and stdout; AI programs start this themselves')
    .option(...TOOLS)
    .addHelpText(
      'after',
      examples(
        ['mcp serve', 'serves the usual tools'],
        ["mcp serve --tools 'inference.*'", 'serves what asks models, and nothing else']
      )
    )
    .action(lazily(() => import('./serve.ts')))

  mcp
    .command('tools')
    .description('list the tools that are served')
    .option(...TOOLS)
    .addHelpText(
      'after',
      examples(['mcp tools', 'lists the usual tools'], ['mcp tools --tools all', 'lists all'])
    )
    .action(lazily(() => import('./tools.ts')))

  mcp
    .command('install')
    .description("add the node to an AI program's configuration")
    .argument('<client>', CLIENTS.join(', '))
    .option(...TOOLS)
    .option('--print', 'only show the change')
    .option('-y, --yes', 'change the file without asking')
    .addHelpText(
      'after',
      examples(
        ['mcp install claude', 'shows the change to the configuration of Claude, asks, and makes it'],
        ['mcp install codex --print', 'shows it, and changes nothing']
      )
    )
    .action(lazily(() => import('./install.ts')))
}

export const chosenOf = ({ tools }: { readonly tools?: string }): string[] | undefined => tools?.split(',')
