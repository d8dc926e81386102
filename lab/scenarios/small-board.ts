/** A small board that is on all day: one core, 921 MB, mostly idle. */

import { rm } from 'node:fs/promises'
import type { Device } from '../device.ts'
import type { LabLan } from '../lab.ts'
import { meet, type Node, pair, startOn } from '../node.ts'
import { ask, readDigit } from '../questions.ts'
import { type Findings, type LabScenario, orNotRun } from '../scenario.ts'
import { run, temporaryHome } from '../system.ts'
import { cpuMs, residentBytes } from '../usage.ts'

const MEBIBYTE = 1024 * 1024
/** What is left to programs on a board with a gigabyte. */
const MEMORY_BYTES = 921 * 1_000_000
const CORE = 0
/** Of that core. */
const IDLE_PERCENT_MAX = 1
/** In the first minute a node asks who is there, and looks up who is near. */
const SETTLE_MS = 70_000
const IDLE_MS = 60_000
const MET_MS_MAX = 10_000
const ECHO = ['--echo']
const QUESTIONS_EACH_WAY = 10
/** Joins, asks and restarts go on for so long. */
const BUSY_MS: Readonly<Record<string, number>> = { minute: 60_000, hour: 3_600_000 }

export const smallBoard: LabScenario = {
  name: 'small-board',
  question: 'Does a node live on one core with 921 MB, idle at 1 % of it, through joins, asks and restarts?',
  setup:
    'One switch, three devices; one has one core (taskset) and a control group of 921 MB. Each rung is one run.',
  rungs: Object.keys(BUSY_MS),
  isLong: true,

  async run(lab, findings, rungs) {
    for (const [i, rung] of rungs.entries()) {
      findings.rung = rung
      await once(await lab.lan(), findings, BUSY_MS[rung]!, i)
    }
  }
}

async function once(lan: LabLan, findings: Findings, busyMs: number, i: number): Promise<void> {
  const device = await lan.device(`board${i}`)
  const limit = await orNotRun(device.limitMemory(MEMORY_BYTES))
  const home = await temporaryHome()
  let board = await startOn(device, 'board', { args: ECHO, home })
  try {
    await pin(board)
    await idle('idle, alone', board, findings)
    await using den = await startOn(await lan.device(`den${i}`), 'den', { args: ECHO })
    await using attic = await startOn(await lan.device(`attic${i}`), 'attic', { args: ECHO })
    await pair(den, board, attic)
    await Promise.all([meet(den, board, MET_MS_MAX), meet(attic, board, MET_MS_MAX)])
    await idle('idle, two peers', board, findings)

    const guests = await lan.device(`guest${i}`)
    const endsAtMs = performance.now() + busyMs
    let rounds = 0
    let failure: string | undefined
    do {
      try {
        await askEachOther(den, board)
        await joinAndLeave(guests, board, den)
        await board.end('SIGTERM')
        board = await startOn(device, 'board', { args: ECHO, home })
        await pin(board)
        await Promise.all([meet(den, board, MET_MS_MAX), meet(attic, board, MET_MS_MAX)])
        rounds++
      } catch (err) {
        failure = `round ${rounds + 1}: ${(err as Error).message}`
      }
    } while (failure === undefined && performance.now() < endsAtMs)
    findings.check(
      'joins, asks and restarts all worked',
      failure === undefined,
      failure ?? `${rounds} rounds`
    )
    findings.figure('rounds', rounds, '')

    if (failure === undefined) await idle('idle, afterwards', board, findings)
    const killed = await limit.kills()
    findings.check('nothing was killed for want of memory', killed === 0, `${killed} killed`)
    const peakBytes = await limit.peakBytes()
    if (peakBytes !== undefined) findings.figure('peak, page cache included', peakBytes / MEBIBYTE, 'MiB')
  } finally {
    await board[Symbol.asyncDispose]()
    await rm(home, { recursive: true, force: true })
  }
}

/** All of its threads, and what it starts from now on. */
const pin = ({ pid }: Node) => run('taskset', ['-a', '-c', '-p', `${CORE}`, `${pid}`])

async function idle(what: string, { pid }: Node, findings: Findings): Promise<void> {
  await pause(SETTLE_MS)
  const before = await cpuMs(pid)
  await pause(IDLE_MS)
  const percent = (100 * ((await cpuMs(pid)) - before)) / IDLE_MS
  findings.figure(what, percent, '% of a core')
  findings.figure(`memory, ${what}`, (await residentBytes(pid)) / MEBIBYTE, 'MiB')
  findings.check(
    `${what}: at most ${IDLE_PERCENT_MAX} %`,
    percent <= IDLE_PERCENT_MAX,
    `${percent.toFixed(2)} %`
  )
}

async function askEachOther(den: Node, board: Node): Promise<void> {
  for (let i = 0; i < QUESTIONS_EACH_WAY; i++) {
    await ask(den, { peer: 'board' })
    await ask(board, { peer: 'den' })
  }
  await readDigit(board)
}

/** A device that joins by a code of the root's holder, asks the board, and leaves. */
async function joinAndLeave(device: Device, board: Node, den: Node): Promise<void> {
  await using guest = await startOn(device, 'guest', { args: ECHO })
  await pair(den, guest)
  await meet(guest, board, MET_MS_MAX)
  await ask(guest, { peer: 'board' })
  await guest.client.execute('mesh.leave')
}

const pause = (ms: number): Promise<void> => new Promise(resolve => setTimeout(resolve, ms))
