/** Reads Markdown of memory: what `exportMarkdown` writes, and what a person made of it. Nothing is passed over in silence. */

import { InvalidInputError } from '../../../interface/errors.ts'
import {
  DOC_KINDS,
  type DocKind,
  DocName,
  type MemoryChange,
  type MemoryValue
} from '../../../interface/memory.ts'
import { NOTE_PIECE_UNITS, UPDATE_BYTES_MAX } from './limits.ts'
import { BOXES, endOfNotes, MARKDOWN_HEAD } from './markdown.ts'
import { checkKey, checkValue } from './value.ts'

export interface ImportedDoc {
  readonly name: string
  readonly kind: DocKind
  readonly changes: readonly MemoryChange[]
}

const SECTION = new RegExp(`^## (\\S+) \\((${DOC_KINDS.join('|')})\\)$`)
const STATE_OF_BOX = new Map(Object.entries(BOXES).map(([state, box]) => [box, state]))

/** @throws {InvalidInputError} with the number of the line that it cannot read. */
export function importMarkdown(markdown: string): ImportedDoc[] {
  const lines = new Lines(markdown)
  if (lines.next() !== MARKDOWN_HEAD)
    throw new InvalidInputError(`The first line must be "${MARKDOWN_HEAD}".`)
  while (lines.peek() !== undefined && !SECTION.test(lines.peek()!)) {
    const line = lines.next()!
    if (line !== '' && !line.startsWith('# ')) throw lines.wrong()
  }
  const docs: ImportedDoc[] = []
  const names = new Set<string>()
  while (lines.peek() !== undefined) {
    const [, name, kind] = SECTION.exec(lines.next()!) ?? []
    if (!DocName.safeParse(name).success || names.has(name!)) throw lines.wrong()
    names.add(name!)
    docs.push({ name: name!, kind: kind as DocKind, changes: [...readSection(lines, kind as DocKind)] })
  }
  return docs
}

function* readSection(lines: Lines, kind: DocKind): Iterable<MemoryChange> {
  const ids = new Set<string>()
  for (let line = lines.peek(); line !== undefined && !SECTION.test(line); line = lines.peek()) {
    lines.next()
    // Of a raw document only its name is there.
    if (line === '' || kind === 'raw') continue
    if (kind === 'facts') yield usable(lines, () => readFact(lines, line))
    else if (kind === 'tasks') yield usable(lines, () => readTask(lines, line))
    else if (kind === 'notes') yield* readNotes(lines, line)
    else {
      const entry = usable(lines, () => readEntry(lines, line)) as Entry
      // Two devices have said two things under one id: the second gets an id of its own.
      yield ids.has(entry.id) ? { type: 'append', value: entry.value } : entry
      ids.add(entry.id)
    }
  }
}

/** What was read, where a document takes it: what it refuses has a line here, and none there. */
function usable(lines: Lines, read: () => MemoryChange): MemoryChange {
  const { line } = lines
  const change = read()
  try {
    if ('key' in change) checkKey(change.key)
    if ('id' in change && change.id !== undefined) checkKey(change.id)
    if ('value' in change) checkValue(change.value)
    return change
  } catch (cause) {
    throw new InvalidInputError(`Line ${line}: ${(cause as Error).message}`, { cause })
  }
}

type Entry = { readonly type: 'append'; readonly id: string; readonly value: MemoryValue }

const NAME = String.raw`("(?:[^"\\]|\\.)*"|[^"*]+)`
const FACT = new RegExp(String.raw`^- \*\*${NAME}\*\*:(.*)$`)
const ENTRY = new RegExp(`^### ${NAME}$`)
const TASK = /^- \[(.)\] (.+)$/

function readFact(lines: Lines, line: string): MemoryChange {
  const [, key, rest] = FACT.exec(line) ?? []
  if (key === undefined || rest === undefined) throw lines.wrong()
  const value = rest.trim() === '' ? readQuoted(lines, '  ') : readInline(rest.trim())
  return { type: 'set', key: textOf(key), value }
}

