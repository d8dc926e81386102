/** The command that checks a server. */

import { type Command, Option } from 'commander'
import { examples } from '../../examples.ts'
import type { Lazily } from '../../invocation.ts'
import { seconds } from '../../option-values.ts'

export function register(program: Command, lazily: Lazily): void {
  program
    .command('conformance')
    .description(
      'check whether a server keeps the promises of the protocols of OpenAI, Anthropic, Ollama and MCP'
    )
    .argument('[url]', 'address of the server, with or without /v1')
    .addOption(
      new Option('--face <face>', 'the protocol; all skips those that the server does not speak')
        .choices(['openai', 'anthropic', 'ollama', 'mcp', 'all'])
        .default('all')
    )
    .option('--model <model>', 'model that chats (default: the first of the list that seems to)')
    .option('--embedder <model>', 'model that makes vectors (default: the first of the list that seems to)')
    .addOption(
      new Option('--token <token>', 'sent in the header, and never printed').env('CONFORMANCE_TOKEN')
    )
    .option('--only <name...>', 'only these checks, such as openai.chat.stream')
    .option('--timeout <seconds>', 'of each check', seconds, 60)
    .option('--junit <file>', 'write the results as the XML of JUnit')
    .option('--list', 'print the checks, each with its promise and its source, and run none')
    .addHelpText(
      'after',
      examples(
        ['conformance http://127.0.0.1:8080/v1 --face openai', 'any server of that protocol'],
        [
          'conformance http://127.0.0.1:11434 --model qwen3:8b --junit results.xml',
          'for CI; exit code 1 if one fails'
        ],
        ['conformance --list', 'what is checked, and where it is documented']
      )
    )
    .action(lazily(() => import('./conformance.ts')))
}
