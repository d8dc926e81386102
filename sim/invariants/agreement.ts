/** Whether those who run see the same mesh, by what each says of itself. */

import type { Actor, History, NodeView } from '../history.ts'
import { at } from './invariant.ts'

type Seen = { readonly actor: Actor; readonly view: NodeView }

/**
 * What running members do not agree on, by the last that each said between two
 * times; none when they do.
 */
export function* disagreements(
  history: History,
  { fromMs, toMs }: { fromMs: number; toMs: number }
): Generator<string> {
  const removed = removedUntil(history, toMs)
  const last = new Map(
    history
      .of('view')
      .filter(({ atMs }) => atMs >= fromMs && atMs <= toMs)
      .map(({ node, view }) => [node, view])
  )
  const seen: Seen[] = []
  for (const actor of history.running(toMs)) {
    if (removed.has(actor.peerId)) continue
    const view = last.get(actor.name)
    if (view === undefined) yield `${actor.name} has not been looked at.`
    else seen.push({ actor, view })
  }
  for (const { actor, view } of seen) {
    const members = new Set(view.members)
    for (const peerId of removed) {
      if (members.has(peerId))
        yield `${actor.name} takes ${history.nameOf(peerId)}, who was removed, for a member.`
    }
    if (view.mesh !== seen[0]!.view.mesh) yield `${actor.name} calls the mesh "${view.mesh}".`
    for (const other of seen) {
      if (!members.has(other.actor.peerId))
        yield `${actor.name} does not take ${other.actor.name} for a member.`
      const believed = view.providers[other.actor.peerId] ?? 'nothing'
      const offered = other.view.providers[other.actor.peerId] ?? 'nothing'
      if (believed !== offered)
        yield `${actor.name} believes that ${other.actor.name} offers ${believed}, not ${offered}.`
    }
  }
}

/** Devices that any node has said it removed, or learned were. */
export function removedUntil(history: History, toMs: number): Set<string> {
  const removed = new Set<string>()
  for (const { data, atMs } of history.events('mesh.member_revoked'))
    if (atMs <= toMs) removed.add(data.peerId)
  for (const { fact, atMs } of history.of('acknowledged')) {
    if (fact.kind === 'revoked' && atMs <= toMs) removed.add(fact.peerId)
  }
  return removed
}

/** When, in the window, all agreed for the first time; what kept them apart at its end when they never did. */
export function agreedAt(history: History, fromMs: number, toMs: number): number | string {
  const looksMs = new Set(
    history
      .of('view')
      .map(({ atMs }) => atMs)
      .filter(atMs => atMs >= fromMs && atMs <= toMs)
  )
  for (const lookMs of looksMs) {
    if (disagreements(history, { fromMs, toMs: lookMs }).next().done) return lookMs
  }
  const [first = 'nobody was looked at', ...more] = disagreements(history, { fromMs, toMs })
  return `at ${at(toMs)}: ${first}${more.length > 0 ? ` And ${more.length} more.` : ''}`
}
