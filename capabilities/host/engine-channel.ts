/** The pipe between a node and an engine's process. Each of the two ends when the other closes it. */

import type { StdioOptions } from 'node:child_process'
import type { Duplex } from 'node:stream'
import { encodeFrame, type FrameLimits, FrameReader } from './engine-frames.ts'

/** The pipe's number in the engine's process, after the three that every process has. */
export const CHANNEL_FD = 3
/** Not Node's own `ipc`: that reads a message of any declared length into the memory of the node, and takes handles. */
export const ENGINE_STDIO: StdioOptions = ['ignore', 'pipe', 'pipe', 'overlapped']

export interface ChannelOptions<In> {
  readonly sends: FrameLimits
  readonly receives: FrameLimits
  /** The message has no form yet: it is checked before it is used. */
  onMessage(message: In): void
  /** What the other side sent cannot be read, or `onMessage` threw. The channel is closed then. */
  onBroken(err: Error): void
  /** The other side has closed the pipe, or has ended. */
  onClosed(): void
}

export class EngineChannel<Out extends object, In> {
  readonly #pipe: Duplex
  readonly #options: ChannelOptions<In>

  constructor(pipe: Duplex, options: ChannelOptions<In>) {
    this.#pipe = pipe
    this.#options = options
    const reader = new FrameReader(options.receives, message => options.onMessage(message as In))
    pipe.on('data', (chunk: Buffer) => {
      // What had been read before the pipe was closed.
      if (pipe.destroyed) return
      try {
        reader.push(chunk)
      } catch (err) {
        pipe.destroy()
        options.onBroken(err as Error)
      }
    })
    pipe.on('end', options.onClosed)
    pipe.on('close', options.onClosed)
    // A write to a process that has just ended; 'close' follows.
    pipe.on('error', () => {})
  }

  /** @throws {LumosError} when the message is above its limit. */
  send(message: Out): void {
    const parts = encodeFrame(message, this.#options.sends)
    if (this.#pipe.destroyed) return
    // What is said in one turn of the event loop, such as the answers of a batch, is one write.
    if (this.#pipe.writableCorked === 0) {
      this.#pipe.cork()
      process.nextTick(() => this.#pipe.uncork())
    }
    for (const part of parts) this.#pipe.write(part)
  }

  close(): void {
    this.#pipe.destroy()
  }
}
