/** What nodes believe of each other. */

import type { History, NodeView } from '../history.ts'
import { at, type Invariant } from './invariant.ts'

export const manifestsOnlyGrow: Invariant = {
  id: 'S6',
  promise: 'Whatever order manifests come in, those that a node accepts of a peer have ever higher numbers.',
  *broken(history) {
    for (const name of history.actors.map(actor => actor.name)) yield* brokenAt(name, history)
  }
}

/**
 * Within one life the numbers grow strictly. A new life may accept the newest
 * once more, for what it remembers is only the number; and a node whose machine
 * lost power may have lost the last numbers that it had not synced, which it
 * learns again from the others.
 */
function* brokenAt(node: string, history: History): Generator<string> {
  const newest = new Map<string, { epoch: number; sequence: number; life: number }>()
  let life = 0
  for (const entry of history.entries) {
    if (!('node' in entry) || entry.node !== node) continue
    if (entry.type === 'life') {
      if (entry.change === 'lost') newest.clear()
      if (entry.change === 'stopped') life++
    }
    if (entry.type !== 'event' || entry.event !== 'manifest.updated') continue
    const { peerId, epoch, sequence } = entry.data
    const known = newest.get(peerId)
    newest.set(peerId, { epoch, sequence, life })
    if (known === undefined) continue
    const order = epoch - known.epoch || sequence - known.sequence
    if (order > 0 || (order === 0 && known.life < life)) continue
    yield `${node} accepted ${epoch}/${sequence} of ${history.nameOf(peerId)} after ${known.epoch}/${known.sequence} (${at(entry.atMs)}).`
  }
}

export const refusalsChangeNothing: Invariant = {
  id: 'S10',
  promise: 'What is refused changes nothing that a node says of itself, its mesh or its peers.',
  *broken(history) {
    // What a hostile peer says of itself is its own, and comes and goes with it.
    const isHonest = (peerId: string) => (history.actor(peerId)?.kind ?? 'honest') === 'honest'
    const lasting = ({ members, providers, mesh }: NodeView): string =>
      JSON.stringify({
        mesh,
        members: members.filter(isHonest).sort(),
        providers: Object.entries(providers)
          .filter(([peerId]) => isHonest(peerId))
          .sort()
      })
    for (const { node, what, before, after, atMs } of history.of('rejected')) {
      if (lasting(before) !== lasting(after)) yield `${node} is another after ${what} (${at(atMs)}).`
    }
  }
}
