/** The real command line as a process of its own. */

import { spawn } from 'node:child_process'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'

export const SOURCE = fileURLToPath(new URL('../cli/main.ts', import.meta.url))
/** The source, or the bundle that the tests made of it: see test/bundle.ts. */
export const MAIN = process.env.TESTED_MAIN ?? SOURCE

export interface Finished {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

export interface RunOptions {
  readonly home?: string
  readonly stdin?: string | Buffer
  readonly env?: Record<string, string>
  /** Options of Node itself. */
  readonly nodeOptions?: readonly string[]
  /** A command that runs it elsewhere, such as in a network namespace. */
  readonly through?: readonly string[]
  /** Of another version. */
  readonly main?: string
}

export function spawnCli(
  args: readonly string[],
  { home, env = {}, nodeOptions = [], through = [], main = MAIN }: RunOptions = {}
) {
  const clean = Object.fromEntries(
    Object.entries(process.env).filter(
      ([name]) => !/^(LUMOS_|FORCE_COLOR|NO_COLOR|NODE_OPTIONS|VITEST)/.test(name)
    )
  )
  // Versions before do not know the setting.
  const own = main === MAIN ? { LUMOS_SERVING__YIELD: 'never' } : {}
  const [command, ...rest] = [...through, process.execPath, ...nodeOptions, main, ...args]
  return spawn(command!, rest, {
    env: { ...clean, ...own, ...(home !== undefined && { LUMOS_HOME: home }), ...env }
  })
}

/** Runs to the end. */
export async function runCli(args: readonly string[], options: RunOptions = {}): Promise<Finished> {
  const child = spawnCli(args, options)
  child.stdin.end(options.stdin)
  const code = new Promise<number | null>((resolve, reject) => child.on('close', resolve).on('error', reject))
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)])
  return { code: await code, stdout, stderr }
}
