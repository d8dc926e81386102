import { LumosError, PeerUnreachableError, toLumosError } from '../../interface/errors.ts'
import type { AbortOptions } from '../../interface/lifecycle.ts'
import type { Wake, Wakeable, Woken } from '../../interface/wake.ts'
import {
  encodePart,
  WAKE_PROTOCOL,
  WAKE_STREAMS_INBOUND_MAX,
  wakeHandler
} from '../../protocols/wake/index.ts'
import type { Asleep, Feature, FeatureComponents, MeshContext, Participation, Waker } from '../feature.ts'
import { memberCalled } from '../membership/index.ts'
import { Deadline } from '../network/deadline.ts'
import { Bursts } from './bursts.ts'
import { Helpers, Helping } from './helpers.ts'
import { type Lan, lanOf } from './lan.ts'
import { type WakeableDevice, WakeableDevices } from './wakeable.ts'
import { WAKE_MS_MAX, Waking } from './waking.ts'

/** Guess for a device that was never woken: one that is suspended needs less, and one that is off needs more. */
const WAKE_UNMEASURED_MS = 20_000
/** From this burst on members are asked too: two homes may use the same addresses. */
const HELPED_FROM = 2
const DIAL_MS = 4000
/** A device that did not come is left alone for so long, and twice as long each time after. */
const VAIN_MS = 600_000
const VAIN_MS_MAX = 24 * 3600 * 1000

export class WakeFeature implements Feature<Wake>, Wake, Waker {
  readonly name = 'wake'
  readonly facet = this
  readonly #components: FeatureComponents
  readonly #lanOf: (mesh: MeshContext) => Lan
  #mesh: MeshContext | undefined
  #devices: WakeableDevices | undefined
  #waking: Waking | undefined
  /** Devices that did not come. */
  readonly #vain = new Map<string, { count: number; untilMs: number }>()

  constructor(components: FeatureComponents, lanOn = (mesh: MeshContext) => lanOf(mesh.interfaces)) {
    this.#components = components
    this.#lanOf = lanOn
  }

  join(mesh: MeshContext): Participation {
    const { database, settings, clock } = this.#components
    const { allow } = settings as { readonly allow: boolean }
    const issuerOf = (id: string) => mesh.members.lastKnown(id)?.issuer ?? ''
    const devices = new WakeableDevices(database, issuerOf)
    const lan = this.#lanOf(mesh)
    const bursts = new Bursts(clock, lan)
    const helping = new Helping(clock, devices, bursts)
    const waking = this.#wakingBy(mesh, devices, bursts)
    this.#mesh = mesh
    this.#devices = devices
    this.#waking = waking
    this.#vain.clear()
    const wake = (asker: string, peer: string) => helping.wake(asker, peer)
    return {
      protocols: [
        {
          ids: WAKE_PROTOCOL,
          // Guests ask what they are offered, and decide nothing about devices of the mesh.
          openers: ['admin', 'member', 'edge'],
          inboundMax: WAKE_STREAMS_INBOUND_MAX,
          handle: wakeHandler({ clock, log: mesh.log, wake })
        }
      ],
      waker: this,
      manifest: () => {
        const macs = allow ? lan.macs() : []
        return macs.length > 0 ? encodePart(macs) : undefined
      },
      onManifest: (peerId, part) => {
        const manifest = mesh.stated(peerId)
        if (manifest !== undefined && peerId !== mesh.peerId) devices.heard(manifest, part, clock.wallMs())
      },
      onMember: ({ connection }) => {
        const id = connection.remotePeer.toString()
        this.#vain.delete(id)
        waking.met(id)
      },
      stop: () => waking.stop()
    }
  }

