/** Where programs keep the configuration of their user: in the folder that their variable names, else in the usual one. */

import { join, resolve } from 'node:path'
import { type Environment, userHome } from '../../storage/home/home-path.ts'

/** Of Codex. */
export const codexFolder = ({ CODEX_HOME }: Environment = process.env): string =>
  CODEX_HOME ? resolve(CODEX_HOME) : join(userHome(), '.codex')

/** Of Claude Code: its settings, and the file of its MCP servers. */
export function claudeFiles({ CLAUDE_CONFIG_DIR }: Environment = process.env): {
  settings: string
  servers: string
} {
  const [folder, beside] = CLAUDE_CONFIG_DIR
    ? [resolve(CLAUDE_CONFIG_DIR), resolve(CLAUDE_CONFIG_DIR)]
    : [join(userHome(), '.claude'), userHome()]
  return { settings: join(folder, 'settings.json'), servers: join(beside, '.claude.json') }
}
