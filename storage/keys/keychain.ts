/**
 * The keys of this node, each a file of its own, for its owner only: a libp2p
 * protobuf, the form that other libp2p programs read too, or the same under a
 * passphrase.
 *
 * A key is made once and overwritten by another only when its owner asks for
 * that: a node with another identity is another peer, which no device knows.
 */

import { chmodSync, existsSync, readFileSync, statSync } from 'node:fs'
import { basename } from 'node:path'
import type { Ed25519PrivateKey } from '@libp2p/interface'
import { LumosError } from '../../interface/errors.ts'
import type { Logger } from '../../interface/lifecycle.ts'
import { PRIVATE_FILE_MODE, writeFileDurably } from '../database/durable-file.ts'
import { storeDamaged, storeFailure } from '../database/failure.ts'
import { isWrapped, unwrap, wrap } from './key-wrap.ts'
import { checkNewPassphrase } from './passphrase.ts'

const SEED_BYTES = 32

export interface KeyOptions {
  /** Opens keys that are protected, and protects those that are made. */
  readonly passphrase?: string
  readonly log?: Logger
}

/**
 * The key at `path`, or undefined when there is none.
 *
 * @throws {LumosError} `STORE_DAMAGED` when a single bit of it changed; `KEY_LOCKED` when it is
 * protected and the passphrase is missing or wrong. The file stays as it is.
 */
export async function loadKey(
  path: string,
  options: KeyOptions = {}
): Promise<Ed25519PrivateKey | undefined> {
  const bytes = readIfThere(path)
  if (bytes === undefined) return undefined

  tighten(path, options.log)
  if (isWrapped(bytes)) return parseKey(path, await open(path, bytes, options.passphrase))
  if (options.passphrase !== undefined) {
    options.log?.warn({ path }, 'This key is not under the passphrase yet: lumos-node key protect')
  }
  return parseKey(path, bytes)
}

/**
 * A new key, durably at `path`.
 *
 * @throws {LumosError} as {@link storeKey} does.
 */
export async function createKey(path: string, options: KeyOptions = {}): Promise<Ed25519PrivateKey> {
  // Loaded when used: these cost more than all other imports of this folder.
  const { generateKeyPair } = await import('@libp2p/crypto/keys')
  const key = await generateKeyPair('Ed25519')
  await storeKey(path, key, options)
  return key
}

/**
 * Keep `key` at `path`; durable once this resolves.
 *
 * @throws {LumosError} `DENIED` when a file is there already, `INVALID_INPUT` for a passphrase that is too short.
 */
export async function storeKey(
  path: string,
  key: Ed25519PrivateKey,
  options: KeyOptions = {}
): Promise<void> {
  if (existsSync(path))
    throw new LumosError('DENIED', `${path} is there already, and keys are never replaced.`)
  await replaceKey(path, key, options)
}

/**
 * Keep `key` at `path` in place of the one that may be there. The old key stays until the new one is durable.
 * Throws as {@link storeKey} does, but for a file that is there already.
 */
export async function replaceKey(
  path: string,
  key: Ed25519PrivateKey,
  { passphrase }: KeyOptions = {}
): Promise<void> {
  const { privateKeyToProtobuf } = await import('@libp2p/crypto/keys')
  const plain = privateKeyToProtobuf(key)
  if (passphrase !== undefined) checkNewPassphrase(passphrase)
  writeFileDurably(path, passphrase === undefined ? plain : await wrap(plain, passphrase))
}

/** The identity of this node, made on first use. Throws as {@link loadKey} and {@link storeKey} do. */
export async function loadIdentityKey(path: string, options: KeyOptions = {}): Promise<Ed25519PrivateKey> {
  return (await loadKey(path, options)) ?? (await createKey(path, options))
}

/**
 * Another key in place of the one at `path`, durably and at once: whatever the old one was good for has ended.
 * Throws as {@link storeKey} does, but for a file that is there already.
 */
export async function renewKey(path: string, options: KeyOptions = {}): Promise<Ed25519PrivateKey> {
  const { generateKeyPair } = await import('@libp2p/crypto/keys')
  const key = await generateKeyPair('Ed25519')
  await replaceKey(path, key, options)
  return key
}

/** Whether a passphrase is needed to load the key at `path`. */
export function isKeyProtected(path: string): boolean {
  const bytes = readIfThere(path)
  return bytes !== undefined && isWrapped(bytes)
}

async function open(path: string, bytes: Uint8Array, passphrase: string | undefined): Promise<Uint8Array> {
  if (passphrase === undefined) throw keyLocked(path, 'missing')
  const plain = await unwrap(bytes, passphrase, path)
  if (plain === undefined) throw keyLocked(path, 'wrong')
  return plain
}

export function keyLocked(path: string, reason: 'missing' | 'wrong'): LumosError {
  const [message, hint] = {
    missing: [
      `${basename(path)} is protected by a passphrase, and none was given.`,
      'Start the node in a terminal, or set keys.passphraseFile to a file that holds it.'
    ],
    wrong: [
      `The passphrase does not open ${basename(path)}.`,
      'Nothing was changed. Try again; a forgotten passphrase cannot be recovered.'
    ]
  }[reason]
  return new LumosError('KEY_LOCKED', message!, { hint, details: { path, reason } })
}

export async function parseKey(path: string, bytes: Uint8Array): Promise<Ed25519PrivateKey> {
  const { generateKeyPairFromSeed, privateKeyFromProtobuf, privateKeyToProtobuf } = await import(
    '@libp2p/crypto/keys'
  )
  try {
    const key = privateKeyFromProtobuf(bytes)
    // libp2p believes the public half that the file holds. Making it again from
    // the seed notices any change to either.
    const remade = await generateKeyPairFromSeed('Ed25519', key.raw.subarray(0, SEED_BYTES))
    if (Buffer.compare(privateKeyToProtobuf(remade), bytes) === 0) return remade
    throw new Error('its halves do not belong together')
  } catch (err) {
    const reason = err instanceof Error ? err.message : String(err)
    const hint =
      'Restore it from a backup. Without it this device is a new peer: move the file away to start as one.'
    throw storeDamaged(path, `no Ed25519 key can be read from it (${reason})`, hint, err)
  }
}

function readIfThere(path: string): Uint8Array | undefined {
  try {
    return readFileSync(path)
  } catch (err) {
    if ((err as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw storeFailure(err, path)
  }
}

function tighten(path: string, log: Logger | undefined): void {
  if (process.platform === 'win32' || (statSync(path).mode & 0o077) === 0) return

  chmodSync(path, PRIVATE_FILE_MODE)
  log?.warn({ path }, 'Others on this device could read this key. Only its owner can now.')
}
