/** A run as the observer would have written it down, where nothing went wrong: tests doctor it. */

import { type Actor, type Entry, History, type NodeView } from '../../sim/history.ts'

export const ACTORS: readonly Actor[] = [
  { name: 'node-0', peerId: 'P0', kind: 'honest' },
  { name: 'node-1', peerId: 'P1', kind: 'honest' },
  { name: 'node-2', peerId: 'P2', kind: 'honest' },
  { name: 'liar', peerId: 'PL', kind: 'hostile' },
  { name: 'nobody', peerId: 'PN', kind: 'stranger' }
]

const OFFERS = 'echo text-generation'
export const VIEW: NodeView = {
  peers: ['P1', 'PL'],
  providers: { P0: OFFERS, P1: OFFERS, PL: OFFERS },
  members: ['P0', 'P1', 'PL'],
  mesh: 'home',
  connections: 2,
  streams: 12,
  requests: { own: 0, running: 0, queued: 0 }
}

const manifest = (atMs: number, sequence: number): Entry => ({
  type: 'event',
  event: 'manifest.updated',
  node: 'node-0',
  atMs,
  data: { peerId: 'P1', epoch: 5, sequence, capabilities: 1 }
})
const request = { requestId: 'one', task: 'text-generation', model: 'echo' }

/** node-0 asks node-1, retries once; node-2 is removed; node-1 crashes and is started again; all heals. */
export const GOOD: readonly Entry[] = [
  { type: 'life', node: 'node-0', change: 'ready', atMs: 1 },
  { type: 'life', node: 'node-1', change: 'ready', atMs: 2 },
  { type: 'life', node: 'node-2', change: 'ready', atMs: 3 },
  manifest(10, 1),
  { type: 'asked', id: 'node-0#1', asker: 'node-0', oracle: 'two words', atMs: 20 },
  { type: 'routed', id: 'node-0#1', peerId: 'PL', atMs: 21 },
  { type: 'routed', id: 'node-0#1', peerId: 'P1', atMs: 22 },
  { type: 'chunk', id: 'node-0#1', index: 0, text: 'two', atMs: 23 },
  { type: 'chunk', id: 'node-0#1', index: 1, text: ' words', atMs: 24 },
  { type: 'done', id: 'node-0#1', index: 2, finishReason: 'stop', atMs: 25 },
  { type: 'ended', id: 'node-0#1', atMs: 26 },
  {
    type: 'event',
    event: 'inference.serving_started',
    node: 'node-0',
    atMs: 30,
    data: { ...request, peerId: 'P2' }
  },
  { type: 'event', event: 'mesh.member_revoked', node: 'node-0', atMs: 40, data: { peerId: 'P2' } },
  {
    type: 'event',
    event: 'inference.serving_ended',
    node: 'node-0',
    atMs: 41,
    data: { ...request, peerId: 'P2', code: 'PEER_REVOKED', durationMs: 11 }
  },
  { type: 'acknowledged', node: 'node-0', fact: { kind: 'revoked', peerId: 'P2' }, atMs: 42 },
  { type: 'acknowledged', node: 'node-0', fact: { kind: 'named', name: 'home' }, atMs: 43 },
  { type: 'received', node: 'node-0', peerId: 'PN', protocol: '/lumos/hello/1', bytes: 80, atMs: 50 },
  { type: 'received', node: 'node-0', peerId: 'PN', protocol: '/meshsub/1.2.0', bytes: 0, atMs: 51 },
  { type: 'rejected', node: 'node-0', what: 'a forged manifest', before: VIEW, after: VIEW, atMs: 60 },
  { type: 'process', memoryBytes: 300 * 1024 ** 2, descriptors: 40, atMs: 70 },
  { type: 'fault', fault: { kind: 'crash', node: 1, how: 'kill' }, atMs: 80 },
  { type: 'life', node: 'node-1', change: 'stopped', atMs: 81 },
  { type: 'fault', fault: { kind: 'restart', node: 1 }, atMs: 90 },
  { type: 'life', node: 'node-1', change: 'ready', atMs: 95 },
  manifest(96, 1001),
  { type: 'healed', withinMs: 1000, atMs: 100 },
  { type: 'asked', id: 'node-0#2', asker: 'node-0', oracle: 'a', atMs: 110 },
  { type: 'routed', id: 'node-0#2', peerId: 'P1', atMs: 111 },
  { type: 'chunk', id: 'node-0#2', index: 0, text: 'a', atMs: 112 },
  { type: 'done', id: 'node-0#2', index: 1, finishReason: 'stop', atMs: 113 },
  { type: 'ended', id: 'node-0#2', atMs: 114 },
  { type: 'asked', id: 'node-1#3', asker: 'node-1', oracle: 'b', atMs: 120 },
  { type: 'chunk', id: 'node-1#3', index: 0, text: 'b', atMs: 121 },
  { type: 'done', id: 'node-1#3', index: 1, finishReason: 'stop', atMs: 122 },
  { type: 'ended', id: 'node-1#3', atMs: 123 },
  { type: 'asked', id: 'node-2#4', asker: 'node-2', oracle: 'c', atMs: 130 },
  { type: 'chunk', id: 'node-2#4', index: 0, text: 'c', atMs: 131 },
  { type: 'done', id: 'node-2#4', index: 1, finishReason: 'stop', atMs: 132 },
  { type: 'ended', id: 'node-2#4', atMs: 133 },
  { type: 'view', node: 'node-0', view: VIEW, atMs: 200 },
  { type: 'view', node: 'node-1', view: { ...VIEW, peers: ['P0', 'PL'] }, atMs: 200 }
]

/** The good run, with something done to it. */
export function doctored(change: (entries: Entry[]) => Entry[] | undefined): History {
  const entries = structuredClone([...GOOD])
  return History.of(
    ACTORS,
    (change(entries) ?? entries).sort((a, b) => a.atMs - b.atMs)
  )
}

/** The good run, with these besides. */
export const with_ = (...more: Entry[]): History => doctored(entries => [...entries, ...more])
/** The good run, without what `matches`. */
export const without = (matches: (entry: Entry) => boolean): History =>
  doctored(entries => entries.filter(entry => !matches(entry)))
