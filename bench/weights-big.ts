/**
 * A model that is larger than memory should ever be, beside a small one: what it takes does not grow with it. A run that is cut
 * is gone on with: by what was made, and by what has come.
 */

import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { LEAF_BYTES } from '../interface/limits.ts'
import { type Bench, take } from './harness.ts'
import { tableOf } from './table.ts'
import { move, prepare, RSS_MB_MAX } from './weights.ts'
import type { Content } from './weights-ways.ts'

/** MiB. */
const SIZES = { thorough: [256, 4096], quick: [16, 192] }

const DIRECTORY = join(tmpdir(), 'lumos-bench-weights-big')

export const bench: Bench = async ({ quick }) => {
  const rates = new Map<string, number[]>()
  const memory = new Map<string, number[]>()
  for (const leaves of quick ? SIZES.quick : SIZES.thorough) {
    const place = join(DIRECTORY, String(leaves))
    console.error(`${leaves} MiB`)
    const content = await contentAt(place, leaves)
    const { ms, keptBytes, ...measured } = await move('lumos', content, join(place, 'copy'), true)
    if (keptBytes > 0) console.error(`  ${Math.round(keptBytes / 1e6)} MB had come in a run that was cut`)
    take(rates, `${leaves} MiB`, (leaves * LEAF_BYTES - keptBytes) / 1000 / ms)
    take(memory, `${leaves} MiB, sender`, measured.senderBytes / 1e6)
    take(memory, `${leaves} MiB, receiver`, measured.receiverBytes / 1e6)
    rmSync(place, { recursive: true })
  }
  rmSync(DIRECTORY, { recursive: true })
  const limits = Object.fromEntries([...memory.keys()].map(name => [name, RSS_MB_MAX]))
  return [
    tableOf('Large weights to disk', rates, { unit: 'MB/s', references: [] }),
    tableOf('Memory above the idle process, large weights', memory, { unit: 'MB', references: [], limits })
  ]
}

/** As an earlier run has made it, if that came to its end. */
async function contentAt(place: string, leaves: number): Promise<Content> {
  const made = join(place, 'content.json')
  if (existsSync(made)) return JSON.parse(readFileSync(made, 'utf8'))
  rmSync(place, { recursive: true, force: true })
  mkdirSync(place, { recursive: true })
  const content = await prepare(place, leaves)
  writeFileSync(`${made}.new`, JSON.stringify(content))
  renameSync(`${made}.new`, made)
  return content
}
