/**
 * One exchange of hellos. Both sides do the same: say theirs, hear the other's.
 *
 * Each hello is one control frame and the sender's manifest, raw.
 */

import type { Stream } from '@libp2p/interface'
import { LumosError, ProtocolViolationError } from '../../interface/errors.ts'
import type { AbortOptions } from '../../interface/lifecycle.ts'
import type { SignedManifest } from '../../interface/manifest.ts'
import { decodeControl, encodeControl } from '../control.ts'
import { FrameStream } from '../frames.ts'
import { MANIFEST_BYTES_MAX, openManifest } from '../manifest/index.ts'
import { FRAME, Hello } from './codec.ts'

export interface OwnHello {
  readonly mesh: string
  readonly manifest: SignedManifest
}

/**
 * Say hello over `stream` to `peerId` and return its verified manifest.
 *
 * @throws {LumosError} `DENIED` when the peer is of another mesh, `MANIFEST_FORGED` when it
 *   shows somebody else's manifest as its own. The stream is reset on every failure.
 */
export async function exchangeHello(
  stream: Stream,
  peerId: string,
  own: OwnHello,
  options?: AbortOptions
): Promise<SignedManifest> {
  const frames = new FrameStream(stream)
  try {
    await frames.write(FRAME.hello, encodeControl({ version: 1, mesh: own.mesh }), options)
    await frames.write(FRAME.manifest, own.manifest.envelope, options)

    const frame = await frames.read(options)
    if (frame?.type !== FRAME.hello) throw new ProtocolViolationError('A hello was expected.')
    const { mesh } = decodeControl(Hello, frame.body)
    if (mesh !== own.mesh) throw new LumosError('DENIED', `${peerId} is of the mesh "${mesh}".`)

    const raw = await frames.read({ ...options, bytesMax: MANIFEST_BYTES_MAX })
    if (raw?.type !== FRAME.manifest) throw new ProtocolViolationError('A manifest was expected.')
    const signed = await openManifest(raw.body)
    if (signed.manifest.peerId !== peerId) {
      throw new LumosError('MANIFEST_FORGED', `${peerId} said hello as ${signed.manifest.peerId}.`)
    }
    await frames.close(options)
    return signed
  } catch (thrown) {
    frames.abort(thrown as Error)
    throw thrown
  }
}
