/**
 * A secret under a passphrase, as bytes for a file: scrypt makes a key of the
 * passphrase, XChaCha20-Poly1305 encrypts with it.
 *
 * ```
 *  0   8  "LUMOSKEY"      12  16  salt
 *  8   1  version, 1      28  24  nonce
 *  9   1  log2 of N       52   n  secret, encrypted
 * 10   1  r                …  16  Poly1305 tag
 * 11   1  p                …   8  start of the SHA-256 of all before
 * ```
 *
 * The tag covers the first 52 bytes too, so an attacker cannot change what the
 * passphrase is stretched with. The sum at the end is no defence: it tells a
 * damaged file from a wrong passphrase, which look the same to the tag.
 */

import { createHash, randomBytes, scrypt } from 'node:crypto'
import { promisify } from 'node:util'
import { xchacha20poly1305 } from '@noble/ciphers/chacha.js'
import { LumosError } from '../../interface/errors.ts'
import { storeDamaged } from '../database/failure.ts'

const MAGIC = Buffer.from('LUMOSKEY')
const VERSION = 1
const SALT = { from: 12, to: 28 } as const
const NONCE = { from: 28, to: 52 } as const
const HEADER_BYTES = NONCE.to
const TAG_BYTES = 16
const SUM_BYTES = 8

/**
 * A quarter of a second for each guess, and 32 MiB, which the smallest board can spare. One of the
 * settings that OWASP holds to be equal: more rounds for less memory.
 * https://cheatsheetseries.owasp.org/cheatsheets/Password_Storage_Cheat_Sheet.html#scrypt
 */
const COST: Cost = { log2N: 15, r: 8, p: 3 }
/** What a file may ask for: never weaker than this project ever wrote, nor more memory than 256 MiB. */
const LOG2N_MIN = 15
const LOG2N_MAX = 18
const P_MAX = 4

interface Cost {
  readonly log2N: number
  readonly r: number
  readonly p: number
}

const stretch = promisify<string, Uint8Array, number, object, Buffer>(scrypt)

/** Whether these are the bytes of a wrapped secret, of any version. */
export const isWrapped = (bytes: Uint8Array): boolean =>
  Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, MAGIC.length)).equals(MAGIC)

export async function wrap(secret: Uint8Array, passphrase: string): Promise<Uint8Array> {
  const { log2N, r, p } = COST
  const header = Buffer.concat([
    MAGIC,
    Buffer.of(VERSION, log2N, r, p),
    randomBytes(SALT.to - SALT.from),
    randomBytes(NONCE.to - NONCE.from)
  ])
  const sealed = (await cipherOf(header, COST, passphrase)).encrypt(secret)
  const whole = Buffer.concat([header, sealed])
  return Buffer.concat([whole, sumOf(whole)])
}

/**
 * The secret, or undefined when the passphrase is a wrong one.
 *
 * @param path for the words of an error.
 * @throws {LumosError} `STORE_DAMAGED`, or `HOME_NEWER` for a version that this program does not know.
 */
export async function unwrap(
  bytes: Uint8Array,
  passphrase: string,
  path: string
): Promise<Uint8Array | undefined> {
  const whole = Buffer.from(bytes)
  checkWhole(whole, path)
  const header = whole.subarray(0, HEADER_BYTES)
  const cost = costOf(header, path)
  const cipher = await cipherOf(header, cost, passphrase)
  try {
    return cipher.decrypt(whole.subarray(HEADER_BYTES, -SUM_BYTES))
  } catch {
    return undefined
  }
}

function checkWhole(whole: Buffer, path: string): void {
  const version = whole[MAGIC.length]
  if (whole.length <= HEADER_BYTES + TAG_BYTES + SUM_BYTES) throw damaged(path, 'its end is missing')
  if (!sumOf(whole.subarray(0, -SUM_BYTES)).equals(whole.subarray(-SUM_BYTES))) {
    throw damaged(path, 'its bytes have changed')
  }
  if (version !== VERSION) {
    throw new LumosError('HOME_NEWER', `${path} was written by a newer version of lumos-node.`, {
      hint: 'Install that version. Nothing was changed.'
    })
  }
}

function costOf(header: Buffer, path: string): Cost {
  const [log2N, r, p] = header.subarray(MAGIC.length + 1, SALT.from) as unknown as [number, number, number]
  const sound = log2N >= LOG2N_MIN && log2N <= LOG2N_MAX && r === COST.r && p >= 1 && p <= P_MAX
  if (!sound) throw damaged(path, 'its passphrase would be stretched too little or too much')
  return { log2N, r, p }
}

async function cipherOf(header: Buffer, { log2N, r, p }: Cost, passphrase: string) {
  const N = 2 ** log2N
  // The same passphrase typed on another keyboard may come in other code points.
  const key = await stretch(passphrase.normalize('NFKC'), header.subarray(SALT.from, SALT.to), 32, {
    N,
    r,
    p,
    // 128·N·r for the table and 128·r·p beside it, by RFC 7914; a little more for OpenSSL's own.
    maxmem: 128 * N * r + 128 * r * p + 64 * 1024
  })
  return xchacha20poly1305(key, header.subarray(NONCE.from, NONCE.to), header)
}

const sumOf = (bytes: Uint8Array): Buffer =>
  createHash('sha256').update(bytes).digest().subarray(0, SUM_BYTES)

const damaged = (path: string, reason: string): LumosError =>
  storeDamaged(path, reason, 'Restore it from a backup. Without it this device is a new peer.')
