/** `npm run failover`: kills the device that answers, again and again, and holds each answer to one that was not cut. */

import { numberOf, runTool, UsageError } from '../../sim/tool.ts'
import { obstacle } from '../capabilities/installed-llama.ts'
import { Arena, MODELS, type ModelName, PLACES, QUESTIONS } from './arena.ts'

const USAGE = `Usage: npm run failover -- [RUNS] [--model NAME] [--json]

Two nodes with a real model answer a third. In each run the process of the node that answers is killed after the first
chunk of the answer, in its middle, and before its end. The answer must come whole, each chunk once and equal to the
answer that was not cut. A kill takes some seconds: the node starts anew before the next one. Ctrl-C ends with the figures
until then.
  RUNS     of three kills each; default 100
  --model  ${MODELS.join(' or ')}; default both
  --json   the figures as one object; what goes on is on stderr
`
/** From the kill to the next chunk, for 95 of 100. */
const GAP_MS_MAX = 1500
/** Nodes that fail so often in a row do not come back by themselves. */
const FAILURES_MAX = 3

interface Figures {
  readonly model: ModelName
  readonly kills: number
  readonly whole: number
  readonly seconds: number
  readonly gap_ms: { readonly p50: number | null; readonly p95: number | null; readonly max: number | null }
  readonly findings: readonly string[]
}

async function figuresOf(model: ModelName, count: number, signal: AbortSignal): Promise<Figures> {
  const startedMs = performance.now()
  const gaps: number[] = []
  const findings: string[] = []
  const kills = Array.from({ length: count }, (_, run) =>
    PLACES.map(place => ({ question: run % QUESTIONS.length, place }))
  ).flat()
  console.error(`${model}: nodes start`)
  await using arena = await Arena.open(model, signal)
  let failures = 0
  for (const [at, { question, place }] of kills.entries()) {
    if (signal.aborted || failures === FAILURES_MAX) break
    const where = `${model} ${at + 1}/${kills.length}, question ${question}, ${place}`
    try {
      const { gapMs } = await arena.cut(question, place, signal)
      gaps.push(gapMs)
      failures = 0
      console.error(`${where}: whole, gap ${Math.round(gapMs)} ms`)
    } catch (err) {
      if (signal.aborted) break
      failures++
      findings.push(`${where}: ${(err as Error).message}`)
      console.error(`FINDING ${findings.at(-1)}`)
    }
  }
  gaps.sort((a, b) => a - b)
  const gapAt = (share: number) =>
    gaps.length === 0 ? null : Math.round(gaps[Math.ceil(share * gaps.length) - 1]!)
  return {
    ...{ model, kills: gaps.length + findings.length, whole: gaps.length, findings },
    seconds: Math.round((performance.now() - startedMs) / 1000),
    gap_ms: { p50: gapAt(0.5), p95: gapAt(0.95), max: gapAt(1) }
  }
}

const sentence = ({ model, kills, whole, seconds, gap_ms: { p50, p95, max } }: Figures): string =>
  `${model}: ${kills} answers cut in ${seconds} s, ${kills - whole} not whole; gap ${p50} ms p50, ${p95} ms p95, ${max} ms at most`

await runTool({
  usage: USAGE,
  options: { model: { type: 'string' }, json: { type: 'boolean' } },
  async run({ values, positionals }, signal) {
    const { model, json = false } = values
    const wanted = MODELS.filter(name => model === undefined || name === model)
    if (wanted.length === 0 || positionals.length > 1) throw new UsageError(`Models: ${MODELS.join(', ')}.`)
    const count = numberOf('RUNS', positionals[0] ?? '100', { min: 1, max: 100_000 })
    const items: Figures[] = []
    for (const name of wanted) {
      if (signal.aborted) break
      if (name === 'tiny-llm-gguf' && obstacle !== undefined) console.error(`${name}: not run: ${obstacle}`)
      else items.push(await figuresOf(name, count, signal))
    }
    console.log(json ? JSON.stringify({ items }) : items.map(sentence).join('\n'))
    return items.every(({ findings, gap_ms: { p95 } }) => findings.length === 0 && (p95 ?? 0) <= GAP_MS_MAX)
  }
})
