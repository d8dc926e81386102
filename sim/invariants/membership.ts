/** Who is let in, who is kept out, and what was said about it. */

import type { EntryOf, History } from '../history.ts'
import { at, type Invariant } from './invariant.ts'

/** What anyone may speak: both are bounded, and lead nowhere without an invitation. */
const OPEN_TO_STRANGERS: ReadonlySet<string> = new Set(['/lumos/hello/1', '/lumos/join/1'])

export const strangersGetNothing: Invariant = {
  id: 'S4',
  promise: 'Who is no member gets no byte beyond hello and join.',
  *broken(history) {
    for (const { node, peerId, protocol, bytes, atMs } of history.of('received')) {
      if (history.actor(peerId)?.kind !== 'stranger' || OPEN_TO_STRANGERS.has(protocol) || bytes === 0)
        continue
      yield `${history.nameOf(peerId)}, no member, got ${bytes} bytes of ${protocol} from ${node} (${at(atMs)}).`
    }
    for (const { node, data, atMs } of history.events('inference.serving_started')) {
      if (history.actor(data.peerId)?.kind !== 'stranger') continue
      yield `${node} served ${history.nameOf(data.peerId)}, no member (${at(atMs)}).`
    }
  }
}

/** Work under way learns of a revocation when its signal fires; a busy process takes a moment for it. */
const SERVING_ENDS_MS = 1000

export const revokedAreNotServed: Invariant = {
  id: 'S5',
  promise: `Once a node has applied a revocation it serves that peer nothing, and what was under way ends within ${SERVING_ENDS_MS} ms.`,
  *broken(history) {
    for (const { node, data, atMs } of history.events('mesh.member_revoked')) {
      const who = history.nameOf(data.peerId)
      const ofPeer = ({ node: server, data: served }: { node: string; data: { peerId: string } }) =>
        server === node && served.peerId === data.peerId
      const started = history.events('inference.serving_started').filter(ofPeer)
      const ended = history.events('inference.serving_ended').filter(ofPeer)
      for (const start of started) {
        if (start.atMs > atMs)
          yield `${node} served ${who} at ${at(start.atMs)}, revoked there at ${at(atMs)}.`
        const end = ended.find(({ data: { requestId } }) => requestId === start.data.requestId)
        const overMs = end?.atMs ?? lostAtMs(history, node, start.atMs) ?? history.endMs
        if (start.atMs <= atMs && overMs > atMs + SERVING_ENDS_MS) {
          yield `${node} went on serving ${who} until ${at(overMs)}, revoked there at ${at(atMs)}.`
        }
      }
    }
  }
}

/** A node that crashed or stopped serves nobody any more, and says nothing about it. */
const lostAtMs = (history: History, node: string, afterMs: number): number | undefined =>
  history
    .of('life')
    .find(life => life.node === node && life.atMs >= afterMs && ['lost', 'stopped'].includes(life.change))
    ?.atMs

export const saidStaysSaid: Invariant = {
  id: 'S1',
  promise: 'What a node has acknowledged is found again, whatever happened to the node since.',
  *broken(history) {
    for (const { node, fact, atMs } of history.of('acknowledged')) {
      for (const { view, atMs: seenAtMs } of viewsOf(history, node, atMs)) {
        if (fact.kind === 'revoked' && view.members.includes(fact.peerId)) {
          yield `${node} lists ${history.nameOf(fact.peerId)} as a member (${at(seenAtMs)}), which it revoked at ${at(atMs)}.`
        }
        if (fact.kind === 'named' && view.mesh !== fact.name && !renamedSince(history, atMs, seenAtMs)) {
          yield `${node} calls the mesh "${view.mesh}" (${at(seenAtMs)}), which it named "${fact.name}" at ${at(atMs)}.`
        }
      }
    }
  }
}

const viewsOf = (history: History, node: string, sinceMs: number): EntryOf<'view'>[] =>
  history.of('view').filter(view => view.node === node && view.atMs > sinceMs)

const renamedSince = (history: History, sinceMs: number, untilMs: number): boolean =>
  history
    .of('acknowledged')
    .some(({ fact, atMs }) => fact.kind === 'named' && atMs > sinceMs && atMs <= untilMs)
