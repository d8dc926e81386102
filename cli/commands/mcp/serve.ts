/** `mcp serve`: MCP over stdio. A thin process: it asks the running node, and may be there before it. */

import { Writable } from 'node:stream'
import type { Server } from '@modelcontextprotocol/server'
import { listenOverStdio } from '../../../gateway/mcp/listen.ts'
import { createMcpServer } from '../../../gateway/mcp/server.ts'
import { findNode } from '../../client.ts'
import type { Invocation } from '../../invocation.ts'
import { NodeCalls } from './node-calls.ts'
import { chosenOf } from './options.ts'

/** How often a node is looked for, while there is none. */
const LOOK_MS = 2000

export async function run({ options, output }: Invocation<{ tools?: string }>): Promise<void> {
  const stdout = reservedStdout()
  const [sdk, { serveStdio, StdioServerTransport }] = await Promise.all([
    import('@modelcontextprotocol/server'),
    import('@modelcontextprotocol/server/stdio')
  ])
  const servers = new Set<Server>()
  const calls = new NodeCalls(
    options,
    onceRunning(options, () => {
      for (const server of servers) server.sendToolListChanged().catch(() => {})
    })
  )
  const chosen = chosenOf(options)
  const onFailure = (err: unknown) => output.note(String(err))
  const transport = new StdioServerTransport(process.stdin, stdout)
  const gone = new AbortController()
  serveStdio(
    ({ era }) => {
      const server = createMcpServer(sdk, {
        chosenBy: () => chosen,
        callsOf: () => calls,
        ...{ tellsOfTools: true, gone: gone.signal, onFailure },
        ...(era === 'modern' ? { listens: true } : { room: { taken: 0 } })
      })
      servers.add(server)
      return server
    },
    { transport, onerror: err => output.note(err.message) }
  )
  listenOverStdio(transport, calls, {
    tell(uri) {
      for (const server of servers) server.sendResourceUpdated({ uri }).catch(() => {})
    },
    onGone: () => gone.abort()
  })
}

/** What anything else of this process prints goes to stderr: a client ends the connection at a line that is no message. */
function reservedStdout(): Writable {
  const write = process.stdout.write.bind(process.stdout)
  process.stdout.write = process.stderr.write.bind(process.stderr)
  return new Writable({
    write(chunk: Uint8Array, _encoding, done) {
      write(chunk, done)
    }
  })
}

/** Calls `found` once a node can be found, for a list that was made without one. */
function onceRunning(options: Invocation['options'], found: () => void): () => void {
  let timer: NodeJS.Timeout | undefined
  const look = async () => {
    try {
      await findNode(options).units()
    } catch {
      return
    }
    clearInterval(timer)
    timer = undefined
    found()
  }
  return () => {
    timer ??= setInterval(look, LOOK_MS).unref()
  }
}
