/** What every kind of hostile peer has to work with. */

import type { Connection, Stream } from '@libp2p/interface'
import type { Clock, Random } from '../../interface/clock.ts'
import type { LumosNode } from '../../interface/node.ts'
import { HELLO_PROTOCOL } from '../../protocols/hello/index.ts'
import { INFERENCE_PROTOCOL } from '../../protocols/inference/index.ts'
import { JOIN_PROTOCOL } from '../../protocols/join/index.ts'
import { MANIFEST_PROTOCOL } from '../../protocols/manifest/index.ts'
import { REVOCATION_PROTOCOL } from '../../protocols/revocation/index.ts'
import type { HostilePeer } from './peer.ts'

/** Every protocol of ours, and what libp2p's own parts speak. */
export const PROTOCOLS = [
  ...HELLO_PROTOCOL,
  ...JOIN_PROTOCOL,
  ...MANIFEST_PROTOCOL,
  ...REVOCATION_PROTOCOL,
  ...INFERENCE_PROTOCOL,
  '/meshsub/1.2.0',
  '/ipfs/id/1.0.0',
  '/ipfs/ping/1.0.0'
] as const

export interface Attack {
  readonly peer: HostilePeer
  /** Whom it attacks: those of its targets that run now. */
  victims(): readonly LumosNode[]
  readonly random: Random
  readonly signal: AbortSignal
  readonly clock: Clock
  /** One more harm was done, as far as it knows. */
  did(): void
}

/** Does its harm until the signal is aborted; what its victims do against it, it puts up with. */
export type Behaviour = (attack: Attack) => Promise<void>

/** Who was sent away comes again after this long. */
const REDIAL_MS = 500

/** Resolves after `delayMs`, or at once when the attack is over. */
export function pause({ signal, clock }: Pick<Attack, 'signal' | 'clock'>, delayMs: number): Promise<void> {
  return new Promise(resolve => {
    if (signal.aborted) resolve()
    const timer = clock.setTimer(resolve, delayMs)
    signal.addEventListener(
      'abort',
      () => {
        timer.cancel()
        resolve()
      },
      { once: true }
    )
  })
}

/** Do `harm` to each victim again and again, `everyMs` or as soon as the last time is over. */
export async function keepDoing(
  attack: Attack,
  everyMs: number,
  harm: (victim: LumosNode) => Promise<void>
): Promise<void> {
  while (!attack.signal.aborted) {
    const harms = attack
      .victims()
      .map(victim => harm(victim).then(attack.did, () => pause(attack, REDIAL_MS)))
    await Promise.all(harms)
    await pause(attack, everyMs)
  }
}

/** An open connection to the victim, after a hello with `envelope`. */
export async function meet(
  { peer, signal }: Attack,
  victim: LumosNode,
  envelope: () => Promise<Uint8Array>
): Promise<Connection> {
  const known = peer.libp2p.getConnections().find(({ remotePeer }) => `${remotePeer}` === victim.peerId)
  if (known !== undefined) return known
  const connection = await peer.dial(victim, signal)
  await peer.hello(connection, await envelope())
  return connection
}

/** How long it waits for a stream that nobody may want to give it. */
const STREAM_TIMEOUT_MS = 3000

/** A stream of `protocol`, whether the other side is known to speak it or not. */
export const openStream = (
  connection: Connection,
  protocol: string | string[],
  signal: AbortSignal
): Promise<Stream> =>
  connection.newStream(protocol, {
    signal: AbortSignal.any([signal, AbortSignal.timeout(STREAM_TIMEOUT_MS)])
  })
