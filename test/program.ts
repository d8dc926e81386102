/** A program of the tests that runs as a process: its source, or the one file that test/bundle.ts made of it. */

import { basename, join } from 'node:path'

const ROOT = join(import.meta.dirname, '..')

/** These start many times. What they load by its address is in the folder, too, but for the threads of `sim swarm`. */
export const BUNDLED_PROGRAMS = [
  'sim/main.ts',
  'test/crash/dying-process.ts',
  'test/storage/dying-protection.ts',
  'test/storage/weights/dying-store.ts',
  'test/weights/processes/device.ts'
] as const

type BundledProgram = (typeof BUNDLED_PROGRAMS)[number]

/** @returns its name in the folder of the bundle, without an extension. */
export const bundledName = (program: BundledProgram): string => `program-${basename(program, '.ts')}`

export function programAt(program: BundledProgram): string {
  const { TESTED_FOLDER } = process.env
  return TESTED_FOLDER === undefined ? join(ROOT, program) : join(TESTED_FOLDER, `${bundledName(program)}.js`)
}
