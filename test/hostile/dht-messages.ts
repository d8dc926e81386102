/** Messages of the DHT and of identify, written by hand: the libraries send no wrong ones. */

import { type Multiaddr, multiaddr } from '@multiformats/multiaddr'

export const DHT_TYPE = { putValue: 0, addProvider: 2, getProviders: 3, findNode: 4 } as const

/** Some peer, and where it is said to be. */
export interface Hint {
  /** Its multihash. */
  readonly id: Uint8Array
  readonly addresses: readonly Uint8Array[]
}

function varint(number: number): Uint8Array {
  const bytes: number[] = []
  for (let left = number; ; left >>>= 7) {
    bytes.push(left < 0x80 ? left : (left & 0x7f) | 0x80)
    if (left < 0x80) return Uint8Array.from(bytes)
  }
}

/** Varint length, then the message. */
export const framed = (body: Uint8Array): Uint8Array => Buffer.concat([varint(body.length), body])

/** A field of a protocol buffer that holds bytes. */
export const field = (number: number, bytes: Uint8Array): Uint8Array =>
  Buffer.concat([varint((number << 3) | 2), varint(bytes.length), bytes])

const hint = (number: number, { id, addresses }: Hint): Uint8Array =>
  field(number, Buffer.concat([field(1, id), ...addresses.map(address => field(2, address))]))

interface DhtMessage {
  readonly type: number
  readonly key?: Uint8Array
  readonly record?: Uint8Array
  readonly closer?: readonly Hint[]
  readonly providers?: readonly Hint[]
}

export const dhtMessage = ({ type, key, record, closer = [], providers = [] }: DhtMessage): Uint8Array =>
  framed(
    Buffer.concat([
      Uint8Array.of(8, type),
      ...(key === undefined ? [] : [field(2, key)]),
      ...(record === undefined ? [] : [field(3, record)]),
      ...closer.map(peer => hint(8, peer)),
      ...providers.map(peer => hint(9, peer))
    ])
  )

/** `count` addresses nobody listens at, each once. */
export const deadAddresses = (count: number): Multiaddr[] =>
  Array.from({ length: count }, (_, i) => multiaddr(`/ip4/127.1.${i >> 8}.${i & 255}/tcp/9`))
