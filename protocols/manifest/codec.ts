/** `/lumos/manifest/1`: the messages of a pull. The dialer says what it has, the listener sends what is newer. */

import * as z from 'zod'

/** Ids of the protocol, the newest first: both sides offer all of them, and libp2p takes the first that both know. */
export const MANIFEST_PROTOCOL = ['/lumos/manifest/1']

export const FRAME = {
  /** Dialer: some of the numbers it holds. `last` marks the final one. */
  versions: 1,
  /** Listener: the age of a manifest whose envelope follows. */
  age: 2,
  /** Listener: that envelope, raw. */
  envelope: 3,
  /** Listener: nothing more is newer. */
  end: 4
} as const

/** A number takes about 65 bytes, and a first frame may hold 16 KiB. */
export const VERSIONS_PER_FRAME_MAX = 200
/** As many as a node keeps. */
export const VERSIONS_MAX = 4096
/** What one pull may bring; the rest comes with the next. */
export const ENTRIES_MAX = 1024

export const Versions = z.object({
  versions: z
    .array(
      z.object({
        peerId: z.string().min(1).max(128),
        epoch: z.int().min(0),
        sequence: z.int().min(0)
      })
    )
    .max(VERSIONS_PER_FRAME_MAX),
  last: z.boolean()
})
export type ManifestVersions = z.infer<typeof Versions>['versions']

/** How long the sender has held the manifest, by its own clock and the words of those before it. */
export const Age = z.object({ ageMs: z.int().min(0) })

export interface AgedEnvelope {
  readonly envelope: Uint8Array
  readonly ageMs: number
}
