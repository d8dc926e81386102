/** Runs the features of one mesh: registers what they bring, and calls them in their order. */

import { type Message, TopicValidatorResult } from '@libp2p/gossipsub'
import type { PeerId } from '@libp2p/interface'
import type { Lifecycle, Logger } from '../../interface/lifecycle.ts'
import { MANIFEST_PART_BYTES_MAX, type Manifest } from '../../interface/manifest.ts'
import type { Participation, ProtocolService, Topic, Waker } from '../feature.ts'
import type { AcceptedPeer, Guard } from '../membership/index.ts'
import { topicOf } from '../network/gossip.ts'
import type { MeshLibp2p } from '../network/libp2p.ts'

export interface ParticipationsComponents {
  readonly libp2p: MeshLibp2p
  readonly guard: Guard
  readonly log: Logger
  /** Id of the mesh. */
  readonly mesh: string
}

/** A participation with the name of its feature. */
export type Named = readonly [name: string, participation: Participation]

export class Participations {
  readonly #components: ParticipationsComponents
  readonly #all: readonly Named[]

  constructor(components: ParticipationsComponents, all: readonly Named[]) {
    this.#components = components
    this.#all = all
    components.libp2p.addEventListener('peer:disconnect', ({ detail }) => {
      for (const [, { onGone }] of all) onGone?.(detail.toString())
    })
  }

  /** To start before libp2p, so that no connection comes too early. */
  lifecycle(): Lifecycle[] {
    return this.#all.map(([part, participation]) => ({
      part,
      start: async () => {
        for (const protocol of participation.protocols ?? []) await this.#serve(protocol)
        for (const topic of participation.topics ?? []) this.#validate(topic)
        await participation.start?.()
      },
      stop: () => participation.stop?.()
    }))
  }

  /** Gossip can be joined only once libp2p runs. */
  subscribe(): void {
    const { libp2p, mesh } = this.#components
    for (const [, { topics = [] }] of this.#all)
      for (const { name } of topics) libp2p.services.pubsub.subscribe(topicOf(mesh, name))
  }

  /** A feature that fails keeps the peer from no other feature. */
  async onMember(met: AcceptedPeer): Promise<void> {
    for (const [feature, participation] of this.#all) {
      try {
        await participation.onMember?.(met)
      } catch (err) {
        const peerId = met.connection.remotePeer.toString()
        this.#components.log.error({ err, feature, peerId }, 'a feature failed on a member that came')
      }
    }
  }

  /** What features say in this node's manifest. One that says too much is left out, and the others are not. */
  manifestParts(): Manifest['parts'] {
    const parts: Record<string, Uint8Array> = {}
    for (const [feature, participation] of this.#all) {
      const part = this.#partOf(feature, participation)
      if (part === undefined) continue
      if (part.byteLength <= MANIFEST_PART_BYTES_MAX) parts[feature] = part
      else
        this.#components.log.error({ feature, bytes: part.byteLength }, 'a part of the manifest is too long')
    }
    return Object.keys(parts).length > 0 ? parts : undefined
  }

  get waker(): Waker | undefined {
    return this.#all.find(([, { waker }]) => waker !== undefined)?.[1].waker
  }

  /** What this node is found by. */
  keys(): string[] {
    return this.#all.flatMap(([feature, participation]) => {
      try {
        return participation.keys?.() ?? []
      } catch (err) {
        this.#components.log.error({ err, feature }, 'a feature failed to say what it is found by')
        return []
      }
    })
  }

  #partOf(feature: string, participation: Participation): Uint8Array | undefined {
    try {
      return participation.manifest?.()
    } catch (err) {
      this.#components.log.error({ err, feature }, 'a feature failed to say its part of the manifest')
      return undefined
    }
  }

  onManifest({ peerId, parts = {} }: Manifest): void {
    for (const [feature, participation] of this.#all) {
      const part = Object.hasOwn(parts, feature) ? parts[feature] : undefined
      const fits = part === undefined || part.byteLength <= MANIFEST_PART_BYTES_MAX
      try {
        participation.onManifest?.(peerId, fits ? part : undefined)
      } catch (err) {
        this.#components.log.error({ err, feature, peerId }, 'a feature failed on a manifest')
      }
    }
  }

  refuse(): void {
    for (const [, participation] of this.#all) participation.refuse?.()
  }

  async #serve({ ids, openers, inboundMax, handle, refuse }: ProtocolService): Promise<void> {
    const { libp2p, guard } = this.#components
    const guarded = guard.handler(ids, openers, handle, refuse)
    await libp2p.handle([...ids], guarded, { maxInboundStreams: inboundMax })
  }

  #validate({ name, bytesMax, validate }: Topic): void {
    const { libp2p, mesh } = this.#components
    libp2p.services.pubsub.topicValidators.set(
      topicOf(mesh, name),
      async (_from: PeerId, { data }: Message) =>
        data.byteLength > bytesMax ? TopicValidatorResult.Reject : await validate(data)
    )
  }
}
