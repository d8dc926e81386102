/**
 * With `--mode bundle`, as in `npm test`, nodes that tests start as processes run the bundle, like an installed package:
 * a start takes half the processor time. The bundle is made once. So do programs of the tests that start many times. Else all
 * run the source as it is.
 */

import { mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { build } from 'esbuild'
import { bundle, COMMON } from '../bundle.ts'
import { BUNDLED_PROGRAMS, bundledName } from './program.ts'

const ROOT = join(import.meta.dirname, '..')

export default async function bundleOnce(): Promise<() => Promise<void>> {
  const folder = await mkdtemp(join(ROOT, 'dist-'))
  await bundle(folder)
  await build({
    ...COMMON,
    splitting: false,
    outdir: folder,
    entryPoints: Object.fromEntries(BUNDLED_PROGRAMS.map(path => [bundledName(path), join(ROOT, path)]))
  })
  process.env.TESTED_MAIN = join(folder, 'cli.js')
  process.env.TESTED_FOLDER = folder
  return () => rm(folder, { recursive: true, force: true })
}
