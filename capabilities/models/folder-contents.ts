/** What lies in a folder of models, without reading any of it. */

import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { EnginesHere } from './found-model.ts'
import { markOfEngines } from './read-models.ts'

/** Files of one model, with room for those of a publisher. */
const ENTRIES_MAX = 512
/** A publisher holds repositories, which hold folders. */
const DEPTH_MAX = 3

/**
 * Another text when a file comes, goes or changes, or an engine that may open it; undefined where that is too much to
 * look at, or cannot be.
 */
export async function contentsOf(path: string, engines?: EnginesHere): Promise<string | undefined> {
  const marks = [markOfEngines(engines)]
  try {
    return (await look(path, marks, 0)) ? marks.join(' ') : undefined
  } catch {
    return undefined
  }
}

/** @returns whether all of it was looked at. */
async function look(path: string, marks: string[], depth: number): Promise<boolean> {
  const stats = await stat(path)
  // A right that was given changes the last of these times only.
  marks.push(`${path}:${stats.ino}:${stats.size}:${stats.mtimeMs}:${stats.ctimeMs}`)
  if (!stats.isDirectory()) return marks.length <= ENTRIES_MAX
  if (depth === DEPTH_MAX) return false
  for (const name of (await readdir(path)).sort()) {
    if (marks.length >= ENTRIES_MAX || !(await look(join(path, name), marks, depth + 1))) return false
  }
  return true
}
