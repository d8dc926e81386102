/** What people give as input: words, `@file`, or `-` for stdin. */

import { createReadStream } from 'node:fs'
import type { Readable } from 'node:stream'
import { decodeText } from '../interface/decode-text.ts'
import { LumosError } from '../interface/errors.ts'
import { unreadable } from '../interface/unreadable.ts'
import { fromTilde } from '../storage/home/home-path.ts'

/** Whether the input is in a file or on stdin, and not the argument itself. */
export const isElsewhere = (argument: string): boolean => argument === '-' || argument.startsWith('@')

/** No node takes a larger body: 64 MiB of tensors are 86 MiB in base64. */
const INPUT_BYTES_MAX = 88 * 1024 * 1024

export async function readBytes(argument: string): Promise<Buffer> {
  if (argument === '-') return upToLimit(process.stdin)
  if (!argument.startsWith('@')) return Buffer.from(argument)

  const path = fromTilde(argument.slice(1))
  try {
    return await upToLimit(createReadStream(path))
  } catch (err) {
    if (err instanceof LumosError) throw err
    throw unreadable(path, err)
  }
}

/** A device or a pipe may have no end. */
async function upToLimit(source: Readable): Promise<Buffer> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of source) {
    bytes += chunk.length
    if (bytes > INPUT_BYTES_MAX) {
      const limit = INPUT_BYTES_MAX / 1024 / 1024
      throw new LumosError('INPUT_TOO_LARGE', `The input holds more than ${limit} MiB, which is the limit.`)
    }
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

export async function readText(argument: string): Promise<string> {
  return decodeText(await readBytes(argument))
}

export async function readJson(argument: string): Promise<unknown> {
  const text = await readText(argument)
  try {
    return JSON.parse(text)
  } catch (err) {
    const what = argument.startsWith('@') ? fromTilde(argument.slice(1)) : 'The input'
    throw new LumosError('USAGE', `${what} is not JSON: ${(err as Error).message}.`, { cause: err })
  }
}
