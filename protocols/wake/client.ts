/** The dialer's half. */

import type { Stream } from '@libp2p/interface'
import type { Clock } from '../../interface/clock.ts'
import { PeerUnreachableError, ProtocolViolationError } from '../../interface/errors.ts'
import type { AbortOptions } from '../../interface/lifecycle.ts'
import { decodeControl, encodeControl } from '../wire/control.ts'
import { decodeError } from '../wire/errors.ts'
import { FrameStream } from '../wire/frames.ts'
import { FRAME, Sent } from './codec.ts'

/** @throws {LumosError} what the listener refuses it with. */
export async function askToWake(
  stream: Stream,
  peer: string,
  { clock, signal }: AbortOptions & { readonly clock: Clock }
): Promise<number> {
  const frames = new FrameStream(stream, { clock })
  try {
    await frames.write(FRAME.ask, encodeControl({ peer }), { signal })
    const frame = await frames.read({ signal })
    if (frame === undefined) throw new PeerUnreachableError('The connection was lost before the answer came.')
    if (frame.type === FRAME.refused) throw decodeError(frame.body)
    if (frame.type !== FRAME.sent)
      throw new ProtocolViolationError(`A listener of wake sends no frame of type ${frame.type}.`)
    const { packets } = decodeControl(Sent, frame.body)
    await frames.close({ signal })
    return packets
  } catch (thrown) {
    frames.abort(thrown as Error)
    throw thrown
  }
}
