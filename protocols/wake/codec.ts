/**
 * `/lumos/wake/1`: a member asks another one to wake a device on its local network.
 *
 *     dialer    ask      peer: the PeerId of the device
 *     listener  sent     packets: how many magic packets left; 0 where some have just left
 *               refused  an error
 *
 * An ask names a device and no hardware address: the listener wakes those only that have told it that they may be woken.
 */

import * as z from 'zod'
import { PeerIdText } from '../../interface/membership.ts'
import { decodeControl, encodeControl } from '../wire/control.ts'

export const WAKE_PROTOCOL = ['/lumos/wake/1']
/** One dialer asks one thing at a time; the second stream is of an ask that ended just now. */
export const WAKE_STREAMS_INBOUND_MAX = 2
export const FRAME = { ask: 1, sent: 16, refused: 17 } as const
/** A PeerId, and room for what later versions add. */
export const ASK_BYTES_MAX = 256

export const Ask = z.object({ peer: PeerIdText })
export const Sent = z.object({ packets: z.int().min(0) })

/** A laptop has one for its Wi-Fi, one for its cable and one for its dock. */
export const MACS_MAX = 8
const MAC_BYTES = 6

/** Of one network card: a group of cards, and zero, are none. */
const isOfOneCard = (mac: unknown): mac is Uint8Array =>
  mac instanceof Uint8Array &&
  mac.byteLength === MAC_BYTES &&
  (mac[0]! & 1) === 0 &&
  mac.some(byte => byte !== 0)

/** What a device that may be woken says in its manifest. */
const Part = z.object({ macs: z.array(z.custom<Uint8Array>(isOfOneCard)).min(1).max(MACS_MAX) })

export const encodePart = (macs: readonly Uint8Array[]): Uint8Array => encodeControl({ macs: [...macs] })

/** @throws {ProtocolViolationError} unless it holds up to {@link MACS_MAX} hardware addresses of single cards. */
export const decodePart = (part: Uint8Array): Uint8Array[] => decodeControl(Part, part).macs
