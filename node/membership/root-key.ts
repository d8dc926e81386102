/**
 * The key that is the mesh. Few devices hold it, and its owner may keep it on
 * paper instead: as text it is its seed, with a checksum.
 */

import { generateKeyPairFromSeed } from '@libp2p/crypto/keys'
import type { Ed25519PrivateKey } from '@libp2p/interface'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { InvalidInputError } from '../../interface/errors.ts'
import { removeFileDurably } from '../../storage/database/durable-file.ts'
import { createKey, type KeyOptions, loadKey, replaceKey } from '../../storage/keys/keychain.ts'
import { fromSealedText, toSealedText } from './sealed-text.ts'

const SCHEME = 'lumos-root:'
const SEED_BYTES = 32

export const meshIdOf = (key: Ed25519PrivateKey): string => peerIdFromPrivateKey(key).toString()

export class RootKey {
  readonly #path: string
  readonly #options: KeyOptions
  #key: Ed25519PrivateKey | undefined

  constructor(path: string, options: KeyOptions) {
    this.#path = path
    this.#options = options
  }

  /** @throws {LumosError} as {@link loadKey}. */
  async load(): Promise<void> {
    this.#key = await loadKey(this.#path, this.#options)
  }

  /** The key of this mesh, when this device holds it. */
  of(mesh: string): Ed25519PrivateKey | undefined {
    return this.#key !== undefined && meshIdOf(this.#key) === mesh ? this.#key : undefined
  }

  /** A key for a new mesh. One that is there already is what a crash before its mesh was made left. */
  async create(): Promise<Ed25519PrivateKey> {
    this.#key ??= await createKey(this.#path, this.#options)
    return this.#key
  }

  /** In place of the key of a mesh that this device is not in. */
  async replace(key: Ed25519PrivateKey): Promise<void> {
    await replaceKey(this.#path, key, this.#options)
    this.#key = key
  }

  /** Off this device, for good once this returns. */
  remove(): void {
    removeFileDurably(this.#path)
    this.#key = undefined
  }
}

export const rootKeyToText = (key: Ed25519PrivateKey): string =>
  SCHEME + toSealedText(key.raw.subarray(0, SEED_BYTES))

/** @throws {InvalidInputError} when it is no root key, or was not copied right. */
export async function rootKeyFromText(text: string): Promise<Ed25519PrivateKey> {
  const seed = fromSealedText(text.trim().replace(/^lumos-root:/i, ''))
  if (seed?.byteLength !== SEED_BYTES) {
    throw new InvalidInputError('This is no root key, or it was not copied right.', {
      hint: 'It is one line that begins with lumos-root: and was printed by lumos-node mesh export.'
    })
  }
  return await generateKeyPairFromSeed('Ed25519', seed)
}
