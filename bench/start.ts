/**
 * What a person waits for and what a device pays: the built program from process
 * start to `Ready`, its memory when idle and after it was asked something, and
 * commands. Compared with Node itself doing nothing. Last, how long the node's
 * own loop stands still while a model runs.
 */

import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { type Bench, take } from './harness.ts'
import { measureStalls } from './stall.ts'
import { tableOf } from './table.ts'

const ROUNDS = 7
/** By then everything that a start leaves to do is done; memory stays the same for minutes from here. */
const SETTLE_MS = 3000

/** What a shell runs at the press of a key, and how long a person waits for it without wondering. */
const NAMES = 'completion --names'
const NAMES_MS_MAX = 300

/** Node itself, doing nothing. */
const NODE = 'node alone'

const pathOf = (name: string): string => fileURLToPath(new URL(`../${name}`, import.meta.url))
const CLI = pathOf('dist/cli.js')
const SEVEN = pathOf('test/fixtures/digits/7.png')
const START = ['start', '--json', '--port', '0', '--gateway-port', '0', '--no-mdns']
/** Node itself, until it has said something. */
const NOTHING = ['-e', 'console.log("ready"); setInterval(() => {}, 1000)']

const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('LUMOS_')))
const run = (args: readonly string[], home?: string) =>
  spawn(process.execPath, args, {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...env, ...(home && { LUMOS_HOME: home }) }
  })

export const bench: Bench = async ({ quick }) => {
  execFileSync(process.execPath, [pathOf('build.ts')], { cwd: pathOf('.'), stdio: ['ignore', 2, 2] })
  const times = new Map<string, number[]>()
  const sizes = new Map<string, number[]>()
  // The first round reads everything from disk.
  if (!quick) await measure(new Map(), new Map())
  for (let round = 0; round < (quick ? 2 : ROUNDS); round++) await measure(times, sizes)
  return [
    tableOf('Commands, built, from process start to their end', times, {
      ...{ unit: 'ms', references: [NODE] },
      limits: { [NAMES]: NAMES_MS_MAX }
    }),
    tableOf('Resident memory, built', sizes, { unit: 'MB', references: [NODE] }),
    await measureStalls(quick)
  ]
}

async function measure(times: Map<string, number[]>, sizes: Map<string, number[]>): Promise<void> {
  const node = await started(NOTHING)
  take(times, NODE, node.ms)
  await setTimeout(100)
  take(sizes, NODE, await residentMb(node.pid))
  await node.stop()

  take(times, '--help', await timed([CLI, '--help']))

  const home = await mkdtemp(join(tmpdir(), 'lumos-bench-'))
  const lumos = await started([CLI, ...START], home)
  take(times, 'start to Ready', lumos.ms)
  await setTimeout(SETTLE_MS)
  take(sizes, 'idle node', await residentMb(lumos.pid))

  take(times, 'status', await timed([CLI, 'status'], home))
  take(times, NAMES, await timed([CLI, 'completion', '--names', 'model'], home))
  take(times, 'infer, model not loaded yet', await timed([CLI, 'infer', 'digits-cnn', `@${SEVEN}`], home))
  take(times, 'infer', await timed([CLI, 'infer', 'digits-cnn', `@${SEVEN}`], home))
  take(sizes, 'node that was asked', await residentMb(lumos.pid))
  for (const child of await childrenOf(lumos.pid)) {
    take(sizes, 'its engine', await residentMb(child))
  }
  await lumos.stop()
  await rm(home, { recursive: true })
}

/** From process start to the first line. */
async function started(args: readonly string[], home?: string) {
  const startedMs = performance.now()
  const child = run(args, home)
  await once(child.stdout, 'data')
  return {
    ms: performance.now() - startedMs,
    pid: child.pid!,
    async stop() {
      child.kill()
      await once(child, 'exit')
    }
  }
}

/** From process start to exit. */
async function timed(args: readonly string[], home?: string): Promise<number> {
  const startedMs = performance.now()
  const child = run(args, home)
  child.stdout.resume()
  const [code] = await once(child, 'exit')
  if (code !== 0) throw new Error(`${args.join(' ')} ended with ${code}.`)
  return performance.now() - startedMs
}

/** Linux only, as is the next one. */
async function residentMb(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8')
  return (Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)![1]) * 1024) / 1e6
}

async function childrenOf(pid: number): Promise<number[]> {
  const children = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8')
  return children.trim().split(' ').filter(Boolean).map(Number)
}
