/** The items of a batch: files of folders, lines of files, in an order that is the same each time. */

import { createHash } from 'node:crypto'
import type { Stats } from 'node:fs'
import { type FileHandle, open, readdir, realpath, stat } from 'node:fs/promises'
import { basename, dirname, isAbsolute, join, relative, resolve, sep } from 'node:path'
import { decodeText } from '../../interface/decode-text.ts'
import { InvalidInputError, LumosError, toLumosError } from '../../interface/errors.ts'
import { TENSOR_BYTES_MAX } from '../../interface/limits.ts'
import type { Argument } from '../../interface/tasks/definition.ts'
import { unreadable } from '../../interface/unreadable.ts'
import { linesOf } from './lines.ts'

/** Their names are held in memory while a folder is read. */
const ITEMS_MAX = 1_000_000
/** No task takes more. */
const ITEM_BYTES_MAX = TENSOR_BYTES_MAX
/** A file in base64 in JSON. */
const LINE_BYTES_MAX = Math.ceil(ITEM_BYTES_MAX / 3) * 4 + 1024
const MARK_CHARS = 16
const JSON_LINES = '.jsonl'
/** What Windows and archives of a Mac put into folders of pictures. */
const LEFT_BY_SYSTEMS: ReadonlySet<string> = new Set(['Thumbs.db', 'desktop.ini', '__MACOSX'])

export interface BatchItem {
  /** Such as `photos/a.png`, or `texts.txt:17`. */
  readonly name: string
  /** Another one where the question, the name or the content is another: by size and time for a file. */
  readonly mark: string
  /** The input as its task takes it. @throws {LumosError} */
  read(): Promise<{ readonly input: unknown; readonly bytes: number }>
}

export interface ItemsOf {
  readonly inputs: readonly string[]
  readonly argument: Argument
  /** Of what is asked of each: part of its mark. */
  readonly question: string
  /** Results lie in a folder of inputs at times, and are none. */
  readonly out: string
}

/** @throws {InvalidInputError} for an input that is not there, or is neither file nor folder. */
export async function* itemsOf(wanted: ItemsOf): AsyncGenerator<BatchItem> {
  let count = 0
  for (const path of wanted.inputs) {
    for await (const item of itemsAt(path, wanted)) {
      if (++count > ITEMS_MAX)
        throw new LumosError('INPUT_TOO_LARGE', `A batch has ${ITEMS_MAX} items at most.`)
      yield item
    }
  }
}

export async function countItems(wanted: ItemsOf): Promise<number> {
  let count = 0
  for await (const _ of itemsOf(wanted)) count++
  return count
}

async function* itemsAt(path: string, wanted: ItemsOf): AsyncGenerator<BatchItem> {
  const found = await statOf(path)
  if (found.isDirectory()) {
    for (const file of await filesIn(path, basename(path))) {
      if (file.path === wanted.out) continue
      // One that has gone meanwhile is an item that cannot be read.
      yield fileItem(file.path, file.name, await stat(file.path).catch(() => undefined), wanted, path)
    }
  } else if (!found.isFile()) throw new InvalidInputError(`${path} is neither a file nor a folder.`)
  else if (wanted.argument.from === 'file' && !path.endsWith(JSON_LINES))
    yield fileItem(path, basename(path), found, wanted)
  else yield* lineItems(path, wanted)
}

async function statOf(path: string): Promise<Stats> {
  try {
    return await stat(path)
  } catch (err) {
    throw unreadable(path, err)
  }
}

/** Files below a folder, by name. Hidden ones belong to programs or to the system, and a link to a folder may lead to where it came from. */
async function filesIn(folder: string, name: string): Promise<{ path: string; name: string }[]> {
  const files: { path: string; name: string }[] = []
  const waiting = [{ path: folder, name }]
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    for (const entry of await readdir(next.path, { withFileTypes: true }).catch(thrown(next.path))) {
      if (entry.name.startsWith('.') || LEFT_BY_SYSTEMS.has(entry.name)) continue
      const at = { path: join(next.path, entry.name), name: `${next.name}/${entry.name}` }
      if (entry.isDirectory()) waiting.push(at)
      else if (entry.isFile() || entry.isSymbolicLink()) files.push(at)
      if (files.length > ITEMS_MAX)
        throw new LumosError('INPUT_TOO_LARGE', `${folder} holds more than ${ITEMS_MAX} files.`)
    }
  }
  return files.sort((a, b) => (a.name < b.name ? -1 : 1))
}

