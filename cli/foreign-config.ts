/**
 * Configuration files of other programs, which belong to their owners: a change is shown first, keeps what stands
 * there, leaves a copy of the file as it was, and replaces the file in one step.
 *
 * The text comes from `withJson` (`foreign/json-edit.ts`) or `withToml` (`foreign/toml-edit.ts`).
 */

import { copyFileSync, existsSync, mkdirSync, readFileSync, realpathSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { InvalidInputError } from '../interface/errors.ts'
import { type Output, printable } from './output.ts'
import { writeNewFile } from './output-file.ts'
import { confirm } from './prompt.ts'

export { withJson } from './foreign/json-edit.ts'
export { withToml } from './foreign/toml-edit.ts'

/** The largest configuration that is read: those of editors have some hundred kilobytes. */
const FILE_BYTES_MAX = 4 * 1024 * 1024
/** Lines around a change that are shown with it. */
const CONTEXT_LINES = 2

export interface ForeignFile {
  readonly path: string
  /** The whole text with the change, made of the text that is there. Throws where it cannot be made safely. */
  edit(text: string | undefined): string
}

export interface ForeignOptions {
  /** No question is asked. */
  readonly yes?: boolean
  /** Nothing is written. */
  readonly print?: boolean
}

/** What happened to the file. `backup` is the copy of what was there. */
export interface ForeignChange {
  readonly path: string
  readonly state: 'unchanged' | 'printed' | 'written'
  readonly backup: string | null
}

/**
 * Shows the change and makes it.
 *
 * @throws {LumosError} `CANCELLED` when the person says no, `USAGE` without a terminal to ask at; {@link InvalidInputError}
 *   for a file that cannot be read, understood or written. Then nothing has changed.
 */
export async function changeForeignFile(
  file: ForeignFile,
  { yes, print }: ForeignOptions,
  output: Output
): Promise<ForeignChange> {
  const path = realPath(file.path)
  const before = read(path)
  const after = file.edit(before)
  if (after === before) return { path, state: 'unchanged', backup: null }

  const change = `${path}\n${changedLines(before ?? '', after)}`
  if (print) {
    if (!output.json) output.line(change)
    return { path, state: 'printed', backup: null }
  }
  output.note(change)
  await confirm(`Change ${path}?`, yes)
  // It may have been changed while the question stood.
  if (read(path) !== before)
    throw new InvalidInputError(`${path} has changed meanwhile: nothing was written.`)
  return { path, state: 'written', backup: write(path, before, after) }
}

/** Where the text lies: a link of a person who keeps configurations elsewhere stays a link. */
function realPath(path: string): string {
  try {
    return realpathSync(path)
  } catch {
    return path
  }
}

function read(path: string): string | undefined {
  let bytes: Buffer
  try {
    const stat = statSync(path)
    if (!stat.isFile()) throw new InvalidInputError(`${path} is no file.`)
    if (stat.size > FILE_BYTES_MAX)
      throw new InvalidInputError(`${path} holds more than ${FILE_BYTES_MAX} bytes.`)
    bytes = readFileSync(path)
  } catch (err) {
    const { code } = err as NodeJS.ErrnoException
    if (code === 'ENOENT') return undefined
    if (err instanceof InvalidInputError) throw err
    throw new InvalidInputError(`${path} cannot be read: ${code}.`, { cause: err })
  }
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch (err) {
    throw new InvalidInputError(`${path} is no text in UTF-8: nothing was changed.`, { cause: err })
  }
}

/** Keeps a copy of what was there, whose path it gives. */
function write(path: string, before: string | undefined, after: string): string | null {
  mkdirSync(dirname(path), { recursive: true })
  if (before === undefined) {
    writeNewFile(path, Buffer.from(after), false)
    return null
  }
  const backup = `${path}.before-lumos`
  // That of the first change has what the person wrote.
  if (!existsSync(backup)) copyFileSync(path, backup)
  writeNewFile(path, Buffer.from(after), true, statSync(path).mode & 0o777)
  return backup
}

/** The lines that differ, with some around them. */
function changedLines(before: string, after: string): string {
  const [old, now] = [before, after].map(text => (text === '' ? [] : text.split(/\r?\n/))) as [
    string[],
    string[]
  ]
  let head = 0
  while (head < old.length && head < now.length && old[head] === now[head]) head++
  let tail = 0
  const most = Math.min(old.length, now.length) - head
  while (tail < most && old.at(-1 - tail) === now.at(-1 - tail)) tail++
  const marked = (mark: string, lines: readonly string[]) => lines.map(line => printable(`${mark} ${line}`))
  return [
    ...marked(' ', old.slice(Math.max(0, head - CONTEXT_LINES), head)),
    ...marked('-', old.slice(head, old.length - tail)),
    ...marked('+', now.slice(head, now.length - tail)),
    ...marked(' ', old.slice(old.length - tail, old.length - tail + CONTEXT_LINES))
  ].join('\n')
}
