/**
 * `npm run test:quick`: the tests that open no socket and start no process, found by
 * what they import, directly or through other files. A test becomes quick by its imports alone.
 */

import { globSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { defineConfig } from 'vitest/config'

const ROOT = import.meta.dirname
/** What opens sockets, or starts processes and threads. */
const SLOW =
  /^(node:(child_process|cluster|dgram|http|https|http2|net|tls|worker_threads)|libp2p|@libp2p\/(mdns|tcp)|undici|esbuild|playwright-core)$/
/** Imports of values: those of types are gone when a test runs. */
const IMPORT =
  /^(?:import|export)\s+(?!type\b)(?:[^'"]*?\sfrom\s+)?'([^']+)'|import\(\s*'([^']+)'|new URL\(\s*'(\.[^']+\.ts)'/gm

const slow = new Map<string, boolean>()

function isSlow(file: string): boolean {
  const known = slow.get(file)
  if (known !== undefined) return known
  // A circle adds nothing to what its other files import.
  slow.set(file, false)
  const found = [...readFileSync(file, 'utf8').matchAll(IMPORT)].some(match => {
    const name = (match[1] ?? match[2] ?? match[3])!
    return name.startsWith('.') ? name.endsWith('.ts') && isSlow(join(dirname(file), name)) : SLOW.test(name)
  })
  slow.set(file, found)
  return found
}

export const QUICK_TESTS = globSync('test/**/*.test.ts', { cwd: ROOT }).filter(
  file => !isSlow(join(ROOT, file))
)

export default defineConfig({
  test: {
    // As in vitest.config.ts: a busy machine takes its time.
    testTimeout: 60_000,
    pool: 'forks',
    // One process for all: its start and imports take longer than the tests of a file.
    isolate: false,
    include: QUICK_TESTS,
    reporters: ['default']
  }
})
