/** `open`: the page of this node, in the browser of the person at this device. */

import { spawn } from 'node:child_process'
import { findNode } from '../../client.ts'
import type { GlobalOptions, Invocation } from '../../invocation.ts'
import { hasScreen } from '../../terminal.ts'

/** A program that opens a browser is gone by then, or it is the browser itself. */
const OPENER_MS = 1500

/** What opens an address on each platform. */
const OPENERS: Readonly<Record<string, readonly [program: string, ...args: string[]]>> = {
  darwin: ['open'],
  win32: ['rundll32', 'url.dll,FileProtocolHandler'],
  linux: ['xdg-open']
}

export async function run({ options, output }: Invocation<GlobalOptions & { print?: true }>): Promise<void> {
  const opens = options.print !== true && hasScreen()
  // The command line of the browser has the link, which all users of the device can read.
  const whose = opens ? { user: process.getuid?.() } : {}
  const { data } = await findNode(options).execute<{ url: string }>('gateway.link', whose)
  const { url } = data
  const opened = opens && (await open(url))
  output.data({ event: 'link', url, opened }, () =>
    opened ? 'The page of this node is in your browser.' : `Open this once, within two minutes:\n${url}`
  )
}

/** Whether a program took the address. */
async function open(url: string): Promise<boolean> {
  const [program, ...args] = OPENERS[process.platform] ?? ['xdg-open']
  const child = spawn(program, [...args, url], { stdio: 'ignore', detached: true })
  child.unref()
  return new Promise(resolve => {
    child.once('error', () => resolve(false))
    child.once('exit', code => resolve(code === 0))
    // It is the browser, and stays.
    setTimeout(() => resolve(true), OPENER_MS).unref()
  })
}
