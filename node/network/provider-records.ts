/**
 * Which peers have said that they provide what a key names: what the DHT keeps at this node. In memory and bounded, for
 * the library keeps all that it is given, on disk. Providers say so again in time.
 */

import { NotFoundError } from '@libp2p/interface'
import { Key, type Pair } from 'interface-datastore'
import { LumosError } from '../../interface/errors.ts'

/** A device has a few hundred models and tasks, each of which lies at twenty devices. */
const OF_ONE_PEER_MAX = 512
/** Some 300 bytes each. */
const ALL_MAX = 8192
/** As many as one answer names. */
const OF_ONE_KEY_MAX = 20
/** The form of the library: `/dht/provider/KEY/PEER`. */
const RECORD = /^\/dht\/provider\/([a-z2-7]{1,128})\/([A-Za-z0-9]{1,128})$/

interface ProviderRecord {
  readonly name: string
  readonly key: string
  readonly peerId: string
  readonly value: Uint8Array
}

/** As the part of a datastore that the DHT uses for providers. */
export class ProviderRecords {
  readonly #self: string
  /** The oldest first, in each of the three. */
  readonly #all = new Map<string, ProviderRecord>()
  readonly #byPeer = new Map<string, Set<ProviderRecord>>()
  readonly #byKey = new Map<string, Set<ProviderRecord>>()

  /** @param self PeerId of this node, whose own records give way to none. */
  constructor(self: string) {
    this.#self = self
  }

  get size(): number {
    return this.#all.size
  }

  /** @throws {LumosError} `DENIED` for what is no provider record. */
  async put(name: Key, value: Uint8Array): Promise<Key> {
    const text = name.toString()
    const [, key, peerId] = RECORD.exec(text) ?? []
    if (key === undefined || peerId === undefined)
      throw new LumosError('DENIED', 'This mesh keeps no values in its DHT.')
    const record = { name: text, key, peerId, value: Uint8Array.from(value) }
    this.#remove(text)
    this.#all.set(text, record)
    setOf(this.#byPeer, peerId).add(record)
    setOf(this.#byKey, key).add(record)
    if (peerId !== this.#self && this.#byPeer.get(peerId)!.size > OF_ONE_PEER_MAX)
      this.#removeOldest(this.#byPeer.get(peerId)!)
    if (this.#byKey.get(key)!.size > OF_ONE_KEY_MAX) this.#removeOldest(this.#byKey.get(key)!)
    if (this.#all.size > ALL_MAX) this.#removeOldest(this.#largest())
    return name
  }

  async get(name: Key): Promise<Uint8Array> {
    const record = this.#all.get(name.toString())
    if (record === undefined) throw new NotFoundError('There is no such record.')
    return record.value
  }

  async delete(name: Key): Promise<void> {
    this.#remove(name.toString())
  }

  /** All, or those of one key. */
  async *query({ prefix = '' }: { prefix?: string }): AsyncGenerator<Pair> {
    const [, key] = /^\/dht\/provider\/([a-z2-7]+)$/.exec(prefix) ?? []
    const records = key === undefined ? this.#all.values() : (this.#byKey.get(key) ?? [])
    for (const { name, value } of [...records]) yield { key: new Key(name), value }
  }

  /** Of the peer with most. */
  #largest(): Set<ProviderRecord> {
    const others = [...this.#byPeer].filter(([peerId]) => peerId !== this.#self).map(([, records]) => records)
    return others.reduce((largest, records) => (records.size > largest.size ? records : largest))
  }

  #removeOldest(records: ReadonlySet<ProviderRecord>): void {
    for (const { name, peerId } of records) {
      if (peerId === this.#self) continue
      this.#remove(name)
      return
    }
  }

  #remove(name: string): void {
    const record = this.#all.get(name)
    if (record === undefined) return
    this.#all.delete(name)
    for (const [map, part] of [
      [this.#byPeer, record.peerId],
      [this.#byKey, record.key]
    ] as const) {
      const records = map.get(part)!
      records.delete(record)
      if (records.size === 0) map.delete(part)
    }
  }
}

function setOf(map: Map<string, Set<ProviderRecord>>, part: string): Set<ProviderRecord> {
  const known = map.get(part)
  if (known !== undefined) return known
  const fresh = new Set<ProviderRecord>()
  map.set(part, fresh)
  return fresh
}
