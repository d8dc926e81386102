import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, sep } from 'node:path'
import { describe, expect, it } from 'vitest'

const ROOT = join(import.meta.dirname, '..')

/** What each folder may import from. Everything may import itself. */
const BELOW: Record<string, readonly string[]> = {
  interface: [],
  protocols: ['interface'],
  capabilities: ['interface'],
  storage: ['interface'],
  node: ['interface', 'protocols', 'capabilities', 'storage'],
  units: ['interface', 'node'],
  gateway: ['interface', 'node', 'units', 'storage'],
  cli: ['interface', 'node', 'units', 'gateway', 'storage'],
  sim: ['interface', 'protocols', 'capabilities', 'storage', 'node', 'units', 'gateway', 'cli'],
  bench: ['interface', 'protocols', 'capabilities', 'storage', 'node', 'units', 'gateway', 'cli', 'sim']
}
/** Packages that only one floor of the house may know. */
const ONLY: readonly [pattern: RegExp, folders: readonly string[]][] = [
  [/^(libp2p|@libp2p\/.*|@multiformats\/.*)$/, ['protocols', 'node', 'storage', 'sim', 'bench']],
  [/^(onnxruntime-node|sharp)$/, ['capabilities', 'bench']],
  [/^node:sqlite$/, ['storage', 'bench']],
  [/^(hono|@hono\/.*)$/, ['gateway']],
  [/^commander$/, ['cli']]
]
const IMPORT =
  /(?:^|\n)\s*(?:import|export)\b[^'"\n]*?(?:\{[^}]*\}\s*from\s*)?['"]([^'"]+)['"]|import\(\s*['"]([^'"]+)['"]/g

const files = Object.keys(BELOW).flatMap(folder =>
  readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter(name => name.endsWith('.ts'))
    .map(name => join(folder, name))
)

const importsOf = (file: string): string[] =>
  [...readFileSync(join(ROOT, file), 'utf8').matchAll(IMPORT)].map(match => (match[1] ?? match[2])!)

const folderOf = (path: string): string => path.split(sep)[0]!

describe('the floors of the house', () => {
  it('finds imports, or the tests below would prove nothing', () => {
    expect(files.length).toBeGreaterThan(30)
    expect(importsOf(join('node', 'router.ts'))).toContain('../interface/errors.ts')
  })

  it.each(files)('%s imports only from below', file => {
    const folder = folderOf(file)
    const targets = importsOf(file)
      .filter(name => name.startsWith('.'))
      .map(name => folderOf(relative(ROOT, join(ROOT, dirname(file), name))))
    const wrong = targets.filter(target => target !== folder && !BELOW[folder]!.includes(target))
    expect(wrong.filter(target => target !== 'package.json')).toEqual([])
  })

  it.each(files)('%s uses only packages of its floor', file => {
    const wrong = importsOf(file).filter(name =>
      ONLY.some(([pattern, folders]) => pattern.test(name) && !folders.includes(folderOf(file)))
    )
    expect(wrong).toEqual([])
  })

  it('only the settings read the environment, and the command line where the home is', () => {
    const readers = files.filter(file => readFileSync(join(ROOT, file), 'utf8').includes('process.env'))
    // Loading the settings takes longer than all else that a read command does.
    const allowed = [join('node', 'config.ts'), join('cli', 'client.ts')]
    expect(readers.filter(file => !['bench', 'sim'].includes(folderOf(file)))).toEqual(allowed)
  })

  it('only the command line writes to stdout', () => {
    const writers = files.filter(file =>
      /process\.stdout|console\.log/.test(readFileSync(join(ROOT, file), 'utf8'))
    )
    expect(writers.filter(file => !['cli', 'bench', 'sim'].includes(folderOf(file)))).toEqual([])
  })

  it('only the clock knows the time, and only passed-in chance is used', () => {
    const ambient = /\bDate\.now\(|\bMath\.random\(|\bnew Date\(\)|AbortSignal\.timeout\(/
    const users = files.filter(file => ambient.test(readFileSync(join(ROOT, file), 'utf8')))
    expect(users.filter(file => !['cli', 'bench', 'sim'].includes(folderOf(file)))).toEqual([
      join('interface', 'clock.ts')
    ])
  })
})
