/** `npm run fuzz`: looks for inputs that break a promise, led by which code they reach. */

import { parseArgs } from 'node:util'
import { Worker } from 'node:worker_threads'
import { keep, keepInstead, readKept } from './kept.ts'
import { type SearchOrders, type SearchWords, STATE } from './search.ts'
import { TARGETS } from './targets.ts'

const HELP = `npm run fuzz -- [TARGET…] [--minutes M | --runs N] [--seed N] [--json]

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

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    minutes: { type: 'string' },
    runs: { type: 'string' },
    seed: { type: 'string', default: String(Date.now() % 2 ** 31) },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false }
  }
})
const chosen = TARGETS.map(({ name }) => name).filter(
  name => positionals.length === 0 || positionals.includes(name.replaceAll(' ', '-'))
)
const minutes = Number(values.minutes ?? (values.runs === undefined ? 1 : 1e6))
const runsMax = Number(values.runs ?? Number.MAX_SAFE_INTEGER)
const seed = Number(values.seed)
const unknown = positionals.length > chosen.length && positionals.length > 0
if (values.help || unknown || !(minutes > 0) || !(runsMax > 0) || !Number.isInteger(seed)) {
  console[values.help ? 'log' : 'error'](HELP)
  process.exit(values.help ? 0 : 2)
}
const say = (line: string): void => void (values.json ? process.stderr : process.stdout).write(`${line}\n`)

let interrupted = false
let stopCurrent = () => {}
process.on('SIGINT', () => {
  interrupted = true
  stopCurrent()
})

say(`seed ${seed}`)
const results: Result[] = []
for (const target of chosen) if (!interrupted) results.push(await search(target))
const findings = results.reduce((sum, result) => sum + result.findings.length, 0)
const runs = results.reduce((sum, result) => sum + result.runs, 0)
say(`${results.length} targets, ${runs} inputs, ${findings} findings`)
if (values.json) process.stdout.write(`${JSON.stringify({ seed, runs, findings, items: results })}\n`)
process.exit(interrupted ? 130 : findings > 0 ? 1 : 0)

function search(target: string): Promise<Result> {
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
      if (process.stdout.isTTY && !values.json) {
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
