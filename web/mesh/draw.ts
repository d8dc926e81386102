/** Draws the picture of a mesh once. */

import type { Placed } from './layout.ts'

export interface Pulse {
  readonly peerId: string
  /** Out: a request of this device. In: one that it answers. */
  readonly out: boolean
  readonly beganMs: number
}

/** Long enough to be seen, short enough that a busy mesh does not become a line of them. */
export const PULSE_MS = 900
/** Names of more would cover each other; the one under the pointer is always written. */
const NAMES_MAX = 60
const NODE = 7
const SELF = 11

export interface Look {
  readonly text: string
  readonly dim: string
  readonly line: string
  readonly accent: string
  readonly good: string
  readonly card: string
}

export function lookOf(element: Element): Look {
  const style = getComputedStyle(element)
  const colour = (name: string) => style.getPropertyValue(`--${name}`).trim()
  // light-dark() is resolved in properties that take colours only.
  const probe = document.createElement('span')
  element.append(probe)
  const resolved = (name: string) => {
    probe.style.color = colour(name)
    return getComputedStyle(probe).color
  }
  const look = {
    ...{ text: resolved('text'), dim: resolved('dim'), line: resolved('line') },
    ...{ accent: resolved('accent'), good: resolved('good'), card: resolved('card') }
  }
  probe.remove()
  return look
}

export interface Picture {
  readonly width: number
  readonly height: number
  readonly devices: readonly Placed[]
  readonly pulses: readonly Pulse[]
  readonly marked: string | undefined
  readonly nowMs: number
  readonly look: Look
}

export const pointOf = ({ x, y }: Placed, width: number, height: number): [number, number] => {
  const half = Math.min(width, height) / 2
  // A wide picture is used to its sides.
  return [width / 2 + x * Math.min(width / 2, half * 1.6), height / 2 + y * half]
}

export function draw(context: CanvasRenderingContext2D, picture: Picture): void {
  const { width, height, devices, pulses, marked, nowMs, look } = picture
  context.clearRect(0, 0, width, height)
  const self = devices.find(device => device.self)
  const points = new Map(devices.map(device => [device.peerId, pointOf(device, width, height)]))
  const [cx, cy] = (self && points.get(self.peerId)) ?? [width / 2, height / 2]

  context.lineWidth = 1
  context.strokeStyle = look.line
  for (const relayed of [false, true]) {
    context.setLineDash(relayed ? [4, 4] : [])
    context.beginPath()
    for (const device of devices) {
      if (!device.online || device.self || device.relayed !== relayed) continue
      const [x, y] = points.get(device.peerId)!
      context.moveTo(cx, cy)
      context.lineTo(x, y)
    }
    context.stroke()
  }
  context.setLineDash([])

  for (const { peerId, out, beganMs } of pulses) {
    const point = points.get(peerId)
    if (point === undefined) continue
    const share = Math.min(1, (nowMs - beganMs) / PULSE_MS)
    const along = out ? share : 1 - share
    context.fillStyle = out ? look.accent : look.good
    context.globalAlpha = 1 - share * 0.6
    circle(context, cx + (point[0] - cx) * along, cy + (point[1] - cy) * along, 4)
    context.fill()
  }
  context.globalAlpha = 1

  for (const device of devices) drawDevice(context, device, points.get(device.peerId)!, picture)
  if (devices.length <= NAMES_MAX || marked !== undefined) drawNames(context, points, picture)
}

function drawDevice(
  context: CanvasRenderingContext2D,
  device: Placed,
  [x, y]: [number, number],
  { marked, look }: Picture
): void {
  const size = device.self ? SELF : NODE
  circle(context, x, y, size)
  context.fillStyle = device.online ? (device.models > 0 ? look.accent : look.card) : look.card
  context.fill()
  context.lineWidth = device.peerId === marked ? 3 : 1.5
  context.strokeStyle = device.online ? look.accent : look.line
  context.stroke()
}

function drawNames(
  context: CanvasRenderingContext2D,
  points: ReadonlyMap<string, [number, number]>,
  { devices, marked, look }: Picture
): void {
  context.font = '13px system-ui, sans-serif'
  context.textAlign = 'center'
  for (const device of devices) {
    if (devices.length > NAMES_MAX && device.peerId !== marked) continue
    const [x, y] = points.get(device.peerId)!
    context.fillStyle = device.online ? look.text : look.dim
    context.fillText(short(device.name), x, y + (device.self ? SELF : NODE) + 15)
  }
}

const short = (name: string): string => (name.length > 18 ? `${name.slice(0, 17)}…` : name)

function circle(context: CanvasRenderingContext2D, x: number, y: number, radius: number): void {
  context.beginPath()
  context.arc(x, y, radius, 0, 2 * Math.PI)
}
