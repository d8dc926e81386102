/** The part of a round that this device has from the origin: what no other device has, once it has taken what they have. */

import type { Clock } from '../../../interface/clock.ts'
import { LEAF_BYTES } from '../../../interface/limits.ts'
import type { PartialFile } from '../../../storage/weights/types.ts'
import type { LeafTarget } from '../origins/index.ts'
import type { Pullers } from './pullers.ts'

/** What other devices have is taken first, for so long, and for a while more for each leaf that came. */
const DRAIN_MS = 10_000
/** A link of 4 MiB/s sends a leaf in this time. A device that is slower is not waited for. */
const DRAIN_LEAF_MS = 250
const DRAIN_CHECK_MS = 100

export interface OwnDownloadComponents {
  readonly clock: Clock
  readonly partial: PartialFile
  readonly pullers: Pick<Pullers, 'hasMore' | 'wake'>
  /** When the last leaf came, from whichever device. */
  leafMs(): number
  /** All leaves that are missing, from the origin. */
  download(target: LeafTarget, signal: AbortSignal): Promise<void>
  /** A leaf is on disk. */
  onLeaf(leaf: number, bytes: number): void
  /** What the origin has sent, and in which time. */
  onLink(bytes: number, ms: number): void
}

export async function ownDownload(components: OwnDownloadComponents, signal: AbortSignal): Promise<void> {
  const { clock, partial, download, onLeaf, onLink } = components
  await drained(components, signal)
  const beganMs = clock.monotonicMs()
  let sent = 0
  const target: LeafTarget = {
    bytes: partial.bytes,
    leaves: partial.leaves,
    has: leaf => partial.has(leaf),
    read: leaf => partial.read(leaf),
    discard: () => partial.discard(),
    async write(leaf, bytes, digest) {
      await partial.write(leaf, bytes, digest)
      sent += bytes.byteLength
      onLeaf(leaf, bytes.byteLength)
    }
  }
  try {
    await download(target, signal)
  } finally {
    onLink(sent, clock.monotonicMs() - beganMs)
  }
}

/** Once other devices have nothing that is missing here. */
async function drained(
  { clock, partial, pullers, leafMs }: OwnDownloadComponents,
  signal: AbortSignal
): Promise<void> {
  const beganMs = clock.monotonicMs()
  const { bytesHave } = partial
  const untilMs = (): number => {
    const leaves = Math.ceil((partial.bytesHave - bytesHave) / LEAF_BYTES)
    return Math.min(beganMs + leaves * DRAIN_LEAF_MS, Math.max(beganMs, leafMs())) + DRAIN_MS
  }
  while (pullers.hasMore && clock.monotonicMs() < untilMs()) {
    pullers.wake()
    await new Promise<void>(resolve => clock.setTimer(resolve, DRAIN_CHECK_MS))
    signal.throwIfAborted()
  }
}
