/** `node test/crash/memory.ts [KILLS] [SEED]`: kills a process that writes to a space, again and again, and looks at what is left. */

import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { systemClock } from '../../interface/clock.ts'
import { openMemoryEngine } from '../../node/memory/worker/memory-thread.ts'
import { seededRandom } from '../../sim/random.ts'
import { seedOf } from '../node/memory/engine-seed.ts'

const DYING = fileURLToPath(new URL('../node/memory/dying-memory.ts', import.meta.url))
const [kills, seed] = [Number(process.argv[2] ?? 200), Number(process.argv[3] ?? 1)]
const random = seededRandom(seed)
const quiet = { debug() {}, info() {}, warn() {}, error() {} }
const home = mkdtempSync(join(tmpdir(), 'lumos-memory-'))
const path = join(home, 'memory.db')
let said = 0

for (let kill = 0; kill < kills; kill++) {
  const writes = String(1 + Math.floor(random() * 60))
  const lines = await new Promise<string[]>(resolve =>
    execFile(process.execPath, [DYING, path, writes], (_, out) => resolve(out.trim().split('\n')))
  )
  said = Math.max(said, ...lines.map(Number))
  const engine = openMemoryEngine({
    path,
    seed: seedOf('one'),
    spaceBytesMax: 1e9,
    clock: systemClock,
    log: quiet
  })
  const content = await engine.read('diary', 'default')
  const kept = content.kind === 'facts' ? Object.keys(content.facts).length : 0
  const { problems } = await engine.verify('diary')
  // Every tenth time the log gives way to a checkpoint, which must lose nothing either.
  if (kill % 10 === 9) await engine.compact('diary')
  await engine.close()
  if (kept >= said && problems.length === 0) continue
  console.error(`kill ${kill} of seed ${seed}: ${said} acknowledged, ${kept} kept. ${problems.join(' ')}`)
  process.exit(1)
}
rmSync(home, { recursive: true })
console.log(`${kills} kills, ${said} writes acknowledged, none lost.`)