  list(): Wakeable[] {
    const { members, isConnected } = this.#joined.mesh
    return this.#known().flatMap(({ peerId, seenAtMs, wakeMs, last }) => {
      const name = members.get(peerId)?.name
      if (name === undefined) return []
      const models = [...new Set(last.capabilities.map(({ model }) => model))]
      return { peerId, name, connected: isConnected(peerId), seenAtMs, wakeMs: wakeMs ?? null, models }
    })
  }

  async wake(called: string, options: AbortOptions = {}): Promise<Woken> {
    const { mesh } = this.#joined
    const { peerId, name } = memberCalled(mesh.members.list(), called)
    if (peerId === mesh.peerId || mesh.isConnected(peerId)) return { peerId, name, wakeMs: 0 }
    return { peerId, name, wakeMs: await this.#wake(peerId, name, options) }
  }

  asleep(): Asleep[] {
    const { members, isConnected, clock } = this.#joined.mesh
    const nowMs = clock.monotonicMs()
    return this.#known().flatMap(({ peerId, last, wakeMs = WAKE_UNMEASURED_MS }) => {
      const isVain = (this.#vain.get(peerId)?.untilMs ?? 0) > nowMs
      if (isVain || members.get(peerId) === undefined || isConnected(peerId)) return []
      return { peerId, offered: last, wakeMs }
    })
  }

  async wakeFor(peerId: string, options: AbortOptions): Promise<void> {
    const { mesh } = this.#joined
    if (!mesh.isConnected(peerId)) await this.#wake(peerId, mesh.members.get(peerId)?.name ?? peerId, options)
  }

  async #wake(peerId: string, name: string, { signal }: AbortOptions): Promise<number> {
    const { mesh, devices, waking } = this.#joined
    const device = devices.get(peerId, mesh.clock.wallMs())
    if (device === undefined)
      throw new LumosError('NOT_SUPPORTED', `${name} has not said that it may be woken.`, {
        hint: `In the settings of ${name}: wake.allow: true`
      })
    try {
      return await waking.wake(device, signal)
    } catch (err) {
      if (!(err instanceof PeerUnreachableError)) throw err
      throw new PeerUnreachableError(`${name} was woken and did not come within ${WAKE_MS_MAX / 1000} s.`, {
        hint: 'Its firmware and its system must let network packets wake it: docs/networks.md.'
      })
    }
  }

  #wakingBy(mesh: MeshContext, devices: WakeableDevices, bursts: Bursts): Waking {
    const helpers = new Helpers(mesh)
    const { clock, log } = mesh
    return new Waking({
      clock,
      onEnd: (peerId, wakeMs) => {
        if (wakeMs === undefined) this.#cameNot(peerId, clock.monotonicMs())
        else devices.woken(peerId, wakeMs)
        log.info(
          { peerId, wakeMs },
          wakeMs === undefined ? 'a device could not be woken' : 'a device was woken'
        )
      },
      async burst(device, count, signal) {
        void reach(mesh, device, signal)
        const isNear = bursts.isNear(device)
        try {
          const packets = isNear ? await bursts.send(device) : 0
          if (!isNear || count >= HELPED_FROM) await helpers.ask(device, signal)
          log.debug({ peerId: device.peerId, packets }, 'a device is being woken')
        } catch (err) {
          log.debug({ err, peerId: device.peerId }, 'no packet left to wake a device')
        }
      }
    })
  }

  #cameNot(peerId: string, nowMs: number): void {
    const count = (this.#vain.get(peerId)?.count ?? 0) + 1
    this.#vain.set(peerId, { count, untilMs: nowMs + Math.min(VAIN_MS * 2 ** (count - 1), VAIN_MS_MAX) })
  }

  #known(): WakeableDevice[] {
    const { devices, mesh } = this.#joined
    return devices.list(mesh.clock.wallMs())
  }

  get #joined(): { mesh: MeshContext; devices: WakeableDevices; waking: Waking } {
    if (this.#mesh === undefined) throw new LumosError('NODE_NOT_RUNNING', 'This node is in no mesh yet.')
    return { mesh: this.#mesh, devices: this.#devices!, waking: this.#waking! }
  }
}

/** A device that is back is dialed at once, and not only when it is seen on the network. */
async function reach(
  { open, log, clock }: MeshContext,
  { peerId }: WakeableDevice,
  signal: AbortSignal
): Promise<void> {
  using within = new Deadline(clock, DIAL_MS, signal)
  try {
    const stream = await open(peerId, WAKE_PROTOCOL, { signal: within.signal })
    await stream.close({ signal: within.signal })
  } catch (err) {
    log.debug({ peerId, code: toLumosError(err).code }, 'a device that is being woken is not there yet')
  }
}
