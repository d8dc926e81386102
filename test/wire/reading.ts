/** Bytes as a peer sends them, and the messages in them. */

import { readFileSync } from 'node:fs'
import { FrameParser } from '../../protocols/wire/frame-parser.ts'
import { FRAME_BYTES_MAX } from '../../protocols/wire/limits.ts'
import { type Message, MessageReader } from '../../protocols/wire/messages.ts'

/** What an earlier version wrote; see the README there. */
export const recorded = (name: string): Uint8Array =>
  new Uint8Array(readFileSync(new URL(`../fixtures/wire/${name}.bin`, import.meta.url)))

/** The first message in `bytes`. */
export function messageIn(bytes: Uint8Array): Message {
  const parser = new FrameParser()
  const reader = new MessageReader()
  parser.push(bytes)
  for (let frame = parser.take(FRAME_BYTES_MAX); frame; frame = parser.take(FRAME_BYTES_MAX)) {
    const message = reader.push(frame)
    if (message !== undefined) return message
  }
  throw new Error('no whole message')
}
