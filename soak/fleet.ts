/** The nodes of a soak: some stay all the time and are measured, the others come and go. */

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import type { Random } from '../interface/clock.ts'
import type { LoadName } from './member.ts'
import { MemberProcess } from './member-process.ts'

const MEMBER = new URL('./member.ts', import.meta.url)

/** Whoever stays is measured, so they are the greater part; the others make the life that they must stand. */
const STAYING_SHARE = 0.6
const STAYS = 'stays-'

/** As long as a device is away: less than peers take to forget it, and longer than they take to notice. */
const AWAY_MS = { min: 500, max: 4000 }

export interface FleetOptions {
  readonly nodes: number
  readonly seed: number
  readonly random: Random
  readonly load: LoadName
  /** What each node runs; a test has one that leaks. */
  readonly module?: URL
}

/** What happened to the nodes that do not stay. */
export interface Churn {
  terminated: number
  killed: number
  returned: number
  joined: number
  revoked: number
}

export const staysAllTheTime = (name: string): boolean => name.startsWith(STAYS)

export class Fleet implements AsyncDisposable {
  readonly churn: Churn = { terminated: 0, killed: 0, returned: 0, joined: 0, revoked: 0 }
  readonly stayers: MemberProcess[] = []
  readonly #churners: MemberProcess[] = []
  readonly #options: FleetOptions
  readonly #dir: string
  #entryPoints: readonly string[] = []
  #visitor: MemberProcess | undefined
  #started = 0

  private constructor(options: FleetOptions, dir: string) {
    this.#options = options
    this.#dir = dir
  }

  /** Every node has joined the mesh of the first, which stays. */
  static async gather(options: FleetOptions): Promise<Fleet> {
    const fleet = new Fleet(options, await mkdtemp(join(tmpdir(), 'lumos-soak-')))
    try {
      const staying = Math.max(2, Math.ceil(options.nodes * STAYING_SHARE))
      for (let i = 0; i < options.nodes; i++) {
        const member = await fleet.#join(`${i < staying ? STAYS : 'churns-'}${i}`)
        if (i < staying) fleet.stayers.push(member)
        else fleet.#churners.push(member)
      }
      return fleet
    } catch (err) {
      await fleet[Symbol.asyncDispose]()
      throw err
    }
  }

  /** The next of those that churn ends, every other time without a goodbye, and comes back with what it had. */
  async churnOne(signal: AbortSignal): Promise<void> {
    const leaver = this.#churners.shift()
    if (leaver === undefined) return
    const { terminated, killed } = this.churn
    const how = terminated > killed ? 'SIGKILL' : 'SIGTERM'
    await leaver.end(how)
    this.churn[how === 'SIGKILL' ? 'killed' : 'terminated']++
    const { min, max } = AWAY_MS
    await setTimeout(min + this.#options.random() * (max - min), undefined, { signal })
    this.#churners.push(await this.#start(leaver.name))
    this.churn.returned++
  }

  /** A device that never was here joins; the one that joined before it is removed for good, and forgotten. */
  async exchangeVisitor(): Promise<void> {
    const [founder] = this.stayers
    const former = this.#visitor
    this.#visitor = undefined
    if (former !== undefined) {
      await founder!.ask({ ask: 'revoke', name: former.name })
      await former.end('SIGKILL')
      await rm(this.#homeOf(former.name), { recursive: true, force: true })
      this.churn.revoked++
    }
    this.#visitor = await this.#join(`visits-${this.churn.joined}`)
    this.churn.joined++
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const all = [...this.stayers, ...this.#churners, ...(this.#visitor ? [this.#visitor] : [])]
    await Promise.all(all.map(member => member.end('SIGKILL')))
    await rm(this.#dir, { recursive: true, force: true })
  }

  async #join(name: string): Promise<MemberProcess> {
    const member = await this.#start(name)
    const [founder] = this.stayers
    if (founder === undefined) this.#entryPoints = await member.ask({ ask: 'addresses' })
    else await member.ask({ ask: 'join', code: await founder.ask({ ask: 'invite' }) })
    return member
  }

  /** What it is told of others is where the first one listens; all else it learns. */
  #start(name: string): Promise<MemberProcess> {
    const { module = MEMBER, seed, load } = this.#options
    const identity = { home: this.#homeOf(name), name, seed: seed + this.#started++ }
    const orders = { ...identity, peers: this.#entryPoints, load }
    return MemberProcess.start(module, orders, join(this.#dir, 'compile-cache'))
  }

  #homeOf(name: string): string {
    return join(this.#dir, name)
  }
}
