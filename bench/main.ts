/**
 * `npm run bench -- NAME [--json]`: prints tables; with `--json`, the last line is one
 * object `{"bench","results":[{"metric","value","unit","baseline","ratio"}]}`.
 */

import { parseArgs } from 'node:util'
import type { Bench } from './harness.ts'

const BENCHES: Record<string, () => Promise<{ bench: Bench }>> = {
  rpc: () => import('./rpc.ts'),
  bulk: () => import('./bulk.ts'),
  infer: () => import('./infer.ts'),
  start: () => import('./start.ts')
}

const { values, positionals } = parseArgs({
  options: { json: { type: 'boolean', default: false } },
  allowPositionals: true
})
const name = positionals[0] ?? ''
const load = BENCHES[name]
if (load === undefined) {
  console.error(`Usage: npm run bench -- ${Object.keys(BENCHES).join('|')} [--json]`)
  process.exit(2)
}

const { bench } = await load()
const results = await bench()
if (values.json) console.log(JSON.stringify({ bench: name, results }))
// Idle connections of the libraries compared would keep the process alive.
process.exit(0)
