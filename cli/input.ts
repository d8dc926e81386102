/** What people give as input: words, `@file`, or `-` for stdin. */

import { readFile } from 'node:fs/promises'
import { buffer } from 'node:stream/consumers'
import { decodeText } from '../interface/decode-text.ts'
import { InvalidInputError, LumosError } from '../interface/errors.ts'
import { fromTilde } from '../storage/home/home-path.ts'

/** Whether the input is in a file or on stdin, and not the argument itself. */
export const isElsewhere = (argument: string): boolean => argument === '-' || argument.startsWith('@')

export async function readBytes(argument: string): Promise<Buffer> {
  if (argument === '-') return buffer(process.stdin)
  if (!argument.startsWith('@')) return Buffer.from(argument)

  const path = fromTilde(argument.slice(1))
  try {
    return await readFile(path)
  } catch (err) {
    throw new InvalidInputError(`${path} cannot be read: ${(err as Error).message}.`, { cause: err })
  }
}

export async function readText(argument: string): Promise<string> {
  return decodeText(await readBytes(argument))
}

export async function readJson(argument: string): Promise<unknown> {
  const text = await readText(argument)
  try {
    return JSON.parse(text)
  } catch (err) {
    throw new LumosError('USAGE', `The input is not JSON: ${(err as Error).message}.`, { cause: err })
  }
}