function readEntry(lines: Lines, line: string): Entry {
  const [, id] = ENTRY.exec(line) ?? []
  if (id === undefined) throw lines.wrong()
  // When and by whom is of the old space: the import is said now, and here.
  while (lines.peek() === '' || /^\*.*\*$/.test(lines.peek() ?? '')) lines.next()
  if (lines.peek() !== '```json') return { type: 'append', id: textOf(id), value: readQuoted(lines, '') }
  lines.next()
  const json = lines.until('```')
  try {
    return { type: 'append', id: textOf(id), value: JSON.parse(json) as MemoryValue }
  } catch (cause) {
    throw lines.wrong(cause)
  }
}

function readTask(lines: Lines, line: string): MemoryChange {
  const [, box, title] = TASK.exec(line) ?? []
  const state = STATE_OF_BOX.get(box ?? '')
  if (state === undefined) throw lines.wrong()
  const details = new Map<string, string>()
  for (let next = lines.peek(); next?.startsWith('  - '); next = lines.peek()) {
    const [, name, value] = /^ {2}- (id|for): (.+)$/.exec(lines.next()!) ?? []
    if (name === undefined || details.has(name)) throw lines.wrong()
    details.set(name, textOf(value!))
  }
  return {
    type: 'task',
    id: details.get('id'),
    title: textOf(title!),
    state: state as keyof typeof BOXES,
    assignee: details.get('for')
  }
}

/** In pieces that fit an envelope each. */
function* readNotes(lines: Lines, line: string): Iterable<MemoryChange> {
  const [, number] = /^<!-- notes (\d{1,9}) -->$/.exec(line) ?? []
  if (number === undefined) throw lines.wrong()
  const text = lines.until(endOfNotes(Number(number)))
  for (let at = 0; at < text.length; ) {
    const end = at + NOTE_PIECE_UNITS
    const whole = text.codePointAt(end - 1)! > 0xffff ? end + 1 : end
    yield { type: 'edit', at, remove: 0, insert: text.slice(at, whole) }
    at = whole
  }
}

function readQuoted(lines: Lines, indent: string): string {
  const texts: string[] = []
  // Editors take the space off the end of an empty line.
  for (let line = lines.peek(); line?.startsWith(`${indent}>`); line = lines.peek()) {
    lines.next()
    const text = line.slice(indent.length + 1)
    texts.push(text.startsWith(' ') ? text.slice(1) : text)
  }
  if (texts.length === 0) throw lines.wrong()
  return texts.join('\n')
}

function readInline(text: string): MemoryValue {
  try {
    return JSON.parse(text) as MemoryValue
  } catch {
    return text
  }
}

function textOf(text: string): string {
  if (!text.startsWith('"')) return text
  const value = readInline(text)
  return typeof value === 'string' ? value : text
}

/** So that each part fits one envelope. */
export function* partsOf(changes: readonly MemoryChange[]): Iterable<readonly MemoryChange[]> {
  let part: MemoryChange[] = []
  let bytes = 0
  for (const change of changes) {
    const size = Buffer.byteLength(JSON.stringify(change))
    if (part.length > 0 && bytes + size > PART_BYTES) {
      yield part
      part = []
      bytes = 0
    }
    part.push(change)
    bytes += size
  }
  if (part.length > 0) yield part
}
/** An edit of one letter takes as much again in an update as it has here. */
const PART_BYTES = UPDATE_BYTES_MAX / 4

class Lines {
  readonly #lines: readonly string[]
  #at = 0

  /** Editors of Windows end each line in a way of their own, the first one too. */
  constructor(text: string) {
    const isWindows = text.startsWith(`${MARKDOWN_HEAD}\r\n`)
    this.#lines = text.split(isWindows ? '\r\n' : '\n')
  }

  /** Number of the line that was read last. */
  get line(): number {
    return this.#at
  }

  peek(): string | undefined {
    return this.#lines[this.#at]
  }

  next(): string | undefined {
    return this.#lines[this.#at++]
  }

  /** Lines up to this one, which is passed over. */
  until(end: string): string {
    const found = this.#lines.indexOf(end, this.#at)
    if (found === -1) throw new InvalidInputError(`After line ${this.#at} there is no "${end}".`)
    const text = this.#lines.slice(this.#at, found).join('\n')
    this.#at = found + 1
    return text
  }

  wrong(cause?: unknown): InvalidInputError {
    const line = this.#lines[this.#at - 1] ?? ''
    return new InvalidInputError(`Line ${this.#at} is not as memory is exported: ${line.slice(0, 80)}`, {
      cause
    })
  }
}
