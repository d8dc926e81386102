/** Named tokens: what each lets a program do at the gateway, and until when. */

import * as z from 'zod'
import { PERMISSIONS } from './units.ts'

/** A person's programs, with room. Each takes a line of a file that is read at the start. */
export const TOKENS_MAX = 64
const NAME = /^[A-Za-z0-9][\w.-]{0,63}$/
/** A unit, or the beginning of some. */
const UNITS = /^[a-z][a-z0-9_]*\.(?:[a-z0-9_]*\*|[a-z0-9_]+)$/
const UNITS_MAX = 64
const UNIT_CHARS_MAX = 128

const UNIT_S: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 }
/** Ten years. */
const EXPIRES_S_MAX = 10 * 365 * 86_400

/** Seconds that `30d`, `12h`, `5m` or `90s` stands for; undefined for anything else, nothing, and more than ten years. */
export function expiresInS(text: string): number | undefined {
  const [, count, unit] = /^(\d{1,9})([smhd])$/.exec(text) ?? []
  if (count === undefined) return undefined
  const seconds = Number(count) * UNIT_S[unit!]!
  return seconds > 0 && seconds <= EXPIRES_S_MAX ? seconds : undefined
}

export const TokenName = z
  .string()
  .regex(NAME, { error: 'expected up to 64 letters, digits, points and dashes' })

const Permissions = z
  // Secrets are handed out on the local socket only, so no token has `keys`.
  .array(z.enum(PERMISSIONS).exclude(['keys']))
  .min(1)
  .max(PERMISSIONS.length - 1)
const Units = z
  .array(
    z
      .string()
      .max(UNIT_CHARS_MAX)
      .regex(UNITS, { error: 'expected a unit, or a beginning such as inference.*' })
  )
  .min(1)
  .max(UNITS_MAX)

export const NewToken = z.strictObject({
  name: TokenName,
  permissions: Permissions,
  /** Units that it may call, by name or beginning. Absent: all that its permissions allow. */
  units: Units.optional(),
  expiresIn: z
    .string()
    .refine(text => expiresInS(text) !== undefined, { error: 'expected a time such as 30d, 12h or 5m' })
    .optional()
})
export type NewToken = z.output<typeof NewToken>

export const NamedToken = z.strictObject({
  name: TokenName,
  permissions: Permissions,
  units: Units.nullable(),
  createdAtMs: z.int(),
  expiresAtMs: z.int().nullable(),
  /** After a restart up to an hour old. */
  lastUsedAtMs: z.int().nullable()
})
export type NamedToken = z.output<typeof NamedToken>

/** A token as it is kept: of its secret there is only the hash. */
export const TokenRecord = NamedToken.extend({ sha256: z.base64url().length(43) })
export type TokenRecord = z.output<typeof TokenRecord>

/** Where tokens are kept. */
export interface TokenStore {
  /** @throws {LumosError} `STORE_DAMAGED` */
  read(): readonly TokenRecord[]
  /** Durable when it returns. */
  write(tokens: readonly TokenRecord[]): void
  /** A new secret, not to be guessed. */
  newSecret(): string
}

export interface Tokens {
  /** @throws {LumosError} `INVALID_INPUT` where the name is taken, or there are too many. */
  create(wanted: NewToken): { readonly secret: string; readonly token: NamedToken }
  list(): readonly NamedToken[]
  /** Ends what was begun with it. @throws {LumosError} `TOKEN_NOT_FOUND` */
  revoke(name: string): void
}
