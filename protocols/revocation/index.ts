/**
 * `/lumos/revocation/1`: all revocations of the listener, for a dialer whose set
 * differs. A set is small and only grows, so it is sent whole, or not at all.
 *
 *     dialer    pull    the digest of its set, or empty
 *     listener  entry   {envelope, issuerCertificate}, one revocation each
 *               end     empty
 */

import type { Stream } from '@libp2p/interface'
import * as z from 'zod'
import { ProtocolViolationError } from '../../interface/errors.ts'
import type { AbortOptions } from '../../interface/lifecycle.ts'
import { decodeControl, encodeControl } from '../wire/control.ts'
import { FrameStream } from '../wire/frames.ts'

/** Ids of the protocol, the newest first: both sides offer all of them, and libp2p takes the first that both know. */
export const REVOCATION_PROTOCOL = ['/lumos/revocation/1']
/** What one pull may bring: the full rooms of thirty admins, and the root's. The root's come first. */
const ENTRIES_MAX = 16_384
const FRAME = { pull: 1, entry: 2, end: 3 } as const

const Entry = z.object({
  envelope: z.instanceof(Uint8Array),
  /** The signing admin's certificate; null when the root signed. */
  issuerCertificate: z.instanceof(Uint8Array).nullable()
})
export interface RevocationEntry {
  readonly envelope: Uint8Array
  readonly issuerCertificate: Uint8Array | null
}

/** One revocation as bytes, also as a gossip message. */
export const encodeRevocation = ({ envelope, issuerCertificate }: RevocationEntry): Uint8Array =>
  encodeControl({ envelope, issuerCertificate })

/** @throws {ProtocolViolationError} when it is none. Whether it is genuine is for others to say. */
export const decodeRevocation = (bytes: Uint8Array): RevocationEntry => decodeControl(Entry, bytes)

export interface PullOptions extends AbortOptions {
  /** Of what the dialer holds: a listener with the same set sends nothing. */
  readonly digest?: string
}

/** Everything the listener holds, as it comes in; not verified. */
export async function* pullRevocations(
  stream: Stream,
  options?: PullOptions
): AsyncGenerator<RevocationEntry> {
  const frames = new FrameStream(stream)
  let ended = false
  try {
    await frames.write(FRAME.pull, Buffer.from(options?.digest ?? ''), options)
    for (let entries = 0; entries <= ENTRIES_MAX; entries++) {
      const frame = await frames.read(options)
      ended = frame?.type === FRAME.end
      if (ended) return
      if (frame?.type !== FRAME.entry) throw new ProtocolViolationError('A revocation was expected.')
      yield decodeRevocation(frame.body)
    }
    throw new ProtocolViolationError(`More than ${ENTRIES_MAX} revocations.`)
  } finally {
    if (ended) await frames.close(options)
    else frames.abort(new ProtocolViolationError('The pull was given up.'))
  }
}

/** Answer one pull. The stream is reset when the dialer breaks the protocol. */
export async function serveRevocations(
  stream: Stream,
  { revocations, digest }: { revocations: readonly RevocationEntry[]; digest: string },
  options?: AbortOptions
): Promise<void> {
  const frames = new FrameStream(stream)
  try {
    const frame = await frames.read(options)
    if (frame?.type !== FRAME.pull) throw new ProtocolViolationError('A pull was expected.')
    const lacking = Buffer.from(digest).equals(frame.body) ? [] : revocations
    for (const entry of lacking) await frames.write(FRAME.entry, encodeRevocation(entry), options)
    await frames.write(FRAME.end, new Uint8Array(0), options)
    await frames.close(options)
  } catch (thrown) {
    frames.abort(thrown as Error)
    throw thrown
  }
}
