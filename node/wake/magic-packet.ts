/** The packet that wakes a network card: six bytes of ones, and its address sixteen times (AMD publication 20213). */

const SYNC_BYTES = 6
const REPEATS = 16

export function magicPacket(mac: Uint8Array): Uint8Array {
  const packet = new Uint8Array(SYNC_BYTES + REPEATS * mac.byteLength).fill(0xff, 0, SYNC_BYTES)
  for (let i = 0; i < REPEATS; i++) packet.set(mac, SYNC_BYTES + i * mac.byteLength)
  return packet
}
