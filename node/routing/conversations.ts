/**
 * Which peers have read the beginning of a conversation: one that has may hold it in its cache, and need not read it again.
 * Kept are hashes in memory, and no texts.
 */

import { createHash } from 'node:crypto'
import type { InferenceRequest } from '../../interface/inference.ts'
import { type Message, textOf } from '../../interface/tasks/messages.ts'

/** A beginning that is shorter is read in no time. */
const CHARS_MIN = 1000
/** What follows is not looked at: hashing so much takes the network thread a millisecond. */
const CHARS_MAX = 512 * 1024
/** Beginnings of one conversation: its last turns. */
const BEGINNINGS_MAX = 64
/** A prompt has no messages: its beginnings are so long, and twice that, and so on. */
const PROMPT_STEP_CHARS = 2048
/** Beginnings that are remembered, the least used of which go first: some hundred conversations, 1 MB. */
export const REMEMBERED_MAX = 8192
/** Engines drop what was not used for longer. */
const REMEMBERED_MS = 30 * 60_000
/** 96 bits: no two beginnings of so few are taken for each other. */
const KEY_CHARS = 16

/** A beginning of a conversation: everything up to the end of one message. */
interface Beginning {
  readonly key: string
  readonly chars: number
}

export type Beginnings = readonly Beginning[]

/** Of a conversation or a prompt, the shortest first; none of other tasks, and where all is short. */
export function beginningsOf({ model, input }: Pick<InferenceRequest, 'model' | 'input'>): Beginnings {
  const hash = createHash('sha256').update(model ?? '')
  const beginnings: Beginning[] = []
  let chars = 0
  for (const text of piecesOf(input)) {
    chars += text.length
    if (chars > CHARS_MAX) break
    hash.update(`${text.length} `).update(text)
    if (chars < CHARS_MIN) continue
    beginnings.push({ key: hash.copy().digest('base64').slice(0, KEY_CHARS), chars })
  }
  return beginnings.slice(-BEGINNINGS_MAX)
}

function piecesOf(input: unknown): string[] {
  const { messages, prompt } = (input ?? {}) as { messages?: readonly Message[]; prompt?: unknown }
  if (Array.isArray(messages)) return messages.map(message => `${message.role} ${textOf(message)}`)
  if (typeof prompt !== 'string') return []
  const pieces = Math.floor(prompt.length / PROMPT_STEP_CHARS)
  return Array.from({ length: pieces }, (_, i) =>
    prompt.slice(i * PROMPT_STEP_CHARS, (i + 1) * PROMPT_STEP_CHARS)
  )
}

/** Which peer read what last. */
export class Conversations {
  /** By key, that which was used longest ago first. */
  readonly #readers = new Map<string, { readonly peerId: string; readonly atMs: number }>()

  /** The peer has answered this. */
  note(beginnings: Beginnings, peerId: string, nowMs: number): void {
    for (const { key } of beginnings) {
      this.#readers.delete(key)
      this.#readers.set(key, { peerId, atMs: nowMs })
    }
    for (const key of this.#readers.keys()) {
      if (this.#readers.size <= REMEMBERED_MAX) return
      this.#readers.delete(key)
    }
  }

  /** Characters that each peer has read of it, by PeerId. */
  known(beginnings: Beginnings, nowMs: number): ReadonlyMap<string, number> {
    const known = new Map<string, number>()
    for (const { key, chars } of beginnings) {
      const reader = this.#readers.get(key)
      if (reader !== undefined && nowMs - reader.atMs < REMEMBERED_MS) known.set(reader.peerId, chars)
    }
    return known
  }
}
