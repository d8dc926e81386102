/** The picture of the mesh: it is drawn while something moves in it, and stands still else. */

import { useEffect, useMemo, useRef, useState } from 'preact/hooks'
import { useEvents } from '../live.ts'
import { goTo } from '../router.ts'
import { useStore } from '../state.ts'
import { look as theme } from '../theme.ts'
import { useWords } from '../words/index.ts'
import { draw, lookOf, PULSE_MS, type Pulse, pointOf } from './draw.ts'
import { placed, type Shown } from './layout.ts'

/** How near to a device the pointer must be. */
const REACH = 18
/** Of a storm of requests the newest are shown. */
const PULSES_MAX = 200

const still = matchMedia('(prefers-reduced-motion: reduce)')

export function Graph({ devices }: { readonly devices: readonly Shown[] }) {
  const w = useWords()
  const { theme: chosen } = useStore(theme)
  const canvas = useRef<HTMLCanvasElement>(null)
  const pulses = useRef<Pulse[]>([])
  const again = useRef(() => {})
  const [marked, mark] = useState<string>()
  const at = useMemo(() => placed(devices), [devices])

  useEffect(() => {
    const element = canvas.current!
    const context = element.getContext('2d')!
    let frame = 0
    const paint = () => {
      frame = 0
      const { clientWidth: width, clientHeight: height } = element
      const scale = devicePixelRatio
      if (element.width !== width * scale || element.height !== height * scale) {
        element.width = width * scale
        element.height = height * scale
      }
      context.setTransform(scale, 0, 0, scale, 0, 0)
      const nowMs = performance.now()
      pulses.current = pulses.current.filter(({ beganMs }) => nowMs - beganMs < PULSE_MS).slice(-PULSES_MAX)
      draw(context, { width, height, devices: at, pulses: pulses.current, marked, nowMs, look })
      if (pulses.current.length > 0) again.current()
    }
    let look = lookOf(element.parentElement!)
    const relook = () => {
      look = lookOf(element.parentElement!)
      again.current()
    }
    again.current = () => {
      frame ||= requestAnimationFrame(paint)
    }
    const resized = new ResizeObserver(again.current)
    resized.observe(element)
    const dark = matchMedia('(prefers-color-scheme: dark)')
    dark.addEventListener('change', relook)
    again.current()
    return () => {
      cancelAnimationFrame(frame)
      resized.disconnect()
      dark.removeEventListener('change', relook)
    }
  }, [at, marked, chosen])

  useEvents(event => {
    if (still.matches || event.type === 'missed' || document.hidden) return
    const pulse = pulseOf(event)
    if (pulse === undefined) return
    pulses.current.push(pulse)
    again.current()
  })

  const under = (event: MouseEvent) => {
    const { clientWidth: width, clientHeight: height } = canvas.current!
    const near = at.map(device => {
      const [x, y] = pointOf(device, width, height)
      return { peerId: device.peerId, away: Math.hypot(x - event.offsetX, y - event.offsetY) }
    })
    const [nearest] = near.toSorted((a, b) => a.away - b.away)
    return nearest && nearest.away < REACH ? nearest.peerId : undefined
  }

  return (
    <canvas
      ref={canvas}
      class="graph"
      role="img"
      aria-label={w.mesh.picture(devices.filter(({ online }) => online).length, devices.length)}
      onPointerMove={event => mark(under(event))}
      onPointerLeave={() => mark(undefined)}
      onClick={event => {
        const peerId = under(event)
        if (peerId !== undefined) goTo('mesh', peerId)
      }}
      style={{ cursor: marked === undefined ? 'default' : 'pointer' }}
    />
  )
}

type Happened = Exclude<Parameters<Parameters<typeof useEvents>[0]>[0], { type: 'missed' }>

function pulseOf({ name, data }: Happened): Pulse | undefined {
  const beganMs = performance.now()
  if (name === 'inference.serving_started') return { peerId: data.peer_id, out: false, beganMs }
  if (name === 'inference.request_completed' && data.route === 'remote')
    return { peerId: data.peer_id, out: true, beganMs }
  return undefined
}
