/**
 * The identity of this node: its Ed25519 key, in `identity.key` as libp2p's
 * protobuf, the form that other libp2p programs read too.
 *
 * It is made once and never overwritten: a node with another key is another
 * peer, whom nobody knows.
 */

import { chmodSync, readFileSync, statSync } from 'node:fs'
import type { Ed25519PrivateKey } from '@libp2p/interface'
import type { Logger } from '../interface/lifecycle.ts'
import { PRIVATE_FILE_MODE, writeFileDurably } from './durable-file.ts'
import { storeDamaged, storeFailure } from './failure.ts'

const SEED_BYTES = 32

/**
 * The key at `path`, made on first use.
 *
 * @throws {LumosError} `STORE_DAMAGED` when a single bit of it changed.
 */
export async function loadIdentityKey(path: string, log?: Logger): Promise<Ed25519PrivateKey> {
  const bytes = readIfThere(path)
  if (bytes === undefined) return createKey(path)

  tighten(path, log)
  return parseKey(path, bytes)
}

async function createKey(path: string): Promise<Ed25519PrivateKey> {
  // Loaded when used: these cost more than all other imports of this folder.
  const { generateKeyPair, privateKeyToProtobuf } = await import('@libp2p/crypto/keys')
  const key = await generateKeyPair('Ed25519')
  writeFileDurably(path, privateKeyToProtobuf(key))
  return key
}

async function parseKey(path: string, bytes: Uint8Array): Promise<Ed25519PrivateKey> {
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
  log?.warn({ path }, 'Others on this device could read the identity key. Only its owner can now.')
}
