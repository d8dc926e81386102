/** The dialer's half of a pull. */

import type { Stream } from '@libp2p/interface'
import { ProtocolViolationError } from '../../interface/errors.ts'
import type { AbortOptions } from '../../interface/lifecycle.ts'
import { decodeControl, encodeControl } from '../wire/control.ts'
import { FrameStream } from '../wire/frames.ts'
import {
  Age,
  type AgedEnvelope,
  ENTRIES_MAX,
  FRAME,
  type ManifestVersions,
  VERSIONS_PER_FRAME_MAX
} from './codec.ts'
import { MANIFEST_BYTES_MAX } from './envelope.ts'

/** Everything the listener holds that is newer than `held`, as it comes in; not verified. */
export async function* pullManifests(
  stream: Stream,
  held: ManifestVersions,
  options?: AbortOptions
): AsyncGenerator<AgedEnvelope> {
  const frames = new FrameStream(stream)
  let ended = false
  try {
    for (let start = 0; start === 0 || start < held.length; start += VERSIONS_PER_FRAME_MAX) {
      const versions = held.slice(start, start + VERSIONS_PER_FRAME_MAX)
      const last = start + VERSIONS_PER_FRAME_MAX >= held.length
      await frames.write(FRAME.versions, encodeControl({ versions, last }), options)
    }
    for (let entries = 0; entries <= ENTRIES_MAX; entries++) {
      const frame = await frames.read(options)
      if (frame?.type === FRAME.end) {
        ended = true
        return
      }
      if (frame?.type !== FRAME.age) throw new ProtocolViolationError('A pull of manifests was cut short.')
      const { ageMs } = decodeControl(Age, frame.body)
      const raw = await frames.read({ ...options, bytesMax: MANIFEST_BYTES_MAX })
      if (raw?.type !== FRAME.envelope) throw new ProtocolViolationError('An envelope was expected.')
      yield { envelope: raw.body, ageMs }
    }
    throw new ProtocolViolationError(`A pull brought more than ${ENTRIES_MAX} manifests.`)
  } finally {
    if (ended) await frames.close(options)
    else frames.abort(new ProtocolViolationError('The pull was given up.'))
  }
}
