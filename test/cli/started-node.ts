/** A real node, started by the real command line in a home of its own. */

import type { ChildProcess } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { type RunOptions, spawnCli } from './run-cli.ts'

/** Any free port, and nothing that other nodes of this machine could hear. */
export const ALONE = ['--port', '0', '--gateway-port', '0', '--no-mdns']

export const temporaryHome = (): Promise<string> => mkdtemp(join(tmpdir(), 'lumos-node-'))

interface Ready {
  readonly event: 'ready'
  readonly peer_id: string
  readonly name: string
  readonly gateway: string
  readonly addresses: string[]
  readonly members?: number
}

export async function startNode(home: string, args: readonly string[] = [], options: RunOptions = {}) {
  const child = spawnCli(['start', '--json', ...ALONE, ...args], { ...options, home })
  let errors = ''
  child.stderr.on('data', text => {
    errors += text
  })
  const exited = new Promise<number | null>(resolve => child.on('exit', resolve))
  const ready = await Promise.race([firstLine(child), exited])
  if (typeof ready !== 'string') throw new Error(`The node ended with ${ready}: ${errors}`)

  return {
    child,
    exited,
    home,
    ready: JSON.parse(ready) as Ready,
    errors: () => errors,
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL')
      await exited
      await rm(home, { recursive: true, force: true })
    }
  }
}

async function firstLine(child: ChildProcess): Promise<string | undefined> {
  for await (const line of createInterface(child.stdout!)) return line
  // Without a line the exit tells more.
  return new Promise(() => {})
}
