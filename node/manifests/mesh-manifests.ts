/** The manifests of one mesh: that of this node, and those that it keeps of others. */

import type { PrivateKey } from '@libp2p/interface'
import {
  ADDRESSES_MAX,
  type Capability,
  type Hardware,
  type Manifest,
  type SignedManifest
} from '../../interface/manifest.ts'
import type { DataDir } from '../../storage/home/data-dir.ts'
import { ManifestLog } from '../../storage/mesh/manifest-log.ts'
import type { NodeParts } from '../feature.ts'
import type { MeshMembership, ModelAccess } from '../membership/index.ts'
import type { MeshLibp2p } from '../network/libp2p.ts'
import { VERSION } from '../version.ts'
import { Announcer } from './announcer.ts'
import { BatteryWatch } from './battery-watch.ts'
import { type Lives, watchLives } from './lives.ts'
import { ManifestSync } from './manifest-sync.ts'
import { largestGroup } from './provider-core.ts'
import { ProviderTable } from './provider-table.ts'

export interface MeshManifestsComponents extends NodeParts {
  readonly config: { readonly name: string }
  readonly privateKey: PrivateKey
  readonly hardware: Hardware
  readonly registry: { capabilities(which: { offered: true }): Capability[] }
  readonly access: ModelAccess
  /** What this device says of whether it serves others now. */
  readonly serving: { readonly stated: { readonly yielding?: true } }
}

/** What is known of others, from before this start too. */
export interface KnownManifests {
  readonly log: ManifestLog
  readonly table: ProviderTable
}

export interface MeshManifestsParts extends KnownManifests {
  /** Id of the mesh. */
  readonly mesh: string
  readonly libp2p: MeshLibp2p
  readonly membership: MeshMembership
  nameOf(peerId: string): string | undefined
  /** What features say in this node's manifest. */
  parts(): Manifest['parts']
  /** Say hello to that peer once more, on each connection. */
  sayHello(peerId: string): Promise<SignedManifest[]>
  /** A newer manifest of another member came. */
  onHeardOf(manifest: Manifest): void
  /** This node has said anew what it can do. */
  onAnnounced(): void
}

export interface MeshManifests {
  readonly battery: BatteryWatch
  readonly sync: ManifestSync
  readonly announcer: Announcer
  readonly lives: Lives
}

export function knownManifests(
  { clock, home }: Pick<NodeParts, 'clock'> & { readonly home: Pick<DataDir, 'core' | 'cache'> },
  { members }: MeshMembership
): KnownManifests {
  const issuerOf = (id: string) => members.lastKnown(id)?.issuer
  // Made-up members of one admin push out each other, on disk as in the table.
  const log = new ManifestLog(home.core, home.cache, clock, ids => largestGroup(ids, issuerOf))
  const table = new ProviderTable(issuerOf)
  for (const accepted of log.all()) table.remember(accepted)
  return { log, table }
}

export function composeManifests(node: MeshManifestsComponents, parts: MeshManifestsParts): MeshManifests {
  const { config, clock, random, log, hardware, registry, access, serving, peerId, privateKey, emit } = node
  const { mesh, libp2p, log: manifestLog, table, nameOf, onHeardOf, onAnnounced } = parts
  const { members, guard } = parts.membership

  const lives = watchLives(node, {
    issuerOf: id => members.lastKnown(id)?.issuer,
    nameOf,
    current: () => announcer.current,
    renewEpoch: above => manifestLog.renewEpoch(above),
    repeat: () => announcer.repeat(),
    sayHello: parts.sayHello
  })
  const sync: ManifestSync = new ManifestSync({
    libp2p,
    table,
    clock,
    random,
    log,
    guard,
    mesh,
    own: () => announcer.current,
    admit: ({ manifest }) => members.admit(manifest.peerId, manifest.certificates),
    lives,
    kept: id => manifestLog.envelopeOf(id),
    onNews(signed) {
      const { peerId: id, epoch, sequence, capabilities } = signed.manifest
      manifestLog.store({ peerId: id, epoch, sequence, hash: signed.hash, envelope: signed.envelope })
      onHeardOf(signed.manifest)
      emit('manifest.updated', { peerId: id, epoch, sequence, capabilities: capabilities.length })
    }
  })
  const battery = new BatteryWatch({ clock, changed: () => announcer.changed() })
  const announcer: Announcer = new Announcer({
    clock,
    random,
    log,
    privateKey,
    peerId,
    epoch: () => manifestLog.epoch,
    nextSequence: () => manifestLog.nextSequence(),
    members: () => members.list().length,
    offer: () => ({
      // What its certificate says is unique; the settings only say what was wished for.
      name: members.get(peerId)?.name ?? config.name,
      software: `lumos-node/${VERSION}`,
      hardware,
      ...battery.stated,
      ...serving.stated,
      addresses: libp2p.getMultiaddrs().map(String).slice(0, ADDRESSES_MAX),
      capabilities: registry
        .capabilities({ offered: true })
        .filter(({ model }) => access.to(model) !== undefined),
      parts: parts.parts(),
      certificates: [...members.own.chain]
    }),
    async publish(signed) {
      await sync.publish(signed)
      onAnnounced()
    }
  })
  // Where this node listens is known only once it does, and changes with the network.
  libp2p.addEventListener('self:peer:update', () => announcer.changed())
  return { battery, sync, announcer, lives }
}
