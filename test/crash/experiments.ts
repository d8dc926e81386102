/**
 * Every way to end a workload badly, each by a name that repeats it:
 *
 * - `call/home/17:torn`: killed in the 17th call of `node:fs` or `node:sqlite` that writes
 * - `change/home/17:before`: killed before the 17th change of a file, inside SQLite too
 * - `power/home/17:some`: the power is cut after the 17th change; some of what was not synced is lost
 * - `refuse/home/sync:17`: the 17th fsync (or `write:`) fails with EIO, and the process goes on
 */

import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { seededRandom } from '../../sim/random.ts'
import { Account, expectPromise, freshHome, live } from './crash.ts'
import { filesIn, LOSSES, type Loss, readTrace, TracedDisk } from './disk.ts'
import { brokenAfterPowerCut, brokenAfterRefusal, type Workload } from './workload.ts'

export const KINDS = ['call', 'change', 'power', 'refuse'] as const
export type Kind = (typeof KINDS)[number]

export interface Experiment {
  readonly kind: Kind
  readonly name: string
  /** @throws when a promise was broken. */
  run(): Promise<void>
}

/** Killed at each call, before it, in the middle of what it writes, and after it. */
export async function callKills(workload: Workload): Promise<Experiment[]> {
  await using undisturbed = await freshHome(workload)
  const { ended, points, writes, deeds } = await live(workload, undisturbed.path, {})
  assert.ok(ended && points > 0, `${workload.name} comes to its end when nobody kills it`)
  await expectPromise(workload, undisturbed.path, { deeds })

  const moments = Array.from({ length: points }, (_, n) => n + 1).flatMap(at =>
    ['before', ...(writes.includes(at) ? ['torn'] : []), 'after'].map(moment => `${at}:${moment}`)
  )
  return moments.map(moment => kill('call', workload, moment, { CRASH_AT: moment }))
}

/** Everything that takes a disk of ours, at `library`. */
export async function diskExperiments(
  workload: Workload,
  library: string,
  seed: number
): Promise<Experiment[]> {
  await using home = await freshHome(workload)
  const files = filesIn(home.path)
  const trace = join(mkdtempSync(join(tmpdir(), 'lumos-trace-')), 'trace')
  const diskOf = (path: string) => ({ LD_PRELOAD: library, DISK_HOME: path })
  const { ended } = await live(workload, home.path, { ...diskOf(home.path), DISK_TRACE: trace })
  assert.ok(ended)
  const trail = readTrace(trace)
  const changes = trail.filter(({ kind }) => kind !== 'A')

  const kills = changes.flatMap(({ kind }, n) =>
    ['before', ...(kind === 'W' ? ['torn'] : [])].map(moment => {
      const at = `${n + 1}:${moment}`
      return kill('change', workload, at, path => ({ ...diskOf(path), DISK_KILL_AT: at }))
    })
  )
  const cutAt = async (moment: number, loss: Loss): Promise<void> => {
    const disk = new TracedDisk(home.path, files)
    const account = new Account(workload, home.path)
    for (const change of trail.slice(0, moment)) {
      disk.apply(change)
      if (change.kind === 'A')
        for (const line of change.bytes.toString().trim().split('\n')) account.hear(line)
    }
    const left = mkdtempSync(join(tmpdir(), 'lumos-power-'))
    try {
      disk.cut(left, loss, seededRandom(seed + moment))
      await expectPromise(workload, left, account.words, brokenAfterPowerCut)
    } finally {
      rmSync(left, { recursive: true, force: true })
    }
  }
  const cuts = trail.flatMap((_, n) =>
    LOSSES.map(loss => ({
      kind: 'power' as const,
      name: `power/${workload.name}/${n + 1}:${loss}`,
      run: () => cutAt(n + 1, loss)
    }))
  )
  const syncs = changes.filter(({ kind }) => kind === 'S').length
  const writes = changes.filter(({ kind }) => kind === 'W').length
  const refusals = [
    ...Array.from({ length: syncs }, (_, n) => refusal(workload, `sync:${n + 1}`, diskOf)),
    ...Array.from({ length: writes }, (_, n) => refusal(workload, `write:${n + 1}`, diskOf))
  ]
  return [...kills, ...cuts, ...refusals]
}

type Environment = Record<string, string>

function kill(
  kind: Kind,
  workload: Workload,
  moment: string,
  env: Environment | ((home: string) => Environment)
): Experiment {
  return {
    kind,
    name: `${kind}/${workload.name}/${moment}`,
    async run() {
      await using home = await freshHome(workload)
      const life = await live(workload, home.path, typeof env === 'function' ? env(home.path) : env)
      assert.equal(life.signal, 'SIGKILL')
      await expectPromise(workload, home.path, life)
    }
  }
}

function refusal(workload: Workload, which: string, diskOf: (home: string) => Environment): Experiment {
  return {
    kind: 'refuse',
    name: `refuse/${workload.name}/${which}`,
    async run() {
      await using home = await freshHome(workload)
      const life = await live(workload, home.path, { ...diskOf(home.path), DISK_FAIL: `${which}:1` })
      assert.ok(life.ended, 'the process lives on')
      assert.deepEqual([...new Set([...life.failures, 'STORE_FAILED'])], ['STORE_FAILED'])
      await expectPromise(workload, home.path, life, brokenAfterRefusal)
    }
  }
}
