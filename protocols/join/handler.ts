/** The listener's half: a member that lets others in. */

import type { Stream } from '@libp2p/interface'
import { ProtocolViolationError } from '../../interface/errors.ts'
import type { AbortOptions } from '../../interface/lifecycle.ts'
import { decodeControl, encodeControl } from '../wire/control.ts'
import { encodeError } from '../wire/errors.ts'
import { FrameStream } from '../wire/frames.ts'
import { Ask, type Challenge, commitmentTo, FRAME, type Grant, Redeem, Reveal } from './codec.ts'

/** Decides about one dialer. What it throws is sent to the dialer. */
export interface JoinDesk {
  redeem(redeem: Redeem): Promise<Grant>
  /** The same for the same question. */
  challenge(ask: Ask): Challenge
  /** @returns nothing while no person has decided. */
  decide(ask: Ask, nonce: Uint8Array): Promise<Grant | undefined>
}

/** @throws {LumosError} what the dialer was refused with. */
export async function serveJoin(stream: Stream, desk: JoinDesk, options?: AbortOptions): Promise<void> {
  const frames = new FrameStream(stream)
  try {
    const grant = await talk(frames, desk, options)
    if (grant === undefined) await frames.write(FRAME.pending, new Uint8Array(0), options)
    else await frames.write(FRAME.grant, encodeControl(grant), options)
    await frames.close(options)
  } catch (thrown) {
    // The dialer gets the reason why its time or place is over.
    const why = options?.signal?.aborted ? options.signal.reason : thrown
    await refuse(frames, why)
    throw why
  }
}

async function talk(frames: FrameStream, desk: JoinDesk, options?: AbortOptions): Promise<Grant | undefined> {
  const first = await frames.read(options)
  if (first?.type === FRAME.redeem) return await desk.redeem(decodeControl(Redeem, first.body))
  if (first?.type !== FRAME.ask) throw new ProtocolViolationError('A join frame was expected.')

  const ask = decodeControl(Ask, first.body)
  await frames.write(FRAME.challenge, encodeControl(desk.challenge(ask)), options)
  const second = await frames.read(options)
  if (second?.type !== FRAME.reveal) throw new ProtocolViolationError('A nonce was expected.')
  const { nonce } = decodeControl(Reveal, second.body)
  if (Buffer.compare(commitmentTo(nonce), ask.commitment) !== 0) {
    throw new ProtocolViolationError('The nonce is not the one that was committed to.')
  }
  return await desk.decide(ask, nonce)
}

/** The only answer to a dialer that may not even ask. */
export const refuseJoin = (stream: Stream, why: unknown): Promise<void> =>
  refuse(new FrameStream(stream), why)

async function refuse(frames: FrameStream, thrown: unknown): Promise<void> {
  try {
    await frames.write(FRAME.refuse, encodeError(thrown))
    await frames.close()
  } catch {
    frames.abort(thrown as Error)
  }
}
