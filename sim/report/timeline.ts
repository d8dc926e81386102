/** A run over time: a row for each node, with when it ran, what it asked, and who came and went. */

import type { Actor, Entry, History } from '../history.ts'
import { type Markup, markup } from './markup.ts'
import { lineOf } from './sentences.ts'

const WIDTH = 1000
const LEFT = 90
const TOP = 24
const ROW = 18
const BAR = 10
/** Rows that still can be read; a large mesh shows as many of its nodes, those first to which something was done. */
const ROWS_MAX = 60
/** Marks of one kind in one row: more would only be one thick line, and megabytes of it. */
const MARKS_MAX = 400

export function timeline(history: History): Markup {
  const endMs = Math.max(history.endMs, 1)
  const x = (atMs: number): number => round(LEFT + (atMs / endMs) * (WIDTH - LEFT - 10))
  const actors = chosen(history)
  const height = TOP + actors.length * ROW + 10
  const marks = history.entries.filter(({ type }) => ['fault', 'healed', 'acknowledged'].includes(type))
  const ticksMs = Array.from({ length: 11 }, (_, i) => (endMs * i) / 10)

  return markup`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="What each node did over time">
${ticksMs.map(ms => markup`<text class="axis" x="${x(ms)}" y="10" text-anchor="middle">${(ms / 1000).toFixed(1)} s</text>`)}
${marks.map(entry => markup`<line class="${entry.type}" x1="${x(entry.atMs)}" x2="${x(entry.atMs)}" y1="${TOP - 8}" y2="${height - 6}"><title>${titleOf(entry, history)}</title></line>`)}
${actors.map((actor, i) => row(history, { actor, x, y: TOP + i * ROW, endMs }))}
</svg>`
}

interface Row {
  readonly actor: Actor
  readonly y: number
  readonly endMs: number
  x(atMs: number): number
}

function row(history: History, { actor, x, y, endMs }: Row): Markup {
  const middle = y + BAR / 2
  const lives = livesOf(history, actor, endMs)
  const asked = history.entries.filter(
    (entry): entry is Extract<Entry, { type: 'asked' }> =>
      entry.type === 'asked' && entry.asker === actor.name
  )
  const ids = new Set(asked.map(({ id }) => id))
  const ended = history.of('ended').filter(({ id }) => ids.has(id))
  const joined = history.events('peer.joined').filter(({ node }) => node === actor.name)
  const left = history.events('peer.left').filter(({ node }) => node === actor.name)

  return markup`<g class="${actor.kind}">
<text class="name" x="${LEFT - 6}" y="${y + BAR - 1}" text-anchor="end">${actor.name}</text>
${lives.map(({ fromMs, toMs, change }) => markup`<rect class="life ${change}" x="${x(fromMs)}" y="${y}" width="${round(Math.max(x(toMs) - x(fromMs), 0.5))}" height="${BAR}"/>`)}
${thinned(joined).map(({ atMs, data }) => markup`<path class="joined" d="M${x(atMs)} ${y - 1}v3"><title>${said(atMs, `meets ${history.nameOf(data.peerId)}`)}</title></path>`)}
${thinned(left).map(({ atMs, data }) => markup`<path class="left" d="M${x(atMs)} ${y + BAR + 1}v-3"><title>${said(atMs, `loses ${history.nameOf(data.peerId)}`)}</title></path>`)}
${thinned(ended).map(({ atMs, code }) => markup`<circle class="${code === undefined ? 'answered' : 'failed'}" cx="${x(atMs)}" cy="${middle}" r="2"><title>${said(atMs, code ?? 'answered')}</title></circle>`)}
</g>`
}

interface Life {
  readonly fromMs: number
  readonly toMs: number
  readonly change: 'running' | 'paused'
}

function livesOf(history: History, { name }: Actor, endMs: number): Life[] {
  const changes = history.of('life').filter(({ node }) => node === name)
  return changes.flatMap(({ atMs, change }, i): Life[] => {
    const toMs = changes[i + 1]?.atMs ?? endMs
    if (change === 'ready' || change === 'resumed') return [{ fromMs: atMs, toMs, change: 'running' }]
    return change === 'paused' ? [{ fromMs: atMs, toMs, change: 'paused' }] : []
  })
}

/** In their order, but when there are too many, those to whom something happened. */
function chosen(history: History): readonly Actor[] {
  const { actors } = history
  if (actors.length <= ROWS_MAX) return actors
  const eventful = new Set(
    history
      .of('life')
      .filter(({ change }) => change !== 'ready')
      .map(({ node }) => node)
  )
  const first = actors.filter(({ name, kind }) => eventful.has(name) || kind !== 'honest')
  return [...first, ...actors.filter(actor => !first.includes(actor))].slice(0, ROWS_MAX)
}

const thinned = <T>(entries: readonly T[]): readonly T[] => {
  const step = Math.ceil(entries.length / MARKS_MAX)
  return step <= 1 ? entries : entries.filter((_, i) => i % step === 0)
}

/** Lines of text that a person still reads. */
const LINES_MAX = 300

/** The same as a list: what was done, and what was told. */
export function happenings(history: History): Markup {
  const lines = history.entries.flatMap(entry => {
    const line = lineOf(entry, history)
    return line === undefined ? [] : [{ atMs: entry.atMs, type: entry.type, line }]
  })
  const more = lines.length - LINES_MAX
  return markup`<table class="happenings"><tbody>
${lines.slice(0, LINES_MAX).map(({ atMs, type, line }) => markup`<tr class="${type}"><td>${(atMs / 1000).toFixed(2)} s</td><td>${line}</td></tr>`)}
${more > 0 ? markup`<tr><td></td><td>and ${more} more</td></tr>` : undefined}
</tbody></table>`
}

const titleOf = (entry: Entry, history: History): string =>
  said(entry.atMs, lineOf(entry, history) ?? entry.type)
const said = (atMs: number, what: string): string => `${(atMs / 1000).toFixed(2)} s: ${what}`
const round = (value: number): number => Math.round(value * 10) / 10
