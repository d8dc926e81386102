/** y-websocket as it comes: its own server, in a process of its own, keeps documents in memory. */

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import { WebsocketProvider } from 'y-websocket'
import * as Y from 'yjs'
import { entryOf, LOG } from './memory-space.ts'

const SERVER = fileURLToPath(new URL('./bin/server.cjs', import.meta.resolve('y-websocket/package.json')))

export interface Rival extends AsyncDisposable {
  /** Entries that are pushed one by one to a list, each an update of its own. */
  fill(count: number): Promise<void>
  /** How long a device that has nothing takes until it has all of the list. */
  pullMs(count: number): Promise<number>
}

export async function startRival(): Promise<Rival> {
  const port = await freePort()
  const server = spawn(process.execPath, [SERVER], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, HOST: '127.0.0.1', PORT: `${port}` }
  })
  await once(server.stdout, 'data')
  const join = (): Joined => joined(`ws://127.0.0.1:${port}`)
  return {
    async fill(count) {
      using writer = join()
      await writer.until(() => writer.provider.synced)
      for (let n = 0; n < count; n++) writer.list.push([entryOf(n)])
      using reader = join()
      await reader.until(() => reader.list.length === count)
    },
    async pullMs(count) {
      const startedMs = performance.now()
      using reader = join()
      await reader.until(() => reader.list.length === count)
      return performance.now() - startedMs
    },
    async [Symbol.asyncDispose]() {
      server.kill('SIGKILL')
      await once(server, 'exit')
    }
  }
}

interface Joined extends Disposable {
  readonly provider: WebsocketProvider
  readonly list: Y.Array<unknown>
  until(holds: () => boolean): Promise<void>
}

function joined(url: string): Joined {
  const doc = new Y.Doc()
  const provider = new WebsocketProvider(url, LOG, doc, { disableBc: true })
  return {
    provider,
    list: doc.getArray(LOG),
    until: holds =>
      new Promise(resolve => {
        const look = (): unknown => holds() && resolve()
        provider.on('sync', look)
        doc.on('update', look)
        look()
      }),
    [Symbol.dispose]() {
      provider.destroy()
      doc.destroy()
    }
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}
