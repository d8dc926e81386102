/** Signs two manifests with one number, and tells one half of its victims this and the other half that. */

import { manifestTopic } from '../../node/network/gossip.ts'
import { type Behaviour, keepDoing, meet } from './behaviour.ts'

const INTERVAL_MS = 1000

export const equivocator: Behaviour = async attack => {
  const { peer } = attack
  const { pubsub } = peer.libp2p.services
  const topic = manifestTopic(peer.mesh)
  pubsub.subscribe(topic)
  let sequence = 1
  /** One of two stories, under the same number. */
  const story = (which: number) =>
    peer.sealed({
      sequence,
      capabilities: [{ task: 'text-generation', model: `story-${which}`, slots: 1 + which, warm: true }]
    })

  await keepDoing(attack, INTERVAL_MS, async victim => {
    const which = attack.victims().indexOf(victim) % 2
    const connection = await meet(attack, victim, () => story(which))
    await peer.hello(connection, await story(which))
    for (const other of [0, 1]) await pubsub.publish(topic, await story(other)).catch(() => {})
    sequence++
  })
}
