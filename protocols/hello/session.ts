/**
 * One exchange of hellos. Each side says which mesh it is of, shows its
 * certificates, judges the other's, and only then accepts it and hands over its
 * manifest. The dialer shows first: what this node is and can do is nothing for
 * strangers that dial it. The side that has received `accept` may use what the other serves to members.
 */

import type { Stream } from '@libp2p/interface'
import { LumosError, ProtocolViolationError, RemoteError, toLumosError } from '../../interface/errors.ts'
import type { AbortOptions } from '../../interface/lifecycle.ts'
import type { SignedManifest } from '../../interface/manifest.ts'
import { MANIFEST_BYTES_MAX, openManifest } from '../manifest/index.ts'
import { decodeControl, encodeControl } from '../wire/control.ts'
import { decodeError, encodeError } from '../wire/errors.ts'
import { type Frame, FrameStream } from '../wire/frames.ts'
import { Accept, Certificates, FRAME, Hello } from './codec.ts'

export interface HelloTerms {
  readonly own: Hello
  readonly certificates: readonly Uint8Array[]
  readonly manifest: SignedManifest
  /**
   * Decide about the peer; throws to refuse it.
   *
   * @returns fresh certificates for it, when it needs some and this node has or can issue them.
   */
  judge(peerId: string, certificates: readonly Uint8Array[], hello: Hello): Promise<readonly Uint8Array[]>
}

export interface HelloOutcome {
  readonly manifest: SignedManifest
  readonly hello: Hello
  /** Fresh certificates for this node; empty when it needs none. */
  readonly renewed: readonly Uint8Array[]
}

/**
 * Say hello over `stream` to `peerId`.
 *
 * @throws {LumosError} `DENIED` when the peer is of another mesh (`details.meshId`, `details.meshName`), `MANIFEST_FORGED` when it
 *   shows another peer's manifest as its own, what `judge` throws, or a
 *   `RemoteError` when the peer refuses this node; `details.revocation` is what it shows as the reason, not verified.
 *   The stream is over on every failure.
 */
export async function exchangeHello(
  stream: Stream,
  peerId: string,
  terms: HelloTerms,
  options?: AbortOptions
): Promise<HelloOutcome> {
  const frames = new FrameStream(stream)
  const show = () =>
    frames.write(FRAME.certificates, encodeControl({ chain: [...terms.certificates] }), options)
  try {
    await frames.write(FRAME.hello, encodeControl(terms.own), options)
    if (stream.direction === 'outbound') await show()

    const hello = await readHello(frames, peerId, terms.own.mesh, options)
    const shown = await expected(frames, FRAME.certificates, options)
    const { chain } = decodeControl(Certificates, shown.body)
    const renewed = await terms.judge(peerId, chain, hello)

    if (stream.direction === 'inbound') await show()
    await frames.write(FRAME.accept, encodeControl({ renewed }), options)
    await frames.write(FRAME.manifest, terms.manifest.envelope, options)

    const accept = decodeControl(Accept, (await expected(frames, FRAME.accept, options)).body)
    const manifest = await readManifest(frames, peerId, options)
    await frames.close(options)
    return { manifest, hello, renewed: accept.renewed }
  } catch (thrown) {
    await refuse(frames, thrown)
    throw thrown
  }
}

async function readHello(
  frames: FrameStream,
  peerId: string,
  mesh: string,
  options?: AbortOptions
): Promise<Hello> {
  const hello = decodeControl(Hello, (await expected(frames, FRAME.hello, options)).body)
  if (hello.mesh === mesh) return hello
  throw new LumosError('DENIED', `${peerId} is of another mesh, "${hello.meshName}".`, {
    details: { meshId: hello.mesh, meshName: hello.meshName }
  })
}

async function readManifest(
  frames: FrameStream,
  peerId: string,
  options?: AbortOptions
): Promise<SignedManifest> {
  const raw = await expected(frames, FRAME.manifest, { ...options, bytesMax: MANIFEST_BYTES_MAX })
  const signed = await openManifest(raw.body)
  if (signed.manifest.peerId === peerId) return signed
  throw new LumosError('MANIFEST_FORGED', `${peerId} said hello as ${signed.manifest.peerId}.`)
}

async function expected(
  frames: FrameStream,
  type: number,
  options?: AbortOptions & { readonly bytesMax?: number }
): Promise<Frame> {
  const frame = await frames.read(options)
  if (frame?.type === type) return frame
  if (frame?.type === FRAME.refuse) throw await refusal(frames, frame, options)
  throw new ProtocolViolationError(`A hello frame of type ${type} was expected.`)
}

/** Why the peer refuses this node, with the revocation that it shows; an older peer shows none. */
async function refusal(frames: FrameStream, { body }: Frame, options?: AbortOptions): Promise<RemoteError> {
  const { code, message, hint, details } = decodeError(body)
  const proof = await frames.read(options).catch(() => undefined)
  const revocation = proof?.type === FRAME.proof ? { revocation: proof.body } : {}
  return new RemoteError(code, message, { hint, details: { ...details, ...revocation } })
}

/** The only answer to a dialer that may not even say hello: nothing of this node's own is shown to it. */
export const refuseHello = (stream: Stream, why: unknown): Promise<void> =>
  refuse(new FrameStream(stream), why)

/** A peer that is refused gets the reason, unless the refusal is its own. */
async function refuse(frames: FrameStream, thrown: unknown): Promise<void> {
  if (thrown instanceof RemoteError) return frames.abort(thrown)
  try {
    await frames.write(FRAME.refuse, encodeError(thrown))
    const { revocation } = toLumosError(thrown).details
    if (revocation instanceof Uint8Array) await frames.write(FRAME.proof, revocation)
    await frames.close()
  } catch {
    frames.abort(thrown as Error)
  }
}
