/** A model that is larger than memory should ever be, beside a small one: what it takes does not grow with it. */

import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { LEAF_BYTES } from '../interface/limits.ts'
import { type Bench, take } from './harness.ts'
import { tableOf } from './table.ts'
import { move, prepare, RSS_MB_MAX } from './weights.ts'

/** MiB. */
const SIZES = { thorough: [256, 4096], quick: [16, 192] }

export const bench: Bench = async ({ quick }) => {
  const directory = mkdtempSync(join(tmpdir(), 'lumos-bench-'))
  try {
    const rates = new Map<string, number[]>()
    const memory = new Map<string, number[]>()
    for (const leaves of quick ? SIZES.quick : SIZES.thorough) {
      const place = join(directory, String(leaves))
      mkdirSync(place)
      console.error(`${leaves} MiB`)
      const content = await prepare(place, leaves)
      const measured = await move('lumos', content, join(place, 'copy'), true)
      take(rates, `${leaves} MiB`, (leaves * LEAF_BYTES) / 1000 / measured.ms)
      take(memory, `${leaves} MiB, sender`, measured.senderBytes / 1e6)
      take(memory, `${leaves} MiB, receiver`, measured.receiverBytes / 1e6)
      rmSync(place, { recursive: true })
    }
    const limits = Object.fromEntries([...memory.keys()].map(name => [name, RSS_MB_MAX]))
    return [
      tableOf('Large weights to disk', rates, { unit: 'MB/s', references: [] }),
      tableOf('Memory above the idle process, large weights', memory, { unit: 'MB', references: [], limits })
    ]
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}
