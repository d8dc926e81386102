/**
 * Documents as Markdown that a person reads, and edits before it is imported again: facts are a list, entries have headings, tasks are
 * boxes, notes are as they are. What Markdown has no form for is JSON.
 */

import { isoTime } from '../../../interface/iso-time.ts'
import type { DocContent, DocKind, MemoryEntry, MemoryTask, MemoryValue } from '../../../interface/memory.ts'

export interface NamedContent {
  readonly name: string
  readonly content: DocContent
}

/** The first line: what later versions of this form will tell apart. */
export const MARKDOWN_HEAD = '<!-- lumos-node memory 1 -->'
/** In the place of a raw document. */
const LEFT_OUT = 'Left out: what a program or an editor keeps in it has no form in Markdown.'
export const BOXES: Readonly<Record<MemoryTask['state'], string>> = { open: ' ', done: 'x', dropped: '-' }

export function exportMarkdown(space: string, docs: readonly NamedContent[]): string {
  const sections = docs.map(({ name, content }) => `${headingOf(name, content.kind)}\n\n${bodyOf(content)}\n`)
  return [`${MARKDOWN_HEAD}\n\n# ${space}\n`, ...sections].join('\n')
}

const headingOf = (name: string, kind: DocKind): string => `## ${name} (${kind})`

function bodyOf(content: DocContent): string {
  switch (content.kind) {
    case 'facts':
      return Object.entries(content.facts)
        .map(([key, value]) => factLines(key, value))
        .join('\n')
    case 'tasks':
      return content.tasks.map(taskLines).join('\n')
    case 'notes':
      return notesLines(content.text)
    case 'raw':
      return LEFT_OUT
    default:
      return content.entries.map(entryLines).join('\n\n')
  }
}

function factLines(key: string, value: MemoryValue): string {
  const head = `- **${nameText(key)}**:`
  return isLong(value)
    ? [head, ...quoted(value).map(line => `  ${line}`)].join('\n')
    : `${head} ${inline(value)}`
}

function entryLines({ id, value, writer, at }: MemoryEntry): string {
  const lines = typeof value === 'string' ? quoted(value) : ['```json', JSON.stringify(value, null, 2), '```']
  return [`### ${nameText(id)}`, `*${isoTime(at)}, ${writer}*`, '', ...lines].join('\n')
}

function taskLines({ id, title, state, assignee }: MemoryTask): string {
  const lines = [`- [${BOXES[state]}] ${inline(title)}`, `  - id: ${inline(id)}`]
  if (assignee !== null) lines.push(`  - for: ${inline(assignee)}`)
  return lines.join('\n')
}

/** As they are, between two comments of a number that they do not hold. */
function notesLines(text: string): string {
  const held = new Set([...text.matchAll(/<!-- end of notes (\d+) -->/g)].map(([, number]) => Number(number)))
  let number = 1
  while (held.has(number)) number++
  return `<!-- notes ${number} -->\n${text}\n${endOfNotes(number)}`
}

export const endOfNotes = (number: number): string => `<!-- end of notes ${number} -->`

const isLong = (value: MemoryValue): value is string => typeof value === 'string' && value.includes('\n')

const quoted = (text: string): string[] => text.split('\n').map(line => `> ${line}`)

/** In one line: as it is, unless it could be read as something else. */
const inline = (value: MemoryValue): string =>
  typeof value === 'string' && isPlain(value) ? value : json(value)

/** With the separators of lines that JSON leaves as they are. */
const json = (value: MemoryValue): string =>
  JSON.stringify(value).replace(
    /[\u0085\u2028\u2029]/g,
    found => `\\u${found.charCodeAt(0).toString(16).padStart(4, '0')}`
  )

/** Printable, begins and ends with no space, and is no JSON. */
function isPlain(text: string): boolean {
  if (text.trim() !== text || !/^[^"[{\p{C}\p{Zl}\p{Zp}][^\p{C}\p{Zl}\p{Zp}]*$/u.test(text)) return false
  try {
    JSON.parse(text)
    return false
  } catch {
    return true
  }
}

/** Of a key or an id: nothing that would end a heading or bold text early. */
const nameText = (name: string): string =>
  isPlain(name) && !/["*]/.test(name) ? name : json(name).replaceAll('*', '\\u002a')
