/**
 * Hostile peers, each kind started by one call: they hold a certificate of the mesh, or
 * none, speak through the real protocols, and do their harm until they are stopped.
 */

import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { generateKeyPair } from '@libp2p/crypto/keys'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { systemClock } from '../../interface/clock.ts'
import type { LumosNode } from '../../interface/node.ts'
import type { DrivenNode } from '../driven-node.ts'
import type { SimNetwork } from '../network/network.ts'
import { forkRandom } from '../random.ts'
import type { Behaviour } from './behaviour.ts'
import { corruptor } from './corruptor.ts'
import { equivocator } from './equivocator.ts'
import { flooder } from './flooder.ts'
import type { HostileKind } from './kinds.ts'
import { liar } from './liar.ts'
import { HostilePeer, madeUpCertificates } from './peer.ts'
import { poisoner } from './poisoner.ts'
import { replayer } from './replayer.ts'
import { slowloris } from './slowloris.ts'

const BEHAVIOURS: Record<HostileKind, Behaviour> = {
  liar,
  replayer,
  equivocator,
  flooder,
  slowloris,
  corruptor,
  poisoner
}

export interface HostileOptions {
  readonly kind: HostileKind
  /** Its host on the network, and its name as a member. */
  readonly name: string
  /** Who lets it in; a peer without has certificates of its own making. */
  readonly admin?: DrivenNode
  readonly mesh: string
  readonly network: SimNetwork
  /** Where it may make a directory. */
  readonly directory: string
  readonly seed: number
  victims(): readonly LumosNode[]
}

export class Hostile implements AsyncDisposable {
  readonly peerId: string
  readonly name: string
  readonly kind: HostileKind
  /** How often it did what it is here for; what came of it, others must say. */
  harm = 0
  readonly #peer: HostilePeer
  readonly #stopped = new AbortController()
  readonly #running: Promise<void>

  private constructor(peer: HostilePeer, { kind, name, seed, victims }: HostileOptions) {
    this.peerId = peer.peerId
    this.name = name
    this.kind = kind
    this.#peer = peer
    this.#running = BEHAVIOURS[kind]({
      peer,
      victims,
      random: forkRandom(seed, name),
      signal: this.#stopped.signal,
      clock: systemClock,
      did: () => {
        this.harm++
      }
    })
  }

  /** It does its harm from now on. */
  static async start(options: HostileOptions): Promise<Hostile> {
    const { name, admin, mesh, network } = options
    const directory = join(options.directory, name)
    await mkdir(directory)
    const key = await generateKeyPair('Ed25519')
    const subject = peerIdFromPrivateKey(key).toString()
    const certificates =
      admin === undefined
        ? await madeUpCertificates(key)
        : (await admin.admit({ subject, name, role: 'member' })).chain
    const stack = network.attach(name).stack([])
    const peer = await HostilePeer.create({ key, mesh, certificates, network: stack, directory })
    return new Hostile(peer, options)
  }

  async stop(): Promise<void> {
    this.#stopped.abort()
    await this.#peer[Symbol.asyncDispose]()
    await this.#running
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }
}
