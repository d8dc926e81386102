/** Who answered whom, and how often. */

import type { History } from '../history.ts'
import { type Markup, markup } from './markup.ts'

/** A larger table nobody reads; the rows and columns with the most are kept. */
const SIDE_MAX = 40

interface Served {
  readonly asker: string
  /** By whom the last of the answer came; absent when nobody was ever asked. */
  readonly server: string | undefined
  readonly code: string | undefined
}

function servedIn(history: History): Served[] {
  const served: Served[] = []
  for (const entries of history.requests().values()) {
    const asked = entries[0]
    const ended = entries.findLast(({ type }) => type === 'ended')
    if (asked?.type !== 'asked' || ended?.type !== 'ended') continue
    const routed = entries.findLast(({ type }) => type === 'routed')
    const server = routed?.type === 'routed' ? history.nameOf(routed.peerId) : undefined
    served.push({ asker: asked.asker, server, code: ended.code })
  }
  return served
}

export function matrix(history: History): Markup {
  const served = servedIn(history)
  if (served.length === 0) return markup`<p>Nobody asked anything.</p>`
  const askers = mostOf(served.map(({ asker }) => asker))
  const servers = mostOf(served.flatMap(({ server }) => server ?? []))
  const cell = (asker: string, server: string): Markup => {
    const between = served.filter(entry => entry.asker === asker && entry.server === server)
    const answered = between.filter(({ code }) => code === undefined).length
    const failed = between.length - answered
    return markup`<td>${answered > 0 ? answered : ''}${failed > 0 ? markup` <span class="failed">−${failed}</span>` : undefined}</td>`
  }
  return markup`<table class="matrix"><thead>
<tr><th>asks ↓ is asked →</th>${servers.map(server => markup`<th>${server}</th>`)}</tr></thead><tbody>
${askers.map(asker => markup`<tr><th>${asker}</th>${servers.map(server => cell(asker, server))}</tr>`)}
</tbody></table>`
}

function mostOf(names: readonly string[]): string[] {
  const counts = new Map<string, number>()
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1)
  return [...counts]
    .sort(([, a], [, b]) => b - a)
    .slice(0, SIDE_MAX)
    .map(([name]) => name)
    .sort(new Intl.Collator('en', { numeric: true }).compare)
}
