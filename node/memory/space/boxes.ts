/** Encryption of memory: boxes under a key of a space, and keys sealed to a device. */

import { hkdfSync, randomBytes } from 'node:crypto'
import { xchacha20poly1305 } from '@noble/ciphers/chacha.js'
import { ed25519, x25519 } from '@noble/curves/ed25519.js'
import { sha256 } from '../../../protocols/memory/envelope.ts'
import { keyOf, type SigningKey } from '../../../protocols/memory/signed.ts'

const KEY_BYTES = 32
const NONCE_BYTES = 24

export const newKey = (): Uint8Array => new Uint8Array(randomBytes(KEY_BYTES))
export const newNonce = (): Uint8Array => new Uint8Array(randomBytes(16))
export const newLife = (): string => randomBytes(6).toString('hex')

/** @param about what the box belongs to: it opens as nothing else. */
export function seal(key: Uint8Array, about: string, plain: Uint8Array): Uint8Array {
  const nonce = randomBytes(NONCE_BYTES)
  const cipher = xchacha20poly1305(key, nonce, Buffer.from(about)).encrypt(plain)
  return new Uint8Array(Buffer.concat([nonce, cipher]))
}

/** Throws where the key, the purpose or a bit of the box is another one. */
export const unseal = (key: Uint8Array, about: string, box: Uint8Array): Uint8Array =>
  xchacha20poly1305(key, box.subarray(0, NONCE_BYTES), Buffer.from(about)).decrypt(box.subarray(NONCE_BYTES))

/** The key under which this device keeps what only it may read. */
export const homeKey = ({ seed }: SigningKey): Uint8Array =>
  new Uint8Array(hkdfSync('sha256', seed, '', 'lumos/memory/home/1', KEY_BYTES))

/** A key that only this device opens, by an Ed25519 key as an X25519 one. */
export function sealTo(peerId: string, about: string, plain: Uint8Array): Uint8Array {
  const to = ed25519.utils.toMontgomery(keyOf(peerId))
  const once = randomBytes(KEY_BYTES)
  const from = x25519.getPublicKey(once)
  const key = sharedKey(x25519.getSharedSecret(once, to), from, to)
  return new Uint8Array(Buffer.concat([from, seal(key, about, plain)]))
}

export function unsealOwn(own: SigningKey, about: string, box: Uint8Array): Uint8Array {
  const from = box.subarray(0, KEY_BYTES)
  const secret = ed25519.utils.toMontgomerySecret(own.seed)
  const key = sharedKey(x25519.getSharedSecret(secret, from), from, ed25519.utils.toMontgomery(own.publicKey))
  return unseal(key, about, box.subarray(KEY_BYTES))
}

const sharedKey = (shared: Uint8Array, from: Uint8Array, to: Uint8Array): Uint8Array =>
  sha256('lumos/memory/sealed-key/1', shared, from, to)
