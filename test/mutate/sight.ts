/** Which tests can see a change of a file: those that load it, through whatever they load themselves. */

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

/** These start many nodes or processes, and are asked when the others see nothing. */
const SLOW = /^test\/(hostile|sim|cli|crash)\//

/** The tests among `files` that load `changed`: those of its own folder first, then those with the fewest files between. */
export function testsThatSee(root: string, files: readonly string[], changed: string): string[] {
  const loaders = new Map<string, string[]>()
  for (const file of files) {
    for (const loaded of loadedBy(root, file)) loaders.set(loaded, [...(loaders.get(loaded) ?? []), file])
  }
  const seen = new Set([changed])
  // A set that grows while it is walked: breadth first.
  for (const file of seen) for (const loader of loaders.get(file) ?? []) seen.add(loader)
  const folders = dirname(changed).split(sep)
  const rank = (test: string): number =>
    folders.includes(basename(dirname(test))) ? 0 : SLOW.test(test) ? 2 : 1
  return [...seen]
    .filter(file => file.endsWith('.test.ts') && !LEFT_OUT.test(file))
    .sort((one, other) => rank(one) - rank(other))
}

function loadedBy(root: string, file: string): string[] {
  const names = [...readFileSync(join(root, file), 'utf8').matchAll(NAMED)].map(match => match[1]!)
  return names.flatMap(name => {
    const beside = relative(root, join(root, dirname(file), name))
    const path = [beside, name].find(each => !each.startsWith('..') && existsSync(join(root, each)))
    return path === undefined ? [] : [path]
  })
}
