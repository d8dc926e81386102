/** How a report looks, on a bright and on a dark screen. */

export const STYLE = `
:root { color-scheme: light dark; --ink: light-dark(#1a1a1a, #e6e6e6); --faint: light-dark(#999, #777);
  --yes: light-dark(#1a7f37, #3fb950); --no: light-dark(#c62828, #ff7b72); --node: light-dark(#2563eb, #60a5fa) }
body { font: 15px/1.45 system-ui, sans-serif; color: var(--ink); background: Canvas; max-width: 1040px; margin: 2em auto; padding: 0 1em }
h1 { margin-bottom: 0 } h2 { margin: 1.6em 0 .4em; font-size: 1.15em }
.question { font-size: 1.15em; margin: .2em 0 } .answer { font-size: 1.6em; font-weight: 700; margin: .2em 0 }
.answer.yes { color: var(--yes) } .answer.no, .failure, .failed { color: var(--no) }
.legend { color: var(--faint); font-size: .85em } pre { padding: .8em; border: 1px solid var(--faint); overflow-x: auto }
table { border-collapse: collapse; font-size: .9em } th, td { padding: .15em .7em; text-align: left; vertical-align: top }
.figures td { text-align: right; font-variant-numeric: tabular-nums }
.promises .no td, .promises .no th, tr.uncaught td { color: var(--no) }
.happenings td:first-child { text-align: right; color: var(--faint); white-space: nowrap } tr.fault td { font-weight: 600 }
svg { width: 100%; height: auto; font: 10px system-ui, sans-serif; fill: var(--ink) } .axis { fill: var(--faint) }
line.fault { stroke: var(--no); stroke-dasharray: 2 2 } line.healed { stroke: var(--yes) } line.acknowledged { stroke: var(--faint) }
.life.running { fill: var(--node); fill-opacity: .18 } .life.paused { fill: var(--faint); fill-opacity: .4 }
.joined { stroke: var(--yes) } .left { stroke: var(--no) } circle.answered { fill: var(--node) } circle.failed { fill: var(--no) }
`
