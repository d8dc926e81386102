/** One run as one page: it needs no network and no script, and says how to repeat the run. */

import type { Outcome } from '../outcome.ts'
import { type Markup, markup } from './markup.ts'
import { STYLE } from './style.ts'
import { happenings, timeline } from './timeline.ts'

export function page(outcome: Outcome): string {
  const { scenario, question, passed, history } = outcome
  const title = `${scenario}: ${passed ? 'yes' : 'no'}`
  return markup`<!DOCTYPE html>
<html lang="en" xmlns="http://www.w3.org/1999/xhtml">
<head><meta charset="utf-8"/><meta name="viewport" content="width=device-width"/><title>${title}</title>
<style>${STYLE}</style></head>
<body>
<h1>${scenario}</h1>
<p class="question">${question}</p>
<p class="answer ${passed ? 'yes' : 'no'}">${passed ? 'Yes.' : 'No.'}</p>
${outcome.failures.map(failure => markup`<p class="failure">${failure}</p>`)}
${outcome.shortfalls.map(promise => markup`<p class="failure">It falls short of this: ${promise}.</p>`)}
<h2>Figures</h2>
${figures(outcome)}
<h2>Promises</h2>
${promises(outcome)}
<h2>Over time</h2>
<p class="legend">Bars: running, grey while paused. Marks above: a peer met, below: a peer lost. Dots: requests that ended, red when they failed. Upright lines: what was done.</p>
${timeline(history)}
<h2>What happened</h2>
${happenings(history)}
<h2>Again</h2>
<pre>${outcome.repeat}</pre>
</body></html>
`.text
}

function figures({ seed, nodes, link, durationMs, findings, history }: Outcome): Markup {
  const rows: [string, string][] = [
    ['seed', String(seed)],
    ['nodes', String(nodes)],
    ['links', link],
    ['duration', `${(durationMs / 1000).toFixed(1)} s`],
    ['requests', String(history.requests().size)],
    ...findings.map(({ metric, value, unit }): [string, string] => [metric, `${shown(value)} ${unit}`.trim()])
  ]
  return markup`<table class="figures"><tbody>
${rows.map(([name, value]) => markup`<tr><th>${name}</th><td>${value}</td></tr>`)}
</tbody></table>`
}

const promises = ({ promises }: Outcome): Markup => markup`<table class="promises"><tbody>
${promises.map(
  ({ id, promise, broken }) =>
    markup`<tr class="${broken.length > 0 ? 'no' : 'yes'}"><th>${id}</th><td>${promise}</td><td>${broken.length > 0 ? `broken ${broken.length} times` : 'held'}</td></tr>`
)}
</tbody></table>`

const shown = (value: number): string => String(Number(value.toFixed(Math.abs(value) < 10 ? 2 : 0)))
