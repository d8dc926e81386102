/** Peers that this node can ask, itself included: by what they offer, by name, and the way to each. */

import type { Clock } from '../../interface/clock.ts'
import type { Inference } from '../../interface/inference.ts'
import { type Capability, isCapability, type Manifest } from '../../interface/manifest.ts'
import type { Asleep, Waker } from '../feature.ts'
import type { ProviderTable } from '../manifests/index.ts'
import { type Members, memberCalled } from '../membership/index.ts'
import type { Peers } from './peers.ts'
import { type Candidate, deviceOf } from './rank.ts'
import { woken } from './woken.ts'

/** Either, both or none: none means everything. */
export interface Wanted {
  readonly task?: string
  readonly model?: string
}

/** What this node does itself; `offered` leaves out demonstrations. */
export type OwnService = Inference & { capabilities(which?: { offered: boolean }): Capability[] }

export interface ProviderViewComponents {
  /** This node, and what it is called while it is no member. */
  readonly self: { readonly peerId: string; readonly name: string }
  /** What it says of its own device. */
  device?(): Pick<Manifest, 'hardware' | 'onBattery'>
  readonly own: OwnService
  readonly table: Pick<ProviderTable, 'providers' | 'get'>
  readonly members: Pick<Members, 'get' | 'list' | 'lastKnown'>
  readonly peers: Pick<Peers, 'isConnected' | 'isLost' | 'rttMs' | 'client'>
  readonly clock: Clock
  /** Absent, or undefined: no device is woken. */
  waker?(): Waker | undefined
}

export class ProviderView {
  readonly #components: ProviderViewComponents

  constructor(components: ProviderViewComponents) {
    this.#components = components
  }

  /**
   * Peers that offer what is wanted. What this node offers to no other device is still its owner's to use. A demonstration is
   * there only where no device offers a model of its name, nor any that does the task.
   */
  offers(wanted: Wanted): Candidate[] {
    const { own } = this.#components
    const all = [
      ...this.#own(wanted, own.capabilities({ offered: true })),
      ...this.#others(wanted),
      ...this.#asleep().flatMap(asleep => this.#ofAsleep(asleep, wanted))
    ]
    const offers = all.filter(({ capability }) => isMeant(capability, wanted))
    const isAll = wanted.task === undefined && wanted.model === undefined
    if (!isAll && offers.length > 0) return offers
    const names = new Set(offers.map(({ capability }) => capability.model))
    const rest = own.capabilities().filter(can => !names.has(can.model) && isMeant(can, wanted))
    return [...offers, ...this.#own(wanted, rest)]
  }

  #others(wanted: Wanted): Candidate[] {
    const { self, table, members, peers, clock } = this.#components
    const offers: Candidate[] = []
    for (const { peerId, manifest, capability } of table.providers(wanted, clock.monotonicMs())) {
      if (peerId === self.peerId || peers.isLost(peerId)) continue
      const member = members.get(peerId)
      if (member === undefined || member.role === 'guest') continue
      const way = this.#wayTo(peerId)
      offers.push({ peerId, name: member.name, local: false, ...way, capability, device: deviceOf(manifest) })
    }
    return offers
  }

  /** Those that no manifest of now says to be there. */
  #asleep(): Asleep[] {
    const { table, peers, clock, waker } = this.#components
    const asleep = waker?.()?.asleep() ?? []
    if (asleep.length === 0) return []
    const nowMs = clock.monotonicMs()
    return asleep.filter(({ peerId }) => peers.isLost(peerId) || table.get(peerId, nowMs) === undefined)
  }

  #ofAsleep({ peerId, offered, wakeMs }: Asleep, { task, model }: Wanted): Candidate[] {
    const member = this.#components.members.get(peerId)
    if (member === undefined || member.role === 'guest') return []
    const device = deviceOf(offered)
    const common = { peerId, name: member.name, local: false, connected: false, rttMs: null, device, wakeMs }
    return offered.capabilities.flatMap(can => {
      const isWanted = (task ?? can.task) === can.task && (model ?? can.model) === can.model
      // Whether it is in memory still is known once the device is back.
      return isWanted && isCapability(can) ? { ...common, capability: { ...can, warm: false } } : []
    })
  }

  /**
   * PeerId of the peer that this name or PeerId means, this node included.
   *
   * @throws {LumosError} unless it means exactly one.
   */
  named(called: string): string {
    const { self, members } = this.#components
    const others = members.list().filter(({ peerId }) => peerId !== self.peerId)
    return memberCalled([...others, { peerId: self.peerId, name: this.#ownName() }], called).peerId
  }

  /** This node counts as connected to itself. */
  isConnected(peerId: string): boolean {
    return peerId === this.#components.self.peerId || this.#components.peers.isConnected(peerId)
  }

  /** The peer as an inference service. */
  client(peerId: string): Inference {
    const { self, own, peers, clock, waker } = this.#components
    if (peerId === self.peerId) return own
    if (peers.isConnected(peerId)) return peers.client(peerId)
    const asleep = this.#asleep().find(one => one.peerId === peerId)
    const name = this.#components.members.get(peerId)?.name ?? peerId
    if (asleep === undefined) return peers.client(peerId)
    return woken({ clock, waker: waker!()!, asleep, name, client: () => peers.client(peerId) })
  }

  #own({ task, model }: Wanted, capabilities: readonly Capability[]): Candidate[] {
    const { self } = this.#components
    const device = this.#components.device?.()
    const wanted = capabilities.filter(
      can => (task ?? can.task) === can.task && (model ?? can.model) === can.model
    )
    if (wanted.length === 0) return []
    const common = {
      ...{ peerId: self.peerId, name: this.#ownName(), local: true },
      ...this.#wayTo(self.peerId),
      ...(device && { device: deviceOf(device) })
    }
    return wanted.map(capability => ({ ...common, capability }))
  }

  #ownName(): string {
    const { self, members } = this.#components
    return members.lastKnown(self.peerId)?.name ?? self.name
  }

  #wayTo(peerId: string): Pick<Candidate, 'connected' | 'rttMs'> {
    const { peers } = this.#components
    return { connected: peers.isConnected(peerId), rttMs: peers.rttMs(peerId) }
  }
}

/** A request for a task that names no model stays in the mesh. `explain` and lists of models want everything. */
const isMeant = ({ leavesMesh = false }: Capability, { task, model }: Wanted): boolean =>
  !leavesMesh || task === undefined || model !== undefined
