/** A link of a known rate to a process: a relay of TCP that passes on what comes back no faster, on all its connections. */

import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import type { Introduction } from './device.ts'

export interface SlowLink extends AsyncDisposable {
  /** The device, as it is met through the link. */
  readonly introduction: Introduction
  /** What has come back. */
  readonly bytes: number
}

export async function slowLink(introduction: Introduction, bytesPerSecond: number): Promise<SlowLink> {
  const to = Number(introduction.addresses[0]!.split('/')[4])
  const sockets = new Set<Socket>()
  let freeMs = 0
  let sent = 0
  const server = createServer(near => {
    const far = connect(to, '127.0.0.1')
    for (const socket of [near, far]) {
      sockets.add(socket)
      socket.on('error', () => undefined)
      socket.on('close', () => {
        near.destroy()
        far.destroy()
      })
    }
    near.pipe(far)
    far.on('data', bytes => {
      sent += bytes.length
      const nowMs = performance.now()
      freeMs = Math.max(freeMs, nowMs) + (bytes.length * 1000) / bytesPerSecond
      far.pause()
      near.write(bytes)
      setTimeout(() => far.resume(), freeMs - nowMs)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    introduction: { ...introduction, addresses: [`/ip4/127.0.0.1/tcp/${port}`] },
    get bytes() {
      return sent
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    }
  }
}
