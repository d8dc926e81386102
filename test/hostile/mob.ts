/** What a stranger, its accomplices in the mesh and an admin that turned do, each on and on until it is stopped. */

import type { Stream } from '@libp2p/interface'
import { systemClock } from '../../interface/clock.ts'
import type { LumosNode } from '../../interface/node.ts'
import { chunkFrames, INFERENCE_PROTOCOL } from '../../protocols/inference/codec.ts'
import { JOIN_PROTOCOL } from '../../protocols/join/index.ts'
import { FrameStream } from '../../protocols/wire/frames.ts'
import { type Attack, keepDoing, meet, pause } from '../../sim/hostile/behaviour.ts'
import type { HostilePeer } from '../node/hostile-peer.ts'
import { hiddenByVersion, hiddenInSerial } from '../protocols/certificates.ts'
import { forger, passAs, type Seen, type Shown } from './forger.ts'

/** Fresh dials of one address are bounded to 50 a second, and the honest ones here share it. */
const DIAL_INTERVAL_MS = 150
/** As often as a manifest may change without being shut out for it. */
const CLAIM_INTERVAL_MS = 2000
const JOIN_STREAMS = 2

export interface Scene {
  readonly victims: readonly LumosNode[]
  readonly signal: AbortSignal
}

export const attackOf = ({ victims, signal }: Scene, peer: HostilePeer): Attack => ({
  ...{ peer, signal, victims: () => victims, clock: systemClock, random: Math.random, did() {} }
})

/** How often each harm was done. */
export interface Tally {
  forged: number
  /** Forged certificates that got an answer of any kind. */
  believed: number
  /** Requests for another member that came to one that bears its name. */
  diverted: number
  endless: number
  silent: number
}

export const newTally = (): Tally => ({ forged: 0, believed: 0, diverted: 0, endless: 0, silent: 0 })

/** Dials with both forgeries of a member's certificate, in turn. */
export async function forge(scene: Scene, seen: Seen, shown: Shown, tally: Tally): Promise<void> {
  const forgers = await Promise.all([hiddenInSerial, hiddenByVersion].map(hide => forger(seen, hide)))
  while (!scene.signal.aborted) {
    for (const node of scene.victims) {
      for (const { dialer } of forgers) {
        const { frames, answered } = await passAs({ dialer }, shown, node.status())
        tally.forged++
        if (answered || frames.length > 0) tally.believed++
        await pause({ ...scene, clock: systemClock }, DIAL_INTERVAL_MS)
      }
    }
  }
  await Promise.all(forgers.map(({ dialer }) => dialer[Symbol.asyncDispose]()))
}

/** Says on and on that it is `name`, and that it has its model. */
export async function squat(scene: Scene, peer: HostilePeer, name: string, tally: Tally): Promise<void> {
  await peer.libp2p.handle(INFERENCE_PROTOCOL, stream => {
    tally.diverted++
    stream.abort(new Error('caught'))
  })
  await claim(scene, peer, name, 'echo')
}

/** Offers a model of its own, and answers each request with text that never ends. */
export async function answerWithoutEnd(scene: Scene, peer: HostilePeer, tally: Tally): Promise<void> {
  await peer.libp2p.handle(INFERENCE_PROTOCOL, async stream => {
    const frames = new FrameStream(stream)
    try {
      // The number of a first call is one byte.
      const call = (await frames.read())!.body[0]!
      tally.endless++
      for (let index = 0; !scene.signal.aborted; index++) {
        await frames.writeAll(chunkFrames(call, { type: 'text', index, text: 'more '.repeat(200) }))
        // Memory of this process is measured by no test, but its turns are shared.
        if (index % 8 === 0) await new Promise(resolve => setImmediate(resolve))
      }
    } catch {
      // The asker has reset the stream.
    }
  })
  await claim(scene, peer, 'endless', 'endless')
}

async function claim(scene: Scene, peer: HostilePeer, name: string, model: string): Promise<void> {
  const attack = attackOf(scene, peer)
  let sequence = 0
  const manifest = () => {
    const capabilities = [{ task: 'text-generation', model, slots: 4, warm: true }]
    const addresses = peer.libp2p.getMultiaddrs().map(String)
    return peer.sealed({ name, capabilities, addresses, sequence: ++sequence })
  }
  await keepDoing(attack, CLAIM_INTERVAL_MS, async victim => {
    const connection = await meet(attack, victim, manifest)
    await peer.hello(connection, await manifest())
  })
}

/** Holds streams to join at `node` and says nothing on them; each that is reset is opened again. */
export async function holdJoins(scene: Scene, peer: HostilePeer, node: LumosNode, tally: Tally) {
  const { signal } = scene
  const hold = async (): Promise<void> => {
    while (!signal.aborted) {
      const held = await openSilently(scene, peer, node).catch(() => undefined)
      if (held === undefined) await pause({ signal, clock: systemClock }, 10 * DIAL_INTERVAL_MS)
      else {
        tally.silent++
        await held.closed
      }
    }
  }
  await Promise.all(Array.from({ length: JOIN_STREAMS }, hold))
}

/** @returns what resolves at the end of the stream, which comes at the latest when the attack ends. */
async function openSilently({ signal }: Scene, peer: HostilePeer, node: LumosNode) {
  const known = peer.libp2p.getConnections()[0]
  const connection = known ?? (await peer.dial(node, signal))
  const stream: Stream = await connection.newStream(JOIN_PROTOCOL, { signal })
  const over = () => stream.abort(new Error('over'))
  const closed = new Promise<void>(resolve => stream.addEventListener('close', () => resolve()))
  stream.addEventListener('end', over)
  stream.send(new Uint8Array([1]))
  signal.addEventListener('abort', over, { once: true })
  return { closed }
}
