/** Which keys two homes use: what is seen of it, this node's own key included, and what follows. */

import type { SignedManifest } from '../../interface/manifest.ts'
import type { NodeParts } from '../feature.ts'
import { Duplicates } from './duplicates.ts'
import { EPOCHS_PER_RUN_MAX, OwnLife } from './own-life.ts'
import type { IssuerOf, ManifestVersion } from './provider-core.ts'

export interface LivesParts {
  readonly issuerOf: IssuerOf
  nameOf(peerId: string): string | undefined
  current(): SignedManifest
  /** Begin an epoch beyond this one, on disk. */
  renewEpoch(above: number): number
  /** Announce once more, soon. */
  repeat(): void
  /** Say hello to that peer once more, on each connection: each of its homes answers, then pulls, and sees the other. */
  sayHello(peerId: string): Promise<SignedManifest[]>
}

/** Two homes begin so many epochs in one run, and each of the two has its first. */
const HELLO_ROUNDS_MAX = 2 * EPOCHS_PER_RUN_MAX + 2

export interface Lives {
  /** A manifest of a member, or of this node. */
  onSeen(signed: SignedManifest): void
  /** The number that a member says it gave last. */
  onStated(version: ManifestVersion): void
  /** Two manifests of one member bear one number. */
  onEquivocated(peerId: string): void
  /** Whether two homes were lately seen to use the key of this peer, or of this node. */
  isDuplicated(peerId: string): boolean
  /** Whether this home is a copy, or from a backup; see `own-life.ts`. */
  wasBehind(): boolean
}

export function watchLives({ clock, log, peerId: self, emit }: NodeParts, parts: LivesParts): Lives {
  const { issuerOf, nameOf, current, renewEpoch, repeat, sayHello } = parts
  const duplicates = new Duplicates(issuerOf)
  const tell = (peerId: string) => {
    log.error({ peerId, code: 'DUPLICATE_IDENTITY' }, 'two devices use one key: one of them needs another')
    emit('peer.duplicated', { peerId, name: nameOf(peerId) })
    // Each of its homes then sees the other, too.
    if (peerId !== self) void ask(peerId)
  }
  const prove = (peerId: string) => {
    if (duplicates.prove(peerId, clock.monotonicMs())) tell(peerId)
  }
  const asked = new Set<string>()
  /** A new life may be of a home made anew, or of a second one: of one that is gone no connection answers. */
  const ask = async (peerId: string): Promise<void> => {
    if (asked.has(peerId)) return
    asked.add(peerId)
    for (let round = 0; round < HELLO_ROUNDS_MAX; round++) {
      const newest = duplicates.newestEpoch(peerId)
      const epochs = (await sayHello(peerId)).map(({ manifest }) => manifest.epoch)
      // A home goes on to later epochs between two answers, and never back from one that was seen.
      if (epochs.includes(newest) && epochs.some(epoch => epoch < newest)) prove(peerId)
      if (duplicates.newestEpoch(peerId) === newest) break
    }
    asked.delete(peerId)
  }
  const see = ({ peerId, epoch, sequence }: ManifestVersion) => {
    const seen = duplicates.see(peerId, epoch, sequence, clock.monotonicMs())
    if (seen === 'duplicate') tell(peerId)
    if (seen !== 'another') return
    // That this life goes on shows every other peer that there are two.
    if (peerId === self) repeat()
    else void ask(peerId)
  }
  const own = new OwnLife({
    clock,
    log,
    current,
    renew(above) {
      const epoch = renewEpoch(above)
      repeat()
      return epoch
    },
    onCopy: () => prove(self)
  })
  return {
    onSeen(signed) {
      see(signed.manifest)
      if (signed.manifest.peerId === self) own.see(signed)
    },
    onStated: see,
    onEquivocated: prove,
    isDuplicated: peerId => duplicates.has(peerId, clock.monotonicMs()),
    wasBehind: () => own.wasBehind
  }
}
