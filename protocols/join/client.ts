/** The dialer's half: the device that wants to become a member. */

import type { Stream } from '@libp2p/interface'
import { PeerUnreachableError, ProtocolViolationError } from '../../interface/errors.ts'
import type { AbortOptions } from '../../interface/lifecycle.ts'
import { decodeControl, encodeControl } from '../wire/control.ts'
import { decodeError } from '../wire/errors.ts'
import { type Frame, FrameStream } from '../wire/frames.ts'
import { Challenge, commitmentTo, FRAME, Grant, type Redeem } from './codec.ts'

/** @throws {RemoteError} `INVITE_INVALID`, `INVITE_USED`, `INVITE_EXPIRED` or what else the listener says. */
export function redeemInvite(stream: Stream, redeem: Redeem, options?: AbortOptions): Promise<Grant> {
  return over(stream, options, async frames => {
    await frames.write(FRAME.redeem, encodeControl(redeem), options)
    return decodeControl(Grant, expected(await frames.read(options), FRAME.grant).body)
  })
}

export interface Question {
  readonly name: string
  /** Random, and the same each time this device asks. */
  readonly nonce: Uint8Array
  /** The listener's answer, of which both sides make the check phrase. */
  onChallenge(challenge: Challenge): void
}

/**
 * @returns nothing while no person has decided; ask again then, over a new stream.
 * @throws {RemoteError} `DENIED` when a person said no, or what else the listener says.
 */
export function askToJoin(
  stream: Stream,
  { name, nonce, onChallenge }: Question,
  options?: AbortOptions
): Promise<Grant | undefined> {
  return over(stream, options, async frames => {
    const commitment = commitmentTo(nonce)
    await frames.write(FRAME.ask, encodeControl({ version: 1, name, commitment }), options)
    onChallenge(decodeControl(Challenge, expected(await frames.read(options), FRAME.challenge).body))
    await frames.write(FRAME.reveal, encodeControl({ nonce }), options)
    const frame = expected(await frames.read(options), FRAME.grant, FRAME.pending)
    return frame.type === FRAME.grant ? decodeControl(Grant, frame.body) : undefined
  })
}

async function over<T>(
  stream: Stream,
  options: AbortOptions | undefined,
  talk: (frames: FrameStream) => Promise<T>
): Promise<T> {
  const frames = new FrameStream(stream)
  try {
    const result = await talk(frames)
    await frames.close(options)
    return result
  } catch (thrown) {
    frames.abort(thrown as Error)
    throw thrown
  }
}

function expected(frame: Frame | undefined, ...types: number[]): Frame {
  if (frame !== undefined && types.includes(frame.type)) return frame
  if (frame?.type === FRAME.refuse) throw decodeError(frame.body)
  if (frame === undefined) throw new PeerUnreachableError('The connection was lost before the answer came.')
  throw new ProtocolViolationError('A join frame was expected.')
}
