/** Packets of mDNS as bytes, bounded. Every device of the network sends these, and most are not about us. */

import { decode, encode, type Packet } from 'dns-packet'

/** The largest that RFC 6762 allows. */
export const PACKET_BYTES_MAX = 9000
/** A peer answers with a record for each of its addresses and one more. */
export const RECORDS_MAX = 64
const HEADER_BYTES = 12
/** The first label of our service, as it is on the wire. A name may end in a pointer, so the rest is not looked for. */
const LABEL = Buffer.from('\u0006_lumos', 'latin1')

/** Whether it may be about our service. It costs little, as a busy network has hundreds of packets a second that are not. */
export const concernsUs = (bytes: Buffer): boolean => bytes.includes(LABEL)

/** What it says; undefined when it is damaged, or claims more records than any peer sends. */
export function readPacket(bytes: Buffer): Packet | undefined {
  if (bytes.length < HEADER_BYTES || bytes.length > PACKET_BYTES_MAX) return undefined
  // The library makes room for as many records as the header claims.
  const records = [4, 6, 8, 10].reduce((sum, at) => sum + bytes.readUInt16BE(at), 0)
  if (records > RECORDS_MAX) return undefined
  try {
    return decode(bytes)
  } catch {
    return undefined
  }
}

export const writePacket = (packet: Packet): Uint8Array => encode(packet)
