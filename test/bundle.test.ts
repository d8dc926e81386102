import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { build } from 'esbuild'
import { it } from 'vitest'
import { COMMON } from '../bundle.ts'

const ROOT = join(import.meta.dirname, '..')
const TABLE = join(ROOT, 'node_modules/@libp2p/kad-dht/dist/src/routing-table/generated-prefix-list.js')

it('the table of the DHT has the same numbers when it is a file', async () => {
  const outdir = await mkdtemp(join(ROOT, 'dist-'))
  try {
    await build({ ...COMMON, outdir, entryPoints: { table: TABLE } })
    const { default: numbers } = await import(TABLE)
    const { default: filed } = await import(pathToFileURL(join(outdir, 'table.js')).href)
    for (let index = 0; index < 65_536; index += 257) assert.equal(filed[index], numbers[index])
  } finally {
    await rm(outdir, { recursive: true })
  }
})
