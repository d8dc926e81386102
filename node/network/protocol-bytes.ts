/** Bytes of each protocol since the network of a mesh began: it costs an addition for each packet. */

import type { ProtocolTraffic } from '../../interface/metrics.ts'

/** More than a node speaks; both sides know a protocol before bytes are counted for it. */
const PROTOCOLS_MAX = 64
/** For what comes before two devices have agreed on a protocol, and for all further ones. */
const OTHER = 'other'

export class ProtocolBytes {
  readonly #byProtocol = new Map<string, { in: number; out: number }>()
  readonly #other = { in: 0, out: 0 }

  readonly add = (protocol: string, direction: 'in' | 'out', bytes: number): void => {
    const known = this.#byProtocol.get(protocol)
    if (known !== undefined) known[direction] += bytes
    else if (protocol === '' || this.#byProtocol.size >= PROTOCOLS_MAX) this.#other[direction] += bytes
    else this.#byProtocol.set(protocol, { in: 0, out: 0, [direction]: bytes })
  }

  list(): ProtocolTraffic[] {
    const all = [...this.#byProtocol, [OTHER, this.#other] as const]
    return all.map(([protocol, { in: received, out: sent }]) => ({ protocol, received, sent }))
  }
}
