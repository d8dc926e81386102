/**
 * The nodes that tests start compile the same code, and keep what they compiled for each other. One process before them
 * compiles the source; a bundle is small enough for the first of them.
 */

import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const SERVE = new URL('../cli/serve.ts', import.meta.url).href
/** A test that ends may still keep something there. */
const REMOVALS_MAX = 10

export default async function compileOnce(): Promise<() => Promise<void>> {
  const folder = await mkdtemp(join(tmpdir(), 'lumos-compiled-'))
  process.env.NODE_COMPILE_CACHE = folder
  const script = `await import('${SERVE}'); process.exit()`
  const first = process.env.TESTED_MAIN ?? execFile(process.execPath, ['--input-type=module', '-e', script])
  return async () => {
    if (typeof first === 'object') first.kill()
    await rm(folder, { recursive: true, force: true, maxRetries: REMOVALS_MAX })
  }
}
