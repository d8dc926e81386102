import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'

const ROOT = join(import.meta.dirname, '..')
const PRODUCT = ['interface', 'protocols', 'capabilities', 'storage', 'node', 'units', 'gateway', 'cli']
const PROVING_GROUND = ['sim', 'lab', 'soak']
/**
 * Lines of the proving ground for each line of the product. It was 0.60 once, and is 0.12.
 * It only ever becomes less: a new scenario takes the place of an old one, or of code that runs both.
 */
const RATIO_MAX = 0.13
/** What one reads in one go. */
const FILE_LINES_MAX = 250

const linesOf = (file: string): number => readFileSync(join(ROOT, file), 'utf8').split('\n').length - 1
const filesIn = (folders: readonly string[]): string[] =>
  folders.flatMap(folder => globSync(`${folder}/**/*.ts`, { cwd: ROOT }))
const sum = (folders: readonly string[]): number =>
  filesIn(folders).reduce((lines, file) => lines + linesOf(file), 0)

it('the proving ground stays in proportion to what it proves', () => {
  expect(sum(PRODUCT)).toBeGreaterThan(10_000)
  expect(sum(PROVING_GROUND) / sum(PRODUCT)).toBeLessThan(RATIO_MAX)
})

it('no file of the proving ground is longer than one reads in one go', () => {
  const long = filesIn([...PROVING_GROUND, 'bench', 'examples']).filter(
    file => linesOf(file) > FILE_LINES_MAX
  )
  expect(long).toEqual([])
})
