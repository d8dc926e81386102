/** The nodes that tests start compile the same sources: one process before them keeps what it compiled for the others. */

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
  const first = execFile(process.execPath, ['--input-type=module', '-e', script])
  return async () => {
    first.kill()
    await rm(folder, { recursive: true, force: true, maxRetries: REMOVALS_MAX })
  }
}
