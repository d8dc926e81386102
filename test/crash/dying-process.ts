/** A process that goes through a workload and tells its parent each step that it begins and that is done. */

import { statSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { toLumosError } from '../../interface/errors.ts'
import { WORKLOADS } from './workloads.ts'

const [name, home] = process.argv.slice(2) as [string, string]
const tell = (words: object): void => void writeSync(1, `${JSON.stringify(words)}\n`)

for (const [step, { changes, tells, vital, run }] of WORKLOADS.find(each => each.name === name)!
  .steps(home)
  .entries()) {
  tell({ begun: step })
  try {
    const told = await run()
    const logBytes = statSync(join(home, 'core.db-wal'), { throwIfNoEntry: false })?.size ?? 0
    tell({ done: tells === undefined ? changes : { ...changes, [tells]: String(told) }, logBytes })
  } catch (thrown) {
    const { code, message } = toLumosError(thrown)
    if (code === 'INTERNAL') throw thrown
    tell({ failed: code, message })
    if (vital) break
  }
}
tell({ ended: true })
