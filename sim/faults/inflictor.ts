/** Does to a cluster what a fault says. */

import type { Clock, Timer } from '../../interface/clock.ts'
import type { Host } from '../host.ts'
import { Hostile } from '../hostile/index.ts'
import type { LinkChange, SimNetwork } from '../network/network.ts'
import { PRESETS } from '../network/presets.ts'
import type { Fault, Nodes } from './fault.ts'

/** What it is done to. */
export interface Victim {
  readonly hosts: readonly Host[]
  readonly network: SimNetwork
  readonly seed: number
  /** Where hostile peers keep what they need. */
  readonly directory: string
  readonly hostiles: Hostile[]
  remade(host: Host): void
}

type Of<Kind extends Fault['kind']> = Extract<Fault, { kind: Kind }>

export class Inflictor {
  readonly #victim: Victim
  readonly #clock: Clock
  readonly #flapping = new Set<{ timer: Timer }>()
  #brought = 0

  constructor(victim: Victim, clock: Clock) {
    this.#victim = victim
    this.#clock = clock
  }

  async inflict(fault: Fault): Promise<void> {
    switch (fault.kind) {
      case 'start':
        return await this.#host(fault).start()
      case 'stop':
        return await this.#host(fault).stop()
      case 'crash':
        return this.#host(fault).crash(fault.how)
      case 'restart':
        return await this.#host(fault).restart(host => this.#victim.remade(host))
      case 'pause':
        return this.#host(fault).pause()
      case 'resume':
        return this.#host(fault).resume()
      case 'slow-cpu':
        this.#host(fault).endpoint.cpuFactor = fault.factor
        return
      case 'clock':
        return this.#host(fault).clock.jump(fault.jumpMs, fault.driftPpm)
      case 'disk':
        return this.#host(fault).fillDisk(fault.full)
      case 'link':
        return this.#link(fault)
      case 'reset':
        for (const [from, to] of this.#pairs(fault)) this.#victim.network.reset(from, to)
        return
      case 'partition':
        return this.#partition(fault)
      case 'flap':
        return this.#flap(fault, false)
      case 'hostile':
        return await this.#bringHostile(fault)
      case 'calm':
        return await this.#calm()
      case 'heal':
        return await this.#heal()
    }
  }

  /** Links flap no more, and nobody attacks. */
  async end(): Promise<void> {
    this.#stopFlapping()
    await this.#calm()
  }

  #stopFlapping(): void {
    for (const { timer } of this.#flapping) timer.cancel()
    this.#flapping.clear()
  }

  #host({ node }: { node: number }): Host {
    const host = this.#victim.hosts[node]
    if (host === undefined) throw new RangeError(`There is no node ${node}.`)
    return host
  }

  #link({ preset, model, state, ...between }: Of<'link'>): void {
    const change: LinkChange = { model: { ...(preset && PRESETS[preset]), ...model }, state }
    for (const [from, to] of this.#pairs(between)) this.#victim.network.change(from, to, change)
  }

  #partition({ groups, state }: Of<'partition'>): void {
    const { hosts, network } = this.#victim
    const groupOf = new Map(groups.flatMap((group, i) => group.map(node => [node, i] as const)))
    for (const from of hosts) {
      for (const to of hosts) {
        if (from === to) continue
        const together = groupOf.has(from.index) && groupOf.get(from.index) === groupOf.get(to.index)
        network.change(from.name, to.name, { state: together ? 'up' : state })
      }
    }
  }

  #flap(fault: Of<'flap'>, up: boolean): void {
    const { state, upMs, downMs } = fault
    for (const [from, to] of this.#pairs(fault)) {
      this.#victim.network.change(from, to, { state: up ? 'up' : state })
    }
    const flapping = {
      timer: this.#clock.setTimer(
        () => {
          this.#flapping.delete(flapping)
          this.#flap(fault, !up)
        },
        up ? upMs : downMs
      )
    }
    this.#flapping.add(flapping)
  }

  async #bringHostile({ behaviour, by, victims }: Of<'hostile'>): Promise<void> {
    const { hosts, hostiles, network, seed, directory } = this.#victim
    const targets = victims === 'all' ? hosts : victims.map(node => this.#host({ node }))
    const admin = by === undefined ? undefined : this.#host({ node: by }).node
    const hostile = await Hostile.start({
      kind: behaviour,
      name: `${behaviour}-${++this.#brought}`,
      admin,
      mesh: targets[0]!.node.status().meshId,
      network,
      directory,
      seed,
      victims: () => targets.filter(({ state }) => state === 'running').map(({ node }) => node)
    })
    hostiles.push(hostile)
  }

  async #calm(): Promise<void> {
    await Promise.all(this.#victim.hostiles.splice(0).map(hostile => hostile.stop()))
  }

  async #heal(): Promise<void> {
    await this.end()
    this.#victim.network.heal()
    for (const host of this.#victim.hosts) {
      host.clock.correct()
      host.endpoint.cpuFactor = 1
      if (host.state === 'paused') host.resume()
      if (host.state === 'running') host.fillDisk(false)
    }
  }

  /** Names of the two ends of each link that is meant. */
  #pairs({ from, to, both = false }: { from: Nodes; to: Nodes; both?: boolean }): [string, string][] {
    const { hosts } = this.#victim
    const named = (nodes: Nodes) => (nodes === 'all' ? hosts : nodes.map(node => this.#host({ node })))
    return named(from).flatMap(one =>
      named(to)
        .filter(other => other !== one)
        .flatMap((other): [string, string][] => [
          [one.name, other.name],
          ...(both ? [[other.name, one.name] as [string, string]] : [])
        ])
    )
  }
}
