/** What a serializer gives, as a text that a fact can hold: `json` as it is, what is no text as base64. */

import type { SerializerProtocol } from '@langchain/langgraph-checkpoint'

const PACKED = /^([^\n;]*)(;base64)?\n/

export async function pack(serde: SerializerProtocol, value: unknown): Promise<string> {
  const [type, bytes] = await serde.dumpsTyped(value)
  if (/[\n;]/.test(type)) throw new Error(`The serializer names a type "${type}", which cannot be kept.`)
  const text = textOf(bytes)
  return text === undefined ? `${type};base64\n${Buffer.from(bytes).toString('base64')}` : `${type}\n${text}`
}

/** @throws {Error} where the text is none that `pack` made. */
export async function unpack(serde: SerializerProtocol, packed: string): Promise<unknown> {
  const [head, type, base64] = PACKED.exec(packed) ?? []
  if (head === undefined || type === undefined)
    throw new Error('The text is not what this package has written.')
  const text = packed.slice(head.length)
  return await serde.loadsTyped(
    type,
    base64 === undefined ? new TextEncoder().encode(text) : new Uint8Array(Buffer.from(text, 'base64'))
  )
}

function textOf(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    return undefined
  }
}
