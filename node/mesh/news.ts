/** What this node hears of others and tells of itself: manifests and revocations. */

import { ADDRESSES_MAX } from '../../interface/manifest.ts'
import type { ManifestLog } from '../../storage/mesh/manifest-log.ts'
import { Announcer } from '../manifests/announcer.ts'
import { Duplicates } from '../manifests/duplicates.ts'
import { ManifestSync } from '../manifests/manifest-sync.ts'
import type { ProviderTable } from '../manifests/provider-table.ts'
import type { ModelAccess } from '../membership/model-access.ts'
import { RevocationSync } from '../membership/revocation-sync.ts'
import type { MeshLibp2p } from '../network/libp2p.ts'
import { VERSION } from '../version.ts'
import type { NodeContext } from './context.ts'
import type { Standing } from './standing.ts'

export interface NewsParts {
  /** Id of the mesh. */
  readonly mesh: string
  readonly libp2p: MeshLibp2p
  readonly manifestLog: ManifestLog
  readonly table: ProviderTable
  readonly access: ModelAccess
  nameOf(peerId: string): string | undefined
  /** A newer manifest of the peer came. */
  onHeardOf(peerId: string): void
}

export interface News {
  readonly sync: ManifestSync
  readonly announcer: Announcer
  readonly revocations: RevocationSync
}

export function composeNews(ground: NodeContext, { members, guard }: Standing, parts: NewsParts): News {
  const { config, clock, random, log, hardware, registry, peerId, privateKey, emit } = ground
  const { mesh, libp2p, manifestLog, table, access, nameOf, onHeardOf } = parts

  const duplicates = new Duplicates(id => members.lastKnown(id)?.issuer)
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
    onSeen({ manifest: { peerId: id, epoch, sequence } }) {
      const seen = duplicates.see(id, epoch, sequence, clock.monotonicMs())
      // That this life goes on shows everybody else that there are two.
      if (seen === 'another' && id === peerId) announcer.repeat()
      if (seen !== 'duplicate') return
      log.error({ peerId: id, code: 'DUPLICATE_IDENTITY' }, 'two devices use one key: revoke it')
      emit('peer.duplicated', { peerId: id, name: nameOf(id) })
    },
    onNews(signed) {
      const { peerId: id, epoch, sequence, capabilities } = signed.manifest
      manifestLog.store({ peerId: id, epoch, sequence, hash: signed.hash, envelope: signed.envelope })
      onHeardOf(id)
      emit('manifest.updated', { peerId: id, epoch, sequence, capabilities: capabilities.length })
    }
  })
  const announcer: Announcer = new Announcer({
    clock,
    random,
    log,
    privateKey,
    peerId,
    epoch: manifestLog.epoch,
    nextSequence: () => manifestLog.nextSequence(),
    members: () => members.list().length,
    offer: () => ({
      // What its certificate says is unique; the settings only say what was wished for.
      name: members.get(peerId)?.name ?? config.name,
      software: `lumos-node/${VERSION}`,
      hardware,
      addresses: libp2p.getMultiaddrs().map(String).slice(0, ADDRESSES_MAX),
      capabilities: registry.capabilities().filter(({ model }) => access.to(model) !== undefined),
      certificates: [...members.chain]
    }),
    publish: signed => sync.publish(signed)
  })
  // Where this node listens is known only once it does, and changes with the network.
  libp2p.addEventListener('self:peer:update', () => announcer.changed())

  const revocations = new RevocationSync({ libp2p, members, guard, clock, random, log })
  return { sync, announcer, revocations }
}
