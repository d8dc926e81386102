/**
 * Where devices stand in the picture: this one in the middle, the others around it, the farther away the longer a round
 * trip takes. The place of a device depends on it alone, so it stays where it was when others come and go.
 */

export interface Shown {
  readonly peerId: string
  readonly name: string
  readonly online: boolean
  readonly self: boolean
  /** Null while it is not measured. */
  readonly rttMs: number | null
  /** Whether another device passes everything on. */
  readonly relayed: boolean
  readonly models: number
}

export interface Placed extends Shown {
  /** From the middle, in units of the shorter half of the picture. */
  readonly x: number
  readonly y: number
}

/** Round trips of a LAN are near, of another continent far; the step between is the same at each tenfold. */
const NEAR_MS = 0.3
const FAR_MS = 300
const NEAR = 0.34
const FAR = 0.82
const OFFLINE = 0.95
/** Two that would stand closer than this take different rings. */
const RING = 0.07

export function placed(devices: readonly Shown[]): Placed[] {
  const others = devices.filter(({ self }) => !self).toSorted((a, b) => (a.peerId < b.peerId ? -1 : 1))
  const step = (2 * Math.PI) / Math.max(others.length, 1)
  return devices.map(device => {
    if (device.self) return { ...device, x: 0, y: 0 }
    const index = others.indexOf(device)
    // A little to and fro, so that names of many do not stand on one circle.
    const ring = others.length > 12 ? ((index % 3) - 1) * RING : 0
    const angle = index * step - Math.PI / 2
    const radius = radiusOf(device) + ring
    return { ...device, x: radius * Math.cos(angle), y: radius * Math.sin(angle) }
  })
}

function radiusOf({ online, rttMs }: Shown): number {
  if (!online) return OFFLINE
  const far = Math.log(Math.max(rttMs ?? NEAR_MS, NEAR_MS) / NEAR_MS) / Math.log(FAR_MS / NEAR_MS)
  return NEAR + (FAR - NEAR) * Math.min(1, far)
}
