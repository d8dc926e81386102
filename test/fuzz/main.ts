/** `npm run fuzz`: looks for inputs that break a promise, led by which code they reach. */

import { Worker } from 'node:worker_threads'
import { numberOf, type Parsed, runTool, seedOf, UsageError } from '../../sim/tool.ts'
import { keep, keepInstead, readKept } from './kept.ts'
import { type SearchOrders, type SearchWords, STATE } from './search.ts'
import { TARGETS } from './targets.ts'

const USAGE = `Usage: npm run fuzz -- [TARGET…] [--minutes M | --runs N] [--seed N] [--json]

Gives readers of foreign bytes hostile inputs. One that reaches new code is kept in test/fuzz/corpus/, one that
breaks a promise in test/fuzz/crashes/; npm test runs both again. Ctrl-C keeps what was found.
  --minutes   for each target; default 1
  --runs      inputs for each target, instead
  --seed      default: by chance
Targets: ${TARGETS.map(({ name }) => name.replaceAll(' ', '-')).join(', ')}
`
/** A reader that is silent for so long hangs, however busy the machine is. */
const HANG_MS = 10_000
const LOOK_INTERVAL_MS = 500
/** Two years: as long as anyone looks. */
const MINUTES_MAX = 1e6
/** What a reader may need besides what is loaded anyway. */
const HEAP_MEBIBYTES_MAX = 384
const INPUT_BYTES_MAX = 1024 * 1024

interface Result {
  readonly target: string
  readonly runs: number
  readonly reached: number
  readonly corpus: number
  readonly findings: readonly string[]
  readonly seconds: number
}

const options = {
  minutes: { type: 'string' },
  runs: { type: 'string' },
  seed: { type: 'string' },
  json: { type: 'boolean', default: false }
} as const

interface Wanted {
  readonly minutes: number
  readonly runsMax: number
  readonly seed: number
  readonly json: boolean
}

function wantedOf({ minutes, runs, seed, json }: Parsed<typeof options>['values']): Wanted {
  return {
    minutes: numberOf('minutes', minutes ?? (runs === undefined ? '1' : String(MINUTES_MAX)), {
      min: 0.01,
      max: MINUTES_MAX,
      whole: false
    }),
    runsMax:
      runs === undefined
        ? Number.MAX_SAFE_INTEGER
        : numberOf('runs', runs, { min: 1, max: Number.MAX_SAFE_INTEGER }),
    seed: seedOf(seed),
    json
  }
}

let stopCurrent = () => {}

await runTool({
  usage: USAGE,
  options,
  async run({ values, positionals }, signal) {
    const wanted = wantedOf(values)
    const names = TARGETS.map(({ name }) => name)
    const unknown = positionals.find(given => !names.some(name => name.replaceAll(' ', '-') === given))
    if (unknown !== undefined) throw new UsageError(`There is no target "${unknown}".`)
    const say = sayer(wanted)
    signal.addEventListener('abort', () => stopCurrent())
    say(`seed ${wanted.seed}`)
    const results: Result[] = []
    for (const target of names) {
      const isChosen = positionals.length === 0 || positionals.includes(target.replaceAll(' ', '-'))
      if (isChosen && !signal.aborted) results.push(await search(target, wanted))
    }
    const findings = results.reduce((sum, result) => sum + result.findings.length, 0)
    const runs = results.reduce((sum, result) => sum + result.runs, 0)
    say(`${results.length} targets, ${runs} inputs, ${findings} findings`)
    if (wanted.json)
      process.stdout.write(`${JSON.stringify({ seed: wanted.seed, runs, findings, items: results })}\n`)
    return findings === 0
  }
})

function sayer({ json }: Wanted) {
  return (line: string): void => void (json ? process.stderr : process.stdout).write(`${line}\n`)
}

function search(target: string, wanted: Wanted): Promise<Result> {
  const { minutes, runsMax, seed, json } = wanted
  const say = sayer(wanted)
  const beganMs = performance.now()
  const state = new Int32Array(new SharedArrayBuffer(12))
  const input = new Uint8Array(new SharedArrayBuffer(INPUT_BYTES_MAX))
  const corpus = readKept('corpus', target).map(({ bytes }) => Uint8Array.from(bytes))
  const orders: SearchOrders = {
    ...{ target, seed, corpus, state, input },
    runsMax,
    searchMs: minutes * 60_000
  }
  const worker = new Worker(new URL('./search.ts', import.meta.url), {
    workerData: orders,
    resourceLimits: { maxOldGenerationSizeMb: HEAP_MEBIBYTES_MAX }
  })
  stopCurrent = () => void Atomics.store(state, STATE.stop, 1)

  const { promise, resolve } = Promise.withResolvers<Result>()
  const found: string[] = []
  let last = { runs: 0, reached: 0, kept: corpus.length }
  const end = (): void => {
    clearInterval(watch)
    const seconds = Math.round((performance.now() - beganMs) / 100) / 10
    say(
      `${target.padEnd(24)} ${last.runs} inputs in ${seconds} s, ${last.reached} places reached, ${last.kept} kept, ${found.length} findings`
    )
    const { runs, reached, kept } = last
    resolve({ target, runs, reached, corpus: kept, findings: found, seconds })
  }
  const report = (message: string, bytes: Uint8Array): void => {
    const path = keep('crashes', target, bytes)
    found.push(path)
    say(`FINDING ${target}: ${message}\n  ${path}`)
  }
  const beingRead = (): Uint8Array => input.slice(0, Atomics.load(state, STATE.length))

  worker.on('message', (words: SearchWords) => {
    if (words.type === 'finding') report(words.message, words.bytes)
    else {
      const kept = words.type === 'end' ? words.kept.length : words.corpus
      last = { runs: words.runs, reached: words.reached, kept }
      if (process.stdout.isTTY && !json) {
        process.stdout.write(`\r${target}: ${last.runs} inputs, ${last.reached} places reached\r`)
      }
    }
    if (words.type !== 'end') return
    keepInstead(target, words.kept)
    end()
    void worker.terminate()
  })
  worker.on('error', err => {
    report(String(err), beingRead())
    end()
  })

  let [run, sinceMs] = [0, performance.now()]
  const watch = setInterval(() => {
    const now = Atomics.load(state, STATE.run)
    if (now !== run || now === 0) [run, sinceMs] = [now, performance.now()]
    if (performance.now() - sinceMs < HANG_MS) return
    report(`it hangs`, beingRead())
    void worker.terminate().then(end)
    clearInterval(watch)
  }, LOOK_INTERVAL_MS)
  return promise
}
