/**
 * A charter says what a space is: the rights of devices and roles, its keys, which writers no longer count. Each version is
 * signed by an owner of the version before; the first one by its creator, whose key the id of the space is made of.
 */

import * as z from 'zod'
import { LumosError } from '../../interface/errors.ts'
import { PeerIdText, Role } from '../../interface/membership.ts'
import { SPACE_RIGHTS, type SpaceRight } from '../../interface/memory.ts'
import { encodeControl } from '../wire/control.ts'
import { sha256 } from './envelope.ts'
import { CHARTER_BYTES_MAX, EPOCHS_MAX, FORGOTTEN_MAX, GRANTS_MAX, WRITERS_MAX } from './limits.ts'
import { Bytes, bytesOf, Life } from './shapes.ts'
import { keyOf, type SigningKey } from './signed.ts'
import { openPayload, type SignedPayload, sealPayload } from './signed-payload.ts'

const DOMAIN = 'lumos/memory/charter/1'
const BASE32 = 'abcdefghijklmnopqrstuvwxyz234567'

/** The first version refuses a charter with another right in its grants. */
const Right = z.enum(SPACE_RIGHTS).exclude(['carry'])
const To = z.union([PeerIdText, Role])
/** A box of a few texts. */
const SEALED_BYTES_MAX = 96 * 1024

const CharterWire = z.object({
  version: z.int().min(1),
  /** Hash of the version before; 32 zeros for the first. */
  previous: bytesOf(32),
  creator: PeerIdText,
  /** By the creator's chance; the id of the space is made of both. */
  nonce: bytesOf(16),
  /** The mesh that it is shared in; null as long as it never was. */
  mesh: PeerIdText.nullable(),
  grants: z.array(z.object({ to: To, right: Right })).max(GRANTS_MAX),
  /** Those that carry the space. The first version leaves them out of what it signs. */
  carriers: z.array(To).max(GRANTS_MAX).optional(),
  /** `check` is a hash of the key; `previous` is the key before, encrypted with this one. */
  epochs: z
    .array(z.object({ check: bytesOf(32), previous: Bytes.nullable() }))
    .min(1)
    .max(EPOCHS_MAX),
  /**
   * Devices that lost a right, and the one they have now. Up to where each life counts; one that is not listed counts in
   * full where the device may write again, else not at all.
   */
  ended: z
    .array(
      z.object({
        device: PeerIdText,
        right: z.enum(['none', 'read', 'write']),
        lives: z.array(z.object({ life: Life, seq: z.int().min(0) })).max(WRITERS_MAX)
      })
    )
    .max(WRITERS_MAX),
  /** Devices of which nothing counts. */
  excluded: z.array(PeerIdText).max(WRITERS_MAX),
  /** Tags of documents that are to be forgotten. */
  forgotten: z.array(bytesOf(16)).max(FORGOTTEN_MAX),
  /** The space itself is to be forgotten. */
  gone: z.boolean(),
  /** {@link CharterSecrets}, under the newest key. */
  sealed: Bytes.refine(value => value.length <= SEALED_BYTES_MAX, { error: 'is too long' }),
  /** The device that signed this version. */
  by: PeerIdText
})

/** Carriers are among the grants. */
export interface Charter extends Omit<z.infer<typeof CharterWire>, 'grants' | 'carriers'> {
  readonly grants: readonly { readonly to: string; readonly right: SpaceRight }[]
}

const Charter = CharterWire.transform(
  ({ grants, carriers = [], ...charter }): Charter => ({
    ...charter,
    grants: [...grants, ...carriers.map(to => ({ to, right: 'carry' as const }))]
  })
)

function encoded({ grants, ...charter }: Charter): Uint8Array {
  const carriers = grants.filter(({ right }) => right === 'carry').map(({ to }) => to)
  return encodeControl({
    ...charter,
    grants: grants.filter(({ right }) => right !== 'carry'),
    ...(carriers.length > 0 && { carriers })
  })
}

/** What of a charter only readers know. */
export const CharterSecrets = z.object({
  name: z.string().max(64),
  /** How often a document of this name was forgotten: the next one of the name is another document. */
  forgotten: z.array(z.tuple([z.string().max(64), z.int().min(1)])).max(FORGOTTEN_MAX)
})
export type CharterSecrets = z.infer<typeof CharterSecrets>

export interface SignedCharter extends SignedPayload {
  readonly charter: Charter
}

const KIND = { what: 'charter', domain: DOMAIN, schema: Charter, bytesMax: CHARTER_BYTES_MAX }

/** @throws {LumosError} `MEMORY_FULL` */
export function sealCharter(charter: Charter, key: SigningKey): SignedCharter {
  const signed = sealPayload(DOMAIN, encoded(charter), key)
  if (signed.record.length > CHARTER_BYTES_MAX)
    throw new LumosError('MEMORY_FULL', `The charter of a space would be over ${CHARTER_BYTES_MAX} bytes.`)
  return { charter, ...signed }
}

/** @throws {LumosError} as {@link openPayload}. */
export function openCharter(wire: Uint8Array): SignedCharter {
  const { value: charter, ...signed } = openPayload(wire, KIND)
  return { charter, ...signed }
}

/** No other creator can make a space of this id. */
export const spaceIdOf = ({ creator, nonce }: Pick<Charter, 'creator' | 'nonce'>): Uint8Array =>
  sha256('lumos/memory/space/1', keyOf(creator), nonce).subarray(0, 16)

export function spaceText(id: Uint8Array): string {
  let text = ''
  for (let bit = 0; bit < 128; bit += 5) {
    const two = ((id[bit >> 3]! << 8) | (id[(bit >> 3) + 1] ?? 0)) & 0xffff
    text += BASE32[(two >> (11 - (bit & 7))) & 31]
  }
  return text
}
