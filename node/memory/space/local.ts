/** What a device keeps of a space for itself, and what of a charter only readers know. */

import * as z from 'zod'
import { LumosError } from '../../../interface/errors.ts'
import { SPACE_PARTS } from '../../../interface/memory.ts'
import { type Charter, CharterSecrets } from '../../../protocols/memory/charter.ts'
import { Bytes } from '../../../protocols/memory/shapes.ts'
import { decodeControl, encodeControl } from '../../../protocols/wire/control.ts'
import { seal, unseal } from './boxes.ts'

const Local = z.strictObject({
  name: z.string(),
  key: Bytes.nullable(),
  lost: z.array(z.strictObject({ key: Bytes, by: z.string().nullable() })).default([]),
  carried: z.boolean().default(false),
  part: z.enum(SPACE_PARTS).default('all')
})
/** A key of a charter that lost, and which device has handed it to the others: none where this one is to. */
export type LostKey = z.infer<typeof Local>['lost'][number]
const LOCAL = 'lumos/memory/local/1'

/** Its own name is for readers. */
export const carriedName = (id: string): string => `carried-${id.slice(0, 8)}`

/** Nothing where its owner sealed nonsense: the space goes on under its name here. */
export function secretsIn(id: string, charter: Charter, key: Uint8Array): CharterSecrets | undefined {
  try {
    return decodeControl(CharterSecrets, unseal(key, secretsAbout(id, charter), charter.sealed))
  } catch {
    return undefined
  }
}

export const sealedLocal = (
  homeKey: Uint8Array,
  { name, key, lost = [], carried = false, part = 'all' }: z.input<typeof Local>
): Uint8Array =>
  seal(
    homeKey,
    LOCAL,
    encodeControl({ name, key, lost, ...(carried && { carried }), ...(part !== 'all' && { part }) })
  )

export const secretsAbout = (space: string, { version }: Pick<Charter, 'version'>): string =>
  `lumos/memory/secrets/1 ${space} ${version}`

/** @throws {LumosError} `STORE_DAMAGED`: another key or another version has made it. The file stays as it is. */
export function openLocal(homeKey: Uint8Array, sealed: Uint8Array): z.output<typeof Local> {
  try {
    return decodeControl(Local, unseal(homeKey, LOCAL, sealed))
  } catch (cause) {
    throw new LumosError(
      'STORE_DAMAGED',
      'memory.db holds a space that the key of this device does not open.',
      {
        hint: 'Stop the node, then restore the key or the version that made the file, or move the file away. Nothing was changed.',
        cause
      }
    )
  }
}
