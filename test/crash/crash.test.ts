/**
 * A sample of what `npm run crash` does with every point: some of each kind, other ones with another seed
 * (`CRASH_SEED`), always the same without.
 */

import assert from 'node:assert/strict'
import { beforeAll, describe, it } from 'vitest'
import { seededRandom } from '../../sim/random.ts'
import { buildDisk } from './disk.ts'
import { callKills, diskExperiments, type Experiment, KINDS } from './experiments.ts'
import { sampled } from './sampled.ts'
import { WORKLOADS } from './workloads.ts'

const SEED = Number(process.env.CRASH_SEED ?? 2026)
/** Stretching a passphrase takes its time, on purpose. */
const COUNTS: Record<string, number> = { home: 8, keys: 1, migration: 2 }
/** A process for each of them, on a machine that may have better things to do. */
const TIMEOUT_MS = 120_000

const disk = buildDisk()
const random = seededRandom(SEED)

async function each(experiments: readonly Experiment[]): Promise<void> {
  for (const { name, run } of experiments) {
    await run().catch(err => {
      throw new Error(`${name} (npm run crash -- --seed ${SEED} --only ${name}): ${err.message}`, {
        cause: err
      })
    })
  }
}

const PROMISES: Record<(typeof KINDS)[number], string> = {
  call: 'a process that is killed at a call that stores',
  change: 'a process that is killed at any change of a file, inside SQLite too',
  power: 'a power cut, whatever the disk made of what was not synced,',
  refuse: 'a disk that fails once'
}

describe.each(WORKLOADS)('in the life of $name', workload => {
  let experiments: readonly Experiment[] = []
  beforeAll(async () => {
    experiments = await callKills(workload)
    if ('library' in disk) {
      experiments = [...experiments, ...(await diskExperiments(workload, disk.library, SEED))]
    }
  }, TIMEOUT_MS)

  for (const kind of KINDS) {
    it(
      `${PROMISES[kind]} loses nothing that was told to be stored`,
      async context => {
        context.skip(kind !== 'call' && 'missing' in disk, `not run: ${'missing' in disk && disk.missing}`)
        const possible = experiments.filter(experiment => experiment.kind === kind)
        assert.ok(possible.length > 0)
        await each(sampled(possible, COUNTS[workload.name]!, random))
      },
      TIMEOUT_MS
    )
  }
})
