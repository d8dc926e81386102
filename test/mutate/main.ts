/** `npm run mutate`: puts faults into a copy of the product, one at a time, and says which of them tests find. */

import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { drawMutants, type Mutant } from './draw.ts'
import { LATE, type Outcome, Trials } from './trial.ts'

const HELP = `npm run mutate -- [--seed N] [--count N] [--only NUMBER] [--limit SECONDS] [--fast] [--list] [--json]

Puts faults into a copy of the product, one at a time, and runs the tests that execute its place,\nthe cheapest and nearest first. What they execute is collected first, and kept in coverage/mutants/.
Faults that the compiler refuses do not count. Ctrl-C takes the copy away and prints the score so far.
  --seed    default: by chance
  --count   how many mutants, each of another function; default 40
  --only    one of them again, by its number
  --limit   for the tests of one mutant, beside the time that they take without it; default 120
  --fast    without the tests that start many nodes or processes; what survives may die there
  --list    prints the mutants and tries none
`

function options() {
  const { values } = parseArgs({
    options: {
      seed: { type: 'string', default: String(Date.now() % 2 ** 31) },
      count: { type: 'string', default: '40' },
      only: { type: 'string' },
      limit: { type: 'string', default: '120' },
      fast: { type: 'boolean', default: false },
      list: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false }
    }
  })
  const [seed, count, limit] = [Number(values.seed), Number(values.count), Number(values.limit)]
  const only = values.only === undefined ? undefined : Number(values.only)
  const known = Number.isInteger(seed) && count >= 1 && limit > 0 && (only === undefined || only >= 1)
  if (values.help || !known) {
    console[values.help ? 'log' : 'error'](HELP)
    process.exit(values.help ? 0 : 2)
  }
  return { ...values, seed, count: Math.max(count, only ?? 0), limit, only }
}

const { seed, count, only, limit, fast, list, json } = options()
const say = (line: string): void => void (json ? process.stderr : process.stdout).write(`${line}\n`)
const results: (Omit<Mutant, 'text' | 'original' | 'lines'> & Partial<Outcome>)[] = []
const trials = new Trials(join(import.meta.dirname, '../..'), limit * 1000, fast)
process.on('exit', () => trials.end())
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => finish(130))

say(`seed ${seed}`)
const { mutants, refused } = drawMutants(trials.root, seed, count)
say(`${mutants.length} mutants drawn; the compiler refused ${refused} before them`)
if (!list) await trials.collectCoverage(say)
for (const mutant of mutants.filter(({ number }) => only === undefined || number === only)) {
  const { text, original, lines, ...shown } = mutant
  say(`${shown.number}. ${shown.file}:${shown.line} ${shown.where}, ${shown.kind}: ${shown.change}`)
  const outcome = list ? undefined : await trials.try(mutant)
  results.push({ ...shown, ...outcome })
  if (outcome === undefined) continue
  const by = outcome.by === '' ? `${outcome.tests} test files passed` : outcome.by
  say(`   ${outcome.killed ? 'killed' : 'SURVIVED'}, ${outcome.seconds} s: ${by}`)
}
finish(mutants.length === 0 ? 1 : 0)

function finish(status: number): never {
  const tried = results.filter(({ killed }) => killed !== undefined)
  const killed = tried.filter(result => result.killed).length
  const score = tried.length === 0 ? null : Math.round((100 * killed) / tried.length)
  const late = tried.filter(result => !result.killed && result.by === LATE).length
  if (score !== null)
    say(`${killed} of ${tried.length} killed: ${score} %; ${late} not seen before the time limit`)
  if (json) {
    const total = { seed, tried: tried.length, killed, late, score, refused }
    process.stdout.write(`${JSON.stringify({ ...total, items: results })}\n`)
  }
  process.exit(status)
}
