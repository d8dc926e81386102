/** `mcp install`: the node in the configuration of an AI program, which then starts `mcp serve` itself. */

import { join, posix, win32 } from 'node:path'
import { LumosError } from '../../../interface/errors.ts'
import { userHome } from '../../../storage/home/home-path.ts'
import { homeWords } from '../../client.ts'
import { claudeFiles, codexFolder } from '../../foreign/folders.ts'
import { changeForeignFile, withJson, withToml } from '../../foreign-config.ts'
import type { GlobalOptions, Invocation } from '../../invocation.ts'
import { ownCommand } from '../../own-command.ts'
import { CLIENTS, type Client } from './options.ts'

const NAME = 'lumos'

interface InstallOptions extends GlobalOptions {
  readonly tools?: string
  readonly print?: boolean
  readonly yes?: boolean
}

interface Server {
  readonly command: string
  readonly args: readonly string[]
}

interface Place {
  /** Where the program keeps it. */
  path(): string
  edit(text: string | undefined, server: Server): string
}

const inJson =
  (key: string, more: object = {}): Place['edit'] =>
  (text, server) =>
    withJson(text, [key, NAME], { ...more, ...server })

const PLACES: Readonly<Record<Client, Place>> = {
  claude: { path: () => claudeFiles().servers, edit: inJson('mcpServers', { type: 'stdio' }) },
  cursor: { path: () => join(userHome(), '.cursor', 'mcp.json'), edit: inJson('mcpServers') },
  vscode: { path: () => join(vscodeFolder(), 'mcp.json'), edit: inJson('servers', { type: 'stdio' }) },
  codex: {
    path: () => join(codexFolder(), 'config.toml'),
    edit: (text, server) => withToml(text, `mcp_servers.${NAME}`, { ...server })
  }
}

export async function run({ args, options, output }: Invocation<InstallOptions>): Promise<void> {
  const client = CLIENTS.find(name => name === args[0])
  if (client === undefined) {
    throw new LumosError('USAGE', `"${args[0]}" is no client that is known here.`, {
      hint: `One of ${CLIENTS.join(', ')}.`
    })
  }
  const { path, edit } = PLACES[client]
  const file = { path: path(), edit: (text: string | undefined) => edit(text, serverOf(options)) }
  const change = await changeForeignFile(file, options, output)
  output.data(change, () => wordsOf(change, client))
}

function serverOf(options: InstallOptions): Server {
  const { tools } = options
  const [command, script] = ownCommand()
  const chosen = tools === undefined ? [] : ['--tools', tools]
  return { command, args: [script, ...homeWords(options), 'mcp', 'serve', ...chosen] }
}

function wordsOf(
  { state, path, backup }: Awaited<ReturnType<typeof changeForeignFile>>,
  client: Client
): string {
  if (state === 'unchanged') return `${path} has it already.`
  if (state === 'printed') return 'Nothing was changed.'
  const kept = backup === null ? '' : ` What was there is in ${backup}.`
  return `${path} is changed.${kept} Start ${client} again.`
}

/** The folder of a person's settings of VS Code. */
function vscodeFolder(): string {
  const home = userHome()
  if (process.platform === 'win32') return win32.join(home, 'AppData', 'Roaming', 'Code', 'User')
  if (process.platform === 'darwin') return posix.join(home, 'Library', 'Application Support', 'Code', 'User')
  return posix.join(home, '.config', 'Code', 'User')
}
