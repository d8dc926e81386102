/** `npm run failover`: kills the device that answers, again and again, and holds each answer to one that was not cut. */

import { numberOf, runTool, UsageError } from '../../sim/tool.ts'
import { obstacle } from '../capabilities/installed-llama.ts'
import { Arena, MODELS, type ModelName, PLACES, QUESTIONS } from './arena.ts'

const USAGE = `Usage: npm run failover -- [RUNS] [--model NAME]

Two nodes with a real model answer a third. In each run the process of the node that answers is killed after the first
chunk of the answer, in its middle, or before its end, in turn. The answer must come whole, each chunk once and equal to
the answer that was not cut.
  RUNS     for each of the three places; default 100
  --model  ${MODELS.join(' or ')}; default both
`
/** From the kill to the next chunk, for 95 of 100. */
const GAP_MS_MAX = 1500

async function runsOf(model: ModelName, count: number, signal: AbortSignal): Promise<boolean> {
  const gaps: number[] = []
  let wrong = 0
  await using arena = await Arena.open(model)
  for (let run = 0; run < count && !signal.aborted; run++) {
    for (const place of PLACES) {
      const question = run % QUESTIONS.length
      try {
        gaps.push((await arena.cut(question, place)).gapMs)
      } catch (err) {
        wrong++
        console.log(`FINDING ${model}, question ${question}, ${place}: ${(err as Error).message}`)
      }
    }
  }
  gaps.sort((a, b) => a - b)
  const at = (share: number) => Math.round(gaps[Math.ceil(share * gaps.length) - 1] ?? Number.NaN)
  console.log(
    `${model}: ${gaps.length + wrong} answers cut, ${wrong} not whole; gap ${at(0.5)} ms p50, ${at(0.95)} ms p95, ${at(1)} ms at most`
  )
  return wrong === 0 && at(0.95) <= GAP_MS_MAX
}

await runTool({
  usage: USAGE,
  options: { model: { type: 'string' } },
  async run({ values, positionals }, signal) {
    const { model } = values
    const wanted = MODELS.filter(name => model === undefined || name === model)
    if (wanted.length === 0 || positionals.length > 1) throw new UsageError(`Models: ${MODELS.join(', ')}.`)
    const count = numberOf('RUNS', positionals[0] ?? '100', { min: 1, max: 100_000 })
    let isWell = true
    for (const name of wanted) {
      if (name === 'tiny-llm-gguf' && obstacle !== undefined) console.log(`${name}: not run: ${obstacle}`)
      else isWell = (await runsOf(name, count, signal)) && isWell
    }
    return isWell
  }
})
