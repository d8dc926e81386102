/** The listener's half of a pull. */

import type { Stream } from '@libp2p/interface'
import { ProtocolViolationError } from '../../interface/errors.ts'
import type { AbortOptions } from '../../interface/lifecycle.ts'
import { decodeControl, encodeControl } from '../wire/control.ts'
import { FrameStream } from '../wire/frames.ts'
import {
  type AgedEnvelope,
  ENTRIES_MAX,
  FRAME,
  type ManifestVersions,
  VERSIONS_MAX,
  Versions
} from './codec.ts'

/** Answer one pull with what `newerThan` finds. Resets the stream when the dialer breaks the protocol. */
export async function servePull(
  stream: Stream,
  newerThan: (versions: ManifestVersions) => AgedEnvelope[],
  options?: AbortOptions
): Promise<void> {
  const frames = new FrameStream(stream)
  try {
    const entries = newerThan(await readVersions(frames, options))
    for (const { ageMs, envelope } of entries.slice(0, ENTRIES_MAX)) {
      await frames.write(FRAME.age, encodeControl({ ageMs }), options)
      await frames.write(FRAME.envelope, envelope, options)
    }
    await frames.write(FRAME.end, new Uint8Array(0), options)
    await frames.close(options)
  } catch (thrown) {
    frames.abort(thrown as Error)
    throw thrown
  }
}

async function readVersions(frames: FrameStream, options?: AbortOptions): Promise<ManifestVersions> {
  const held: ManifestVersions = []
  for (;;) {
    const frame = await frames.read(options)
    if (frame?.type !== FRAME.versions) throw new ProtocolViolationError('A pull begins with versions.')
    const { versions, last } = decodeControl(Versions, frame.body)
    held.push(...versions)
    if (last) return held
    if (held.length > VERSIONS_MAX) throw new ProtocolViolationError(`More than ${VERSIONS_MAX} versions.`)
    if (versions.length === 0) throw new ProtocolViolationError('Versions without any, and not the last.')
  }
}
