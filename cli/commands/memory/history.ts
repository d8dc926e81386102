/** `memory history|watch`: what was written, and what is being written. */

import { LumosError } from '../../../interface/errors.ts'
import { isoTime } from '../../../interface/iso-time.ts'
import { findNode } from '../../client.ts'
import type { Invocation } from '../../invocation.ts'
import { printable } from '../../output.ts'

/** The longest that a call may take; the next one goes on. */
const WATCH_MS = 60 * 60 * 1000

interface HistoryOptions {
  readonly doc?: string
  readonly limit?: number
}
interface Item {
  readonly writer: string
  /** Null where the device is no member. */
  readonly writer_name: string | null
  readonly seq: number
  readonly at: number
  readonly doc: string
  readonly keys: readonly string[]
}
interface Changed {
  readonly writer: string
  readonly writer_name: string | null
  readonly doc: string
  readonly keys: readonly string[] | null
}

export async function history({ args, options, output }: Invocation<HistoryOptions>): Promise<void> {
  const { doc, limit } = options
  const asked = { space: args[0], ...(doc !== undefined && { doc }), ...(limit !== undefined && { limit }) }
  const { data } = await findNode(options).execute<{ items: Item[] }>('memory.history', asked)
  output.data(data, () =>
    output.table(
      ['WHEN', 'WRITER', 'DOCUMENT', 'WHAT'],
      data.items.map(item => [
        isoTime(item.at),
        item.writer_name ?? item.writer,
        item.doc,
        inShort(item.keys)
      ])
    )
  )
}

export async function watch({ args, options, output }: Invocation<HistoryOptions>): Promise<void> {
  const { doc } = options
  const asked = { space: args[0], ...(doc !== undefined && { doc }) }
  const print = ({ writer, writer_name: called, doc: name, keys }: Changed) =>
    `${name}  ${keys === null ? 'much' : inShort(keys)}  ${called ?? writer}`
  const node = findNode(options)
  for (;;) {
    try {
      for await (const item of node.follow('memory.watch', asked, { timeoutMs: WATCH_MS }))
        output.line(output.json ? JSON.stringify(item) : printable(print(item as Changed)))
    } catch (err) {
      if (!(err instanceof LumosError && err.code === 'TIMEOUT')) throw err
    }
  }
}

/** In a line: a change may touch a hundred. */
const KEYS_SHOWN = 5
const inShort = (keys: readonly string[]): string =>
  keys.length > KEYS_SHOWN
    ? `${keys.slice(0, KEYS_SHOWN).join(', ')} and ${keys.length - KEYS_SHOWN} more`
    : keys.join(', ')
