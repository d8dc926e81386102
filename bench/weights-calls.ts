/** Small calls between the two devices, alone and beside a transfer. */

import type { PeerId, Stream } from '@libp2p/interface'
import type { Libp2p } from 'libp2p'
import { FrameStream } from '../protocols/wire/frames.ts'

export const ECHO = '/bench/echo/1'
const CALL = new Uint8Array(1024)

export async function echo(stream: Stream): Promise<void> {
  const frames = new FrameStream(stream)
  for (let frame = await frames.read(); frame !== undefined; frame = await frames.read())
    await frames.write(frame.type, frame.body.slice())
}

/** One call after the other until then. @returns how long 99 of 100 took at most, in milliseconds. */
export async function callsUntil(libp2p: Libp2p, peer: PeerId, over: Promise<unknown>): Promise<number> {
  const frames = new FrameStream(await libp2p.dialProtocol(peer, ECHO))
  const tookMs: number[] = []
  let isOver = false
  const end = over.finally(() => {
    isOver = true
  })
  while (!isOver) {
    const sinceMs = performance.now()
    await frames.write(1, CALL)
    await frames.read()
    tookMs.push(performance.now() - sinceMs)
  }
  await frames.close()
  await end
  return tookMs.sort((a, b) => a - b)[Math.floor(tookMs.length * 0.99)]!
}
