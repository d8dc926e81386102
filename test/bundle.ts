/**
 * With `--mode bundle`, as in `npm test`, nodes that tests start as processes run the bundle, like an installed package:
 * a start takes half the processor time. The bundle is made once. Else they run the source as it is.
 */

import { mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { bundle } from '../bundle.ts'

const ROOT = join(import.meta.dirname, '..')

export default async function bundleOnce(): Promise<() => Promise<void>> {
  const folder = await mkdtemp(join(ROOT, 'dist-'))
  await bundle(folder)
  process.env.TESTED_MAIN = join(folder, 'cli.js')
  return () => rm(folder, { recursive: true, force: true })
}
