/** Which tests may see a change of a file: those that load it, through whatever they load themselves. */

import { existsSync, readFileSync } from 'node:fs'
import { basename, dirname, join, relative, sep } from 'node:path'

/** A file's name in a string: an import, the program of a child process, a worker. */
const NAMED = /['"`]([\w./@-]+\.ts)['"`]/g
/**
 * These load everything, take minutes or need what not every machine has, or look at the source as text, where every
 * change looks like a fault.
 */
const LEFT_OUT =
  /^test\/(bench|browser|fuzz|lab|lan|soak|mutate|sim\/scenarios|package|layers|dependencies)\b/

/** These start many nodes or processes. */
const SLOW = /^test\/(hostile|sim|cli|crash)\//

/** The tests among `files` that are asked about mutants, the slow ones last. */
export function testsAmong(files: readonly string[]): string[] {
  const tests = files.filter(
    file => file.startsWith('test/') && file.endsWith('.test.ts') && !LEFT_OUT.test(file)
  )
  return [...tests.filter(test => !SLOW.test(test)), ...tests.filter(test => SLOW.test(test))]
}

/** Whether `test` is in the folder of tests that is named like a folder of `changed`. */
export const isNear = (test: string, changed: string): boolean =>
  dirname(changed)
    .split(sep)
    .includes(basename(dirname(test)))

/** The tests among `files` that load `changed`, those with the fewest files between first. */
export function testsThatSee(root: string, files: readonly string[], changed: string): string[] {
  const loaders = loadersAmong(root, files)
  const seen = new Set([changed])
  // A set that grows while it is walked: breadth first.
  for (const file of seen) for (const loader of loaders.get(file) ?? []) seen.add(loader)
  return testsAmong([...seen])
}

/** By file: those of `files` that load it themselves. */
export function loadersAmong(root: string, files: readonly string[]): Map<string, string[]> {
  const loaders = new Map<string, string[]>()
  for (const file of files) {
    for (const loaded of loadedBy(root, file)) loaders.set(loaded, [...(loaders.get(loaded) ?? []), file])
  }
  return loaders
}

function loadedBy(root: string, file: string): string[] {
  const names = [...readFileSync(join(root, file), 'utf8').matchAll(NAMED)].map(match => match[1]!)
  return names.flatMap(name => {
    const beside = relative(root, join(root, dirname(file), name))
    const path = [beside, name].find(each => !each.startsWith('..') && existsSync(join(root, each)))
    return path === undefined ? [] : [path]
  })
}
