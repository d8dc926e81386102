/** What the documents promise must have a test, and the test that they name must exist. */

import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'

const SECURITY = readFileSync(join(import.meta.dirname, '../docs/security.md'), 'utf8')
const HEADER = '| promise | test |'
/** A file below `test/`, then the name of a test as it stands in the file. */
const NAMED_TEST = /^`([\w/.-]+\.(?:test|long)\.ts)`: (.+)$/

/** Every row under every `| promise | test |`. */
const promises = SECURITY.split(HEADER)
  .slice(1)
  .flatMap(table => table.split('\n\n')[0]!.split('\n').slice(2))
  .map(row => row.split('|').map(cell => cell.trim()))
  .map(cells => ({ promise: cells[1]!, test: cells[2] ?? '' }))

const escaped = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')

/** Why the named test does not count; undefined when it exists. */
function flawOf(named: string): string | undefined {
  const [, file, name] = NAMED_TEST.exec(named) ?? []
  if (file === undefined || name === undefined) return `"${named}" names no file and test`
  const path = join(import.meta.dirname, file)
  if (!existsSync(path)) return `test/${file} does not exist`
  const quoted = new RegExp(`(['"\`])${escaped(name)}\\1`)
  return quoted.test(readFileSync(path, 'utf8')) ? undefined : `test/${file} has no test "${name}"`
}

const ARCHITECTURE = readFileSync(join(import.meta.dirname, '../docs/architecture.md'), 'utf8')
/** From the root of the repository: it begins with one of its folders. */
const PATH =
  /`((?:node|interface|protocols|storage|capabilities|units|gateway|cli|sim|lab|soak|test|examples|docs)\/[\w./-]*)`/g
const paths = [...new Set([...ARCHITECTURE.matchAll(PATH)].map(([, path]) => path!))]
  // A word in capitals stands for any name.
  .filter(path => !/\/[A-Z]+(?:\/|$)/.test(path))

const changes = ARCHITECTURE.split('| where do I change | place | what it has |')[1]!
  .split('\n\n')[0]!
  .split('\n')
  .slice(2)
  .map(row => row.split('|').map(cell => cell.trim().replace(/^`|`$/g, '')))
  .map(([, change, place, has]) => ({ change: change!, place: place!, has: has! }))

/** The text of a file, or of all files of a folder. */
function textOf(place: string): string {
  const path = join(import.meta.dirname, '..', place)
  if (!place.endsWith('/')) return readFileSync(path, 'utf8')
  return readdirSync(path, { recursive: true, encoding: 'utf8' })
    .filter(name => name.endsWith('.ts'))
    .map(name => readFileSync(join(path, name), 'utf8'))
    .join('\n')
}

describe('docs/architecture.md', () => {
  it('names files and folders that exist', () => {
    expect(paths.length).toBeGreaterThan(80)
    expect(paths.filter(path => !existsSync(join(import.meta.dirname, '..', path)))).toEqual([])
  })

  it.each(['protocols', 'capabilities', 'storage', 'node'])('names each room of %s/', floor => {
    const [table] = ARCHITECTURE.split('## The floors of the house')[1]!.split('\n## ')
    const row = new RegExp(`^\\| \`${floor}/\` \\|.*(?:\\n\\| \\|.*)*`, 'm').exec(table!)![0]
    const rooms = readdirSync(join(import.meta.dirname, '..', floor), { withFileTypes: true })
      .filter(entry => entry.isDirectory())
      .map(({ name }) => name)
    expect(rooms.filter(name => !row.includes(`\`${name}/\``))).toEqual([])
  })

  it.each(changes)('one place is opened for: $change', ({ place, has }) => {
    expect(textOf(place)).toContain(has)
  })

  it('has the ten everyday changes', () => {
    expect(changes.length).toBe(10)
  })
})

describe('docs/security.md', () => {
  it('has its promises in tables, or the test below would prove nothing', () => {
    expect(promises.length).toBeGreaterThan(50)
  })

  it.each(promises)('$promise', ({ test }) => {
    expect(flawOf(test)).toBeUndefined()
  })

  it('is not believed when it names a file or a test that is missing, or none', () => {
    expect(
      flawOf('`docs.test.ts`: has its promises in tables, or the test below would prove nothing')
    ).toBeUndefined()
    expect(flawOf('`no-such.test.ts`: anything')).toMatch('does not exist')
    expect(flawOf('`docs.test.ts`: proves' + ' everything')).toMatch('has no test')
    expect(flawOf('')).toMatch('names no file')
  })
})
