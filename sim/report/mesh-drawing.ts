/** The mesh at a few moments: who is there, who is connected to whom, how much each knows. */

import type { Actor, History, NodeView } from '../history.ts'
import { type Markup, markup } from './markup.ts'
import { lineOf } from './sentences.ts'

const SIZE = 320
const RADIUS = 130
const MOMENTS_MAX = 6

/** Everyone looked at once. */
interface Moment {
  readonly atMs: number
  readonly views: ReadonlyMap<string, NodeView>
}

export function meshDrawings(history: History): Markup[] {
  return chosen(momentsOf(history)).map(moment => drawing(history, moment))
}

/** Views that were taken within this time are of one moment. */
const MOMENT_MS = 100

function momentsOf(history: History): Moment[] {
  const moments: { atMs: number; views: Map<string, NodeView> }[] = []
  for (const { atMs, node, view } of history.of('view')) {
    const last = moments.at(-1)
    if (last !== undefined && atMs - last.atMs < MOMENT_MS && !last.views.has(node))
      last.views.set(node, view)
    else moments.push({ atMs, views: new Map([[node, view]]) })
  }
  const most = Math.max(0, ...moments.map(({ views }) => views.size))
  // A look at one node is no picture of the mesh.
  return moments.filter(({ views }) => views.size * 2 > most)
}

/** The first, the last, and those between at which the most had changed. */
function chosen(moments: readonly Moment[]): readonly Moment[] {
  if (moments.length <= MOMENTS_MAX) return moments
  const changes = moments.map((moment, i) => ({
    i,
    change: i === 0 ? 0 : difference(moments[i - 1]!, moment)
  }))
  const between = changes
    .slice(1, -1)
    .sort((a, b) => b.change - a.change)
    .slice(0, MOMENTS_MAX - 2)
  const kept = new Set([0, moments.length - 1, ...between.map(({ i }) => i)])
  return moments.filter((_, i) => kept.has(i))
}

function difference(one: Moment, other: Moment): number {
  let changed = 0
  for (const [name, view] of other.views) {
    const before = new Set(one.views.get(name)?.peers)
    for (const peer of view.peers) if (!before.delete(peer)) changed++
    changed += before.size
  }
  return changed + Math.abs(one.views.size - other.views.size)
}

function drawing(history: History, { atMs, views }: Moment): Markup {
  const { actors } = history
  const place = new Map(actors.map((actor, i) => [actor.peerId, placeOf(i, actors.length)]))
  const lines = linesOf(actors, views)
  const since = history.entries.filter(entry => entry.type === 'fault' && entry.atMs <= atMs).at(-1)
  const caption = since === undefined ? '' : `, after: ${lineOf(since, history)}`

  return markup`<figure><svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${SIZE} ${SIZE}" role="img" aria-label="The mesh at ${(atMs / 1000).toFixed(1)} s">
${lines.map(({ from, to, both }) => {
  const [x1, y1] = place.get(from)!
  const [x2, y2] = place.get(to)!
  return markup`<line class="${both ? 'connected' : 'half'}" x1="${x1}" y1="${y1}" x2="${x2}" y2="${y2}"/>`
})}
${actors.map(actor => dot(actor, { actors, view: views.get(actor.name), place: place.get(actor.peerId)! }))}
</svg><figcaption>${(atMs / 1000).toFixed(1)} s${caption}. ${views.size} nodes run, ${lines.length} connections.</figcaption></figure>`
}

interface Line {
  readonly from: string
  readonly to: string
  /** Whether both ends say so. */
  readonly both: boolean
}

function linesOf(actors: readonly Actor[], views: ReadonlyMap<string, NodeView>): Line[] {
  const viewOf = (peerId: string) => views.get(actors.find(actor => actor.peerId === peerId)?.name ?? '')
  const lines = new Map<string, Line>()
  for (const { name, peerId } of actors) {
    for (const other of views.get(name)?.peers ?? []) {
      if (!actors.some(actor => actor.peerId === other)) continue
      const [from, to] = peerId < other ? [peerId, other] : [other, peerId]
      const theirs = viewOf(other)
      // Who is not asked, as a hostile peer, does not contradict.
      const both = theirs === undefined || theirs.peers.includes(peerId)
      lines.set(`${from} ${to}`, { from, to, both })
    }
  }
  return [...lines.values()]
}

/** Names fit up to here; beyond it a node is a dot. */
const LABELS_MAX = 30

function dot(
  { name, kind }: Actor,
  {
    actors,
    view,
    place: [x, y]
  }: { actors: readonly Actor[]; view: NodeView | undefined; place: [number, number] }
): Markup {
  const knows = actors.filter(({ peerId }) => view?.providers[peerId] !== undefined).length
  const share = knows / Math.max(1, actors.filter(actor => actor.kind !== 'stranger').length)
  const radius = actors.length > LABELS_MAX ? 3 : 9
  const label =
    actors.length > LABELS_MAX
      ? undefined
      : markup`<text x="${x}" y="${y + 3}" text-anchor="middle">${name.replace('node-', '')}</text>`
  const state = view === undefined ? 'gone' : kind
  const opacity = view === undefined ? 1 : round(0.25 + 0.75 * Math.min(share, 1))
  return markup`<g><circle class="node ${state}" cx="${x}" cy="${y}" r="${radius}" fill-opacity="${opacity}"><title>${name}: ${view === undefined ? 'not there' : `knows what ${knows} offer`}</title></circle>${label}</g>`
}

const placeOf = (i: number, count: number): [number, number] => {
  const angle = (2 * Math.PI * i) / count - Math.PI / 2
  return [round(SIZE / 2 + RADIUS * Math.cos(angle)), round(SIZE / 2 + RADIUS * Math.sin(angle))]
}

const round = (value: number): number => Math.round(value * 100) / 100
