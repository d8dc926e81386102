/** One space as it is in memory: its charter, its keys, and where each writer's chain ends. */

import { LumosError } from '../../../interface/errors.ts'
import type { SpacePart } from '../../../interface/memory.ts'
import {
  type CharterSecrets,
  openCharter,
  type SignedCharter,
  spaceText
} from '../../../protocols/memory/charter.ts'
import { type Envelope, equal, lifeBytes, sha256 } from '../../../protocols/memory/envelope.ts'
import { LIVES_MAX, WRITERS_MAX } from '../../../protocols/memory/limits.ts'
import { keyOf } from '../../../protocols/memory/signed.ts'
import type { SpaceRow } from '../../../storage/memory/rows.ts'
import type { ChainHead, Dependency } from '../log/chain-core.ts'
import { type Head, type WriterId, writerName } from '../types.ts'
import { Keyring } from './keyring.ts'
import { type LostKey, openLocal, sealedLocal, secretsIn } from './local.ts'
import type { Parts } from './parts.ts'
import { Pending } from './pending.ts'

const NO_SECRETS: CharterSecrets = { name: '', forgotten: [] }
export const NO_HEAD: ChainHead = { seq: 0, hash: new Uint8Array(32), clock: 0 }

export interface Writer extends WriterId {
  readonly id: number
  readonly name: string
  readonly client: number
  head: ChainHead
  /** Of its envelopes that are here, and of what it has in the checkpoint. */
  bytes: number
}

export class Space {
  readonly row: number
  readonly name: Uint8Array
  readonly id: string
  readonly keyring: Keyring
  readonly writers = new Map<string, Writer>()
  readonly writersById = new Map<number, Writer>()
  readonly pending = new Pending()
  /** By writer: one of two envelopes that prove that it signed a number twice. */
  readonly halves = new Map<string, Envelope>()
  readonly #parts: Parts
  /** As documents know them. */
  readonly writersByClient = new Map<number, Writer>()
  charter: SignedCharter
  /** As it is called here, unlike any other space here. */
  localName: string
  life: string
  /** It has no key here, and what is in its log was never read: that is kept for others. */
  carried: boolean
  /** What of its log this device keeps. */
  part: SpacePart
  secrets: CharterSecrets = NO_SECRETS
  /** Changed by `lost-keys.ts` only. */
  lost: readonly LostKey[]
  /** Heads of others that this device's last envelope in this run depended on, by name. */
  readonly seen = new Map<string, number>()
  /** Of the log and the checkpoint: without the snapshots that this device makes of the same. */
  bytes: number
  /** Whether the log may have envelopes that the checkpoint has too. */
  keepsCovered = true
  /** Of the readable content; none when something came since. */
  hash: string | undefined

  constructor(parts: Parts, { id, name, sealed, life }: SpaceRow) {
    this.#parts = parts
    this.row = id
    this.name = name
    this.id = spaceText(name)
    this.life = life
    this.charter = openCharter(parts.spaces.newestCharter(id))
    this.keyring = new Keyring(this.id)
    const local = openLocal(parts.homeKey, sealed)
    this.localName = local.name
    this.lost = local.lost
    this.carried = local.carried
    this.part = local.part
    for (const { key } of local.lost) this.keyring.learn(key)
    if (local.key !== null) this.#take(local.key)
    for (const { device, life, client, seq, hash, clock, frozen, id } of parts.spaces.writers(this.row)) {
      const head = { seq, hash, clock, frozen: frozen ?? undefined }
      this.#keep({ id, device, life, client, name: writerName({ device, life }), head, bytes: 0 })
    }
    this.bytes = 0
    this.weigh()
  }

  /** After rows have left the disk, or others came in their place. */
  weigh(): void {
    const { log } = this.#parts
    this.bytes = log.heldBytes(this.row)
    for (const writer of this.writers.values()) writer.bytes = 0
    for (const { writer, bytes } of this.#parts.spaces.bytesOfWriters(this.row)) {
      const known = this.writersById.get(writer)
      if (known !== undefined) known.bytes = bytes
    }
  }

  /** What a device has written here, in all its lives. */
  bytesOf(device: string): number {
    let bytes = 0
    for (const writer of this.writers.values()) if (writer.device === device) bytes += writer.bytes
    return bytes
  }

  get isReadable(): boolean {
    return !this.carried && this.keyring.newest(this.charter.charter) !== undefined
  }

