/** The listener's half. */

import type { Connection, Stream, StreamHandler } from '@libp2p/interface'
import type { Clock } from '../../interface/clock.ts'
import { ProtocolViolationError, toLumosError } from '../../interface/errors.ts'
import type { Logger } from '../../interface/lifecycle.ts'
import { decodeControl, encodeControl } from '../wire/control.ts'
import { encodeError } from '../wire/errors.ts'
import { FrameStream } from '../wire/frames.ts'
import { ASK_BYTES_MAX, Ask, FRAME } from './codec.ts'

export interface WakeHandlerComponents {
  readonly clock: Clock
  readonly log: Logger
  /** Sends to this device. @returns how many packets left. @throws {LumosError} */
  wake(asker: string, peer: string): Promise<number>
}

/** Serves a stream until it ends. Never rejects. */
export const wakeHandler =
  ({ clock, log, wake }: WakeHandlerComponents): StreamHandler =>
  async (stream: Stream, { remotePeer }: Connection): Promise<void> => {
    const asker = remotePeer.toString()
    const frames = new FrameStream(stream, { clock })
    try {
      const frame = await frames.read({ owed: true, bytesMax: ASK_BYTES_MAX })
      if (frame === undefined) return
      if (frame.type !== FRAME.ask)
        throw new ProtocolViolationError(`A dialer of wake sends no frame of type ${frame.type}.`)
      const { peer } = decodeControl(Ask, frame.body)
      try {
        await frames.write(FRAME.sent, encodeControl({ packets: await wake(asker, peer) }))
      } catch (err) {
        await frames.write(FRAME.refused, encodeError(err))
      }
      await frames.close()
    } catch (err) {
      const { code, message } = toLumosError(err)
      log.debug({ peerId: asker, code, why: message }, 'a stream of wake was reset')
      frames.abort(err as Error)
    }
  }
