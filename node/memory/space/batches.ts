/** What is encrypted of documents: batches in envelopes under the keys of the space, and the rest under that of this device. */

import * as z from 'zod'
import { LumosError } from '../../../interface/errors.ts'
import { DocKind } from '../../../interface/memory.ts'
import { type Envelope, equal } from '../../../protocols/memory/envelope.ts'
import { Bytes, bytesOf } from '../../../protocols/memory/shapes.ts'
import { decodeControl, encodeControl } from '../../../protocols/wire/control.ts'
import type { Batch } from '../types.ts'
import { seal, unseal } from './boxes.ts'
import { sealUnder } from './keyring.ts'
import { KEYS_OF_BATCH_MAX } from './lost-keys.ts'
import type { Space } from './space.ts'

/** `name` as people write it, and how many of the name were forgotten before: `plans`, then `plans~1`. */
export const DocRef = z.string().regex(/^[a-zA-Z0-9][\w.-]{0,63}(~[1-9]\d{0,8})?$/)
const Named = z.tuple([DocRef, DocKind])
const Keys = z.array(bytesOf(32)).max(KEYS_OF_BATCH_MAX)
const BatchWire = z.tuple([DocRef, DocKind, Bytes, z.int().min(0), Keys.optional()])

export interface DocName {
  readonly tag: Uint8Array
  readonly name: string
  readonly kind: DocKind
}

export const nameOf = (ref: string): string => ref.split('~')[0]!

const boxAbout = (
  space: Pick<Space, 'id'>,
  { device, life, seq }: Pick<Envelope, 'device' | 'life' | 'seq'>
): string => `lumos/memory/box/1 ${space.id} ${device} ${life} ${seq}`
const docAbout = (space: Space, what: string): string => `lumos/memory/doc/1 ${space.id} ${what}`

export const sealBatch = (
  space: Pick<Space, 'id' | 'key'>,
  of: Pick<Envelope, 'device' | 'life' | 'seq'>,
  { doc, kind, update, at, keys }: Batch
): Uint8Array => {
  const batch = [doc, kind, update, at, ...(keys === undefined ? [] : [keys])]
  return sealUnder(space.key, space.id, boxAbout(space, of), encodeControl(batch))
}

/** @throws {LumosError} `MEMORY_INVALID`: the box is of another key, or says something else than its header. */
export function openBatch(
  space: Pick<Space, 'id' | 'keyring'>,
  envelope: Envelope & { box: Uint8Array }
): Batch {
  try {
    const plain = space.keyring.open(boxAbout(space, envelope), envelope.box)
    const [doc, kind, update, at, keys] = decodeControl(BatchWire, plain)
    if (!equal(space.keyring.tag(doc, kind), envelope.tag)) throw new Error('its tag is of another document')
    return { doc, kind, update, at, keys }
  } catch (cause) {
    const what = `Envelope ${envelope.seq} of ${envelope.device} does not open`
    throw new LumosError('MEMORY_INVALID', `${what}: ${(cause as Error).message}.`, { cause })
  }
}

export function openName(homeKey: Uint8Array, space: Space, sealed: Uint8Array): Omit<DocName, 'tag'> {
  const [name, kind] = decodeControl(Named, unseal(homeKey, docAbout(space, 'name'), sealed))
  return { name, kind }
}

export const sealName = (
  homeKey: Uint8Array,
  space: Space,
  { name, kind }: Omit<DocName, 'tag'>
): Uint8Array => seal(homeKey, docAbout(space, 'name'), encodeControl([name, kind]))

export const openSnapshot = (homeKey: Uint8Array, space: Space, box: Uint8Array): Uint8Array =>
  unseal(homeKey, docAbout(space, 'snapshot'), box)

export const sealSnapshot = (homeKey: Uint8Array, space: Space, plain: Uint8Array): Uint8Array =>
  seal(homeKey, docAbout(space, 'snapshot'), plain)