function fileItem(
  path: string,
  name: string,
  found: Stats | undefined,
  { argument, question }: ItemsOf,
  folder?: string
): BatchItem {
  return {
    name,
    mark: markOf(question, name, found ? `${found.size} ${Math.trunc(found.mtimeMs)}` : ''),
    async read() {
      const bytes = await readFile(path, folder)
      return { input: fileInput(argument, bytes), bytes: bytes.length }
    }
  }
}

function fileInput(argument: Argument, bytes: Buffer): unknown {
  if (argument.from === 'file') return argument.input(bytes)
  if (argument.from === 'files')
    throw new InvalidInputError(
      'The task takes several files: name those of an item as a list on a line of JSONL.'
    )
  return argument.from === 'text' ? argument.input(decodeText(bytes)) : fromJson(decodeText(bytes))
}

/** @param folder that must hold it, links followed: a data set of others names no other file of this user. */
async function readFile(path: string, folder?: string): Promise<Buffer> {
  const real = folder === undefined ? path : await realpath(path).catch(thrown(path))
  if (folder !== undefined) {
    const way = relative(await realpath(folder).catch(thrown(folder)), real)
    if (isAbsolute(way) || way.split(sep)[0] === '..')
      throw new InvalidInputError(`${path} leads out of ${folder}, so it is not read.`, {
        hint: 'Copy the file into the folder, or name it to the command itself.'
      })
  }
  await using file = await open(real).catch(thrown(path))
  const found = await file.stat()
  if (!found.isFile()) throw new InvalidInputError(`${path} is no file.`)
  if (found.size > ITEM_BYTES_MAX)
    throw new LumosError('INPUT_TOO_LARGE', `${path} holds more than ${ITEM_BYTES_MAX} bytes.`)
  const bytes = Buffer.alloc(found.size)
  const { bytesRead } = await file.read(bytes, 0, found.size, 0)
  return bytes.subarray(0, bytesRead)
}

async function* lineItems(path: string, { argument, question }: ItemsOf): AsyncGenerator<BatchItem> {
  const folder = dirname(path)
  const isJson = path.endsWith(JSON_LINES) || argument.from === 'json'
  await using file = await open(path).catch(thrown(path))
  await mustBeUtf8(file, path)
  let number = 0
  for await (const { bytes } of linesOf(file, LINE_BYTES_MAX)) {
    number++
    if (bytes !== undefined && bytes.toString('latin1').trim() === '') continue
    const name = `${basename(path)}:${number}`
    yield {
      name,
      mark: markOf(question, name, bytes ?? ''),
      async read() {
        if (bytes === undefined)
          throw new LumosError('INPUT_TOO_LARGE', `${name} holds more than ${LINE_BYTES_MAX} bytes.`)
        const text = decodeText(bytes)
        if (!isJson) return { input: fileInput(argument, bytes), bytes: bytes.length }
        const value = fromJson(text)
        if (argument.from === 'files' && isPaths(value)) {
          const named = await Promise.all(value.map(one => readFile(resolve(folder, one), folder)))
          return { input: argument.input(named), bytes: named.reduce((sum, { length }) => sum + length, 0) }
        }
        if (typeof value !== 'string' || argument.from === 'json')
          return { input: value, bytes: bytes.length }
        if (argument.from === 'text') return { input: argument.input(value), bytes: bytes.length }
        // Of a task that takes a file, a string is its path.
        const named = await readFile(resolve(folder, value), folder)
        return { input: fileInput(argument, named), bytes: named.length }
      }
    }
  }
}

/** The line ends of UTF-16 are no bytes of their own: its lines would begin in the middle of a letter. */
async function mustBeUtf8(file: FileHandle, path: string): Promise<void> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(2), 0, 2, 0)
  const mark = buffer.subarray(0, bytesRead).toString('hex')
  if (mark !== 'fffe' && mark !== 'feff') return
  throw new InvalidInputError(`${path} is in UTF-16, and lines are read as UTF-8.`, {
    hint: 'Save it as UTF-8. In Windows PowerShell: Out-File -Encoding utf8'
  })
}

const thrown =
  (path: string) =>
  (cause: unknown): never => {
    throw unreadable(path, cause)
  }

/** No task takes more files than a person would compare. */
const PATHS_MAX = 16
const isPaths = (value: unknown): value is string[] =>
  Array.isArray(value) && value.length <= PATHS_MAX && value.every(path => typeof path === 'string')

function fromJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (err) {
    throw new InvalidInputError(`It is not JSON: ${toLumosError(err).message}.`)
  }
}

const markOf = (question: string, name: string, content: string | Uint8Array): string =>
  createHash('sha256')
    .update(JSON.stringify([question, name]))
    .update(content)
    .digest('hex')
    .slice(0, MARK_CHARS)
