/** `npm run fuzz -- [--runs N] [--seed N] [--target NAME]`: as the tests do, with other chances and for longer. */

import { parseArgs } from 'node:util'
import { fuzz } from './fuzz.ts'
import { TARGETS } from './targets.ts'

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '1000000' },
    seed: { type: 'string', default: String(Date.now() % 2 ** 31) },
    target: { type: 'string' }
  }
})
const [runs, seed] = [Number(values.runs), Number(values.seed)]
const targets = TARGETS.filter(({ name }) => values.target === undefined || name === values.target)
if (!(runs > 0) || !Number.isInteger(seed) || targets.length === 0) {
  console.error(`Usage: npm run fuzz -- [--runs N] [--seed N] [--target NAME]
Targets: ${TARGETS.map(({ name }) => name).join(', ')}`)
  process.exit(2)
}

console.log(`${runs} inputs each, seed ${seed}`)
for (const target of targets) {
  const beganMs = performance.now()
  const { accepted, refused, slowestMs } = await fuzz(target, runs, seed)
  const tookS = ((performance.now() - beganMs) / 1000).toFixed(1)
  console.log(`${target.name}: ${tookS} s, ${accepted} accepted, slowest ${slowestMs.toFixed(1)} ms`, refused)
}