  get key(): Uint8Array {
    const key = this.keyring.newest(this.charter.charter)
    if (this.carried)
      throw new LumosError(
        'MEMORY_DENIED',
        `This device carries the space ${this.localName} for others, and cannot read it.`
      )
    if (key !== undefined) return key
    throw new LumosError('MEMORY_DENIED', `The key of the space ${this.localName} has not come yet.`)
  }

  /** The newest key, where it is the one that the charter means. */
  takeKey(key: Uint8Array): boolean {
    if (!this.#take(key)) return false
    this.keepLocal(key)
    return true
  }

  keepLocal(key: Uint8Array | null): void {
    const { localName, lost, carried, part } = this
    const sealed = sealedLocal(this.#parts.homeKey, { name: localName, key, lost: [...lost], carried, part })
    this.#parts.spaces.keepSealed(this.row, sealed)
  }

  #take(key: Uint8Array): boolean {
    const { charter } = this.charter
    if (!this.keyring.take(key, charter)) return false
    this.secrets = secretsIn(this.id, charter, key) ?? this.secrets
    return true
  }

  /** What was opened stays open elsewhere: this is the memory of one space. */
  dropKeys(): void {
    this.keyring.forget()
    this.lost = []
    this.secrets = NO_SECRETS
    this.hash = undefined
  }

  writer(of: WriterId): Writer | undefined {
    return this.writers.get(writerName(of))
  }

  /**
   * @param livesMax of one device. What an owner has signed is taken whole.
   * @throws {LumosError} `MEMORY_INVALID`: its numbers in documents are those of another writer; `MEMORY_FULL`.
   */
  addWriter({ device, life }: WriterId, livesMax = LIVES_MAX): Writer {
    const client = clientOf({ device, life })
    if (client === 0 || this.writersByClient.has(client))
      throw new LumosError(
        'MEMORY_INVALID',
        `The life ${life} of ${device} has the number of another writer.`
      )
    if (this.writers.size >= WRITERS_MAX)
      throw new LumosError('MEMORY_FULL', `A space has ${WRITERS_MAX} writers at most.`)
    const lives = [...this.writers.values()].filter(one => one.device === device).length
    if (lives >= livesMax)
      throw new LumosError('MEMORY_FULL', `A device has ${livesMax} lives in a space at most: ${device}.`)
    const id = this.#parts.spaces.addWriter(this.row, device, life, client)
    const name = writerName({ device, life })
    return this.#keep({ id, device, life, client, name, head: NO_HEAD, bytes: 0 })
  }

  #keep(writer: Writer): Writer {
    this.writers.set(writer.name, writer)
    this.writersById.set(writer.id, writer)
    this.writersByClient.set(writer.client, writer)
    return writer
  }

  moveHead(writer: Writer, head: ChainHead): void {
    writer.head = head
    this.#parts.spaces.moveHead({ id: writer.id, ...head, frozen: head.frozen ?? null })
  }

  dependency(on: WriterId & { seq: number }): Dependency {
    const writer = this.writer(on)
    if (writer === undefined) return { state: 'missing' }
    const { head } = writer
    if (head.frozen !== undefined && on.seq >= head.frozen) return { state: 'unclocked', clock: head.clock }
    if (on.seq > head.seq) return { state: 'missing' }
    if (on.seq === head.seq) return { state: 'applied', clock: head.clock }
    const clock = this.#parts.log.clock(writer.id, on.seq)
    return clock === undefined ? { state: 'unclocked', clock: 0 } : { state: 'applied', clock }
  }

  heads(): Head[] {
    return [...this.writers.values()]
      .filter(({ head }) => head.seq > 0 || head.frozen !== undefined)
      .map(({ id, device, life, head }) => {
        const writer = { device, life }
        if (head.frozen === undefined) return { writer, seq: head.seq, hash: head.hash }
        // Who states another hash has not seen the same proof.
        const hashes = this.#parts.log.proofs(id).map(({ hash }) => hash)
        return { writer, seq: head.frozen, hash: sha256(...hashes), frozen: true }
      })
  }

  /** Writers of which nothing counts, as documents know them. */
  excludedClients(): Set<number> {
    const { excluded } = this.charter.charter
    const found = [...this.writers.values()].filter(({ device }) => excluded.includes(device))
    return new Set(found.map(({ client }) => client))
  }

  isForgotten(tag: Uint8Array): boolean {
    return this.charter.charter.forgotten.some(one => equal(one, tag))
  }
}

/** The number of a writer in Yjs documents: of its key and life, so that no device can write as another. */
function clientOf({ device, life }: WriterId): number {
  const hash = sha256('lumos/memory/client/1', keyOf(device), lifeBytes(life))
  return new DataView(hash.buffer, hash.byteOffset).getUint32(0)
}
