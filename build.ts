/** `npm run build`: makes `dist/`, what the published package runs. */

import { execFileSync } from 'node:child_process'
import { globSync, readFileSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { bundle, bundleClient } from './bundle.ts'

rmSync('dist', { recursive: true, force: true })
await bundle('dist')
await bundleClient('dist')
execFileSync('tsc', ['-p', 'tsconfig.build.json'], { stdio: 'inherit' })

/** Only what the declarations of the peer API and of the client refer to is shipped: the rest would ask for types of bundled libraries. */
function reachable(file: string, seen: Set<string>): Set<string> {
  if (seen.has(file)) return seen
  seen.add(file)
  for (const [, name] of readFileSync(file, 'utf8').matchAll(/['"](\.{1,2}\/[^'"]+)\.ts['"]/g)) {
    reachable(join(dirname(file), `${name}.d.ts`), seen)
  }
  return seen
}
const kept = new Set<string>()
for (const entry of ['node', 'client']) reachable(join('dist', 'types', entry, 'index.d.ts'), kept)
for (const file of globSync('dist/types/**/*.d.ts')) if (!kept.has(file)) rmSync(file)
