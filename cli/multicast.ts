/** Whether Linux would send a multicast packet at all. Without a route mDNS finds nothing, and says nothing. */

const MULTICAST = 0xe0000000
const UP = 0x1

/** @param table the content of `/proc/net/route`: addresses in hexadecimal, in the byte order of the machine. */
export function hasMulticastRoute(table: string): boolean {
  return table
    .split('\n')
    .slice(1)
    .map(line => line.trim().split(/\s+/))
    .filter(fields => fields.length >= 8)
    .some(([, destination, , flags, , , , mask]) => {
      const bits = addressOf(mask!)
      return (Number.parseInt(flags!, 16) & UP) !== 0 && (MULTICAST & bits) >>> 0 === addressOf(destination!)
    })
}

/** The machines this runs on are little-endian, so the first byte of the address is the last one written. */
function addressOf(hex: string): number {
  return Buffer.from(hex, 'hex').readUInt32LE(0)
}
