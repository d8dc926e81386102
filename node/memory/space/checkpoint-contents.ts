/** What a checkpoint says of its documents, under the key of the space. */

import * as z from 'zod'
import { LumosError } from '../../../interface/errors.ts'
import { DocKind } from '../../../interface/memory.ts'
import type { Checkpoint } from '../../../protocols/memory/checkpoint.ts'
import { equal } from '../../../protocols/memory/envelope.ts'
import { Bytes } from '../../../protocols/memory/shapes.ts'
import { decodeControl, encodeControl } from '../../../protocols/wire/control.ts'
import { DocRef } from './batches.ts'
import { sealUnder } from './keyring.ts'
import type { Space } from './space.ts'

/** Name, kind and hash of the readable content of each document, in the order of the record. */
const Contents = z.array(z.tuple([DocRef, DocKind, Bytes]))
export type Contents = z.infer<typeof Contents>

const about = (space: Space, number: number): string => `lumos/memory/contents/1 ${space.id} ${number}`

export const sealContents = (space: Space, number: number, contents: Contents): Uint8Array =>
  sealUnder(space.key, space.id, about(space, number), encodeControl(contents))

/** @throws {LumosError} `MEMORY_DENIED`: its key is not here; `MEMORY_INVALID`. */
export function contentsOf(space: Space, { number, sealed, docs }: Checkpoint): Contents {
  if (!space.keyring.has(sealed))
    throw new LumosError('MEMORY_DENIED', `The key of a checkpoint of ${space.id} has not come yet.`)
  try {
    const contents = decodeControl(Contents, space.keyring.open(about(space, number), sealed))
    if (contents.length !== docs.length) throw new Error('it lists other documents than it has')
    for (const [n, [name, kind]] of contents.entries())
      if (!equal(space.keyring.tag(name, kind), docs[n]!.tag)) throw new Error('a tag is of another document')
    return contents
  } catch (cause) {
    throw new LumosError('MEMORY_INVALID', `A checkpoint does not open: ${(cause as Error).message}.`, {
      cause
    })
  }
}
