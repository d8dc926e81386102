/** The Markdown of an answer, as nodes: no text becomes markup. What is finished is not drawn again while more comes. */

import type { ComponentChildren } from 'preact'
import { useMemo } from 'preact/hooks'
import { useWords } from '../words/index.ts'
import { Button } from './basics.tsx'
import { inline } from './inline.tsx'
import { attempt } from './notes.tsx'
import { copy, Passage, plain } from './text.tsx'

/** A longer text is shown as it is. */
const CHARS_MAX = 200_000
/** Lists and quotations within one another. */
const DEPTH_MAX = 6
const COLUMNS_MAX = 32

// None of these tries a place twice: a model may write any line.
const FENCE = /^( *)(`{3,}|~{3,})(.*)$/
const HEADING = /^(#{1,6}) +(.*)$/
const ITEM = /^( *)([-*+]|\d{1,9}[.)]) +(.*)$/
const QUOTE = /^ {0,3}> ?(.*)$/
const DIVIDER = /^[ :|-]+$/

export function Markdown({ of }: { readonly of: string }) {
  if (of.length > CHARS_MAX) return <Passage of={of} />
  return (
    <div class="markdown" dir="auto">
      {partsOf(of).map((part, index) => (
        <Part key={index} source={part} />
      ))}
    </div>
  )
}

function Part({ source }: { readonly source: string }) {
  return useMemo(() => <>{blocks(source.split('\n'), 0)}</>, [source])
}

/** Cuts at empty lines, but within no code and no list: each part is drawn by itself. */
function partsOf(text: string): readonly string[] {
  const parts: string[] = []
  let part: string[] = []
  let fence: string | undefined
  let isAfterBlank = false
  const close = () => {
    if (part.length > 0) parts.push(part.join('\n'))
    part = []
  }
  for (const line of text.replaceAll('\r\n', '\n').split('\n')) {
    if (fence === undefined && isAfterBlank && line.trim() !== '') {
      const isInList = ITEM.test(part[0] ?? '') && (ITEM.test(line) || line.startsWith('  '))
      if (!isInList) close()
    }
    const opened = fenceOf(line)
    if (fence !== undefined) {
      if (endsFence(line, fence)) fence = undefined
    } else if (opened) fence = opened[2]
    isAfterBlank = fence === undefined && line.trim() === ''
    part.push(line)
  }
  close()
  return parts
}

/** Ticks after it make it code within a line. */
function fenceOf(line: string): RegExpExecArray | undefined {
  const fence = FENCE.exec(line)
  return fence === null || fence[3]!.includes('`') ? undefined : fence
}

/** Three or more of one sign, and nothing else. */
function isRule(line: string): boolean {
  const signs = line.replaceAll(' ', '')
  return signs.length >= 3 && '-*_'.includes(signs[0]!) && signs === signs[0]!.repeat(signs.length)
}

const isDivider = (line: string): boolean => DIVIDER.test(line) && line.includes('-') && line.includes('|')

const endsFence = (line: string, fence: string): boolean => {
  const sign = line.trim()
  return sign.length >= fence.length && sign === fence[0]!.repeat(sign.length)
}

export function blocks(lines: readonly string[], depth: number): ComponentChildren[] {
  const out: ComponentChildren[] = []
  let i = 0
  /** Takes lines as long as they belong. */
  const take = (belongs: (line: string, index: number) => boolean): string[] => {
    const from = i
    while (i < lines.length && belongs(lines[i]!, i)) i++
    return lines.slice(from, i)
  }
  while (i < lines.length) {
    const line = lines[i]!
    const fence = fenceOf(line)
    const heading = HEADING.exec(line)
    if (line.trim() === '') i++
    else if (fence) {
      const [, indent = '', sign = '', language = ''] = fence
      i++
      const code = take(line => !endsFence(line, sign))
      i++
      out.push(
        <Code
          code={code.map(line => unindented(line, indent.length)).join('\n')}
          language={language.trim()}
        />
      )
    } else if (heading) {
      // The screen has the first two levels.
      const Tag = heading[1]!.length < 3 ? 'h3' : 'h4'
      out.push(<Tag>{inline(heading[2]!)}</Tag>)
      i++
    } else if (isRule(line)) {
      out.push(<hr />)
      i++
    } else if (depth < DEPTH_MAX && QUOTE.test(line)) {
      const quoted = take(line => QUOTE.test(line)).map(line => QUOTE.exec(line)![1]!)
      out.push(<blockquote>{blocks(quoted, depth + 1)}</blockquote>)
    } else if (depth < DEPTH_MAX && ITEM.test(line)) {
      const { indent } = itemOf(line)
      const ordered = /\d/.test(itemOf(line).sign)
      const own = take(
        (line, at) =>
          line.trim() === '' ||
          line.startsWith(`${' '.repeat(indent)}  `) ||
          isItem(line, indent, ordered) ||
          isLazy(lines, at)
      )
      out.push(listOf(own, indent, depth))
    } else if (line.includes('|') && isDivider(lines[i + 1] ?? '')) {
      out.push(tableOf(take(line => line.includes('|'))))
    } else {
      const from = i
      const text = take((line, at) => line.trim() !== '' && (at === from || !startsBlock(line)))
      out.push(<p>{inline(text.join('\n'))}</p>)
    }
  }
  return out
}

const startsBlock = (line: string): boolean =>
  fenceOf(line) !== undefined || HEADING.test(line) || ITEM.test(line) || QUOTE.test(line)

const unindented = (line: string, by: number): string => line.replace(new RegExp(`^ {0,${by}}`), '')

function itemOf(line: string): { indent: number; sign: string; text: string } {
  const [, indent = '', sign = '', text = ''] = ITEM.exec(line)!
  return { indent: indent.length, sign, text }
}

const isItem = (line: string, indent: number, ordered: boolean): boolean => {
  if (!ITEM.test(line)) return false
  const item = itemOf(line)
  return item.indent >= indent && (item.indent > indent + 1 || /\d/.test(item.sign) === ordered)
}

/** A line right after one of the list that begins nothing goes on with it. */
const isLazy = (lines: readonly string[], at: number): boolean =>
  (lines[at - 1] ?? '').trim() !== '' && !startsBlock(lines[at]!)

function listOf(lines: readonly string[], indent: number, depth: number): ComponentChildren {
  const items: string[][] = []
  let start = 1
  let width = 2
  for (const line of lines) {
    const item = ITEM.test(line) ? itemOf(line) : undefined
    if (item && item.indent <= indent + 1) {
      if (items.length === 0) start = Number.parseInt(item.sign, 10) || 1
      width = item.indent + item.sign.length + 1
      items.push([item.text])
    } else items.at(-1)?.push(unindented(line, width))
  }
  const drawn = items.map((item, index) => <li key={index}>{blocks(item, depth + 1)}</li>)
  return /\d/.test(itemOf(lines[0]!).sign) ? <ol start={start}>{drawn}</ol> : <ul>{drawn}</ul>
}

function tableOf([head = '', , ...rows]: readonly string[]): ComponentChildren {
  const cells = (line: string): readonly string[] =>
    line
      .trim()
      .replace(/^\||\|$/g, '')
      .split('|', COLUMNS_MAX)
  return (
    <div class="table-frame">
      <table class="written">
        <thead>
          <tr>
            {cells(head).map((cell, index) => (
              <th key={index} scope="col">
                {inline(cell.trim())}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row, index) => (
            <tr key={index}>
              {cells(row).map((cell, index) => (
                <td key={index}>{inline(cell.trim())}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}

function Code({ code, language }: { readonly code: string; readonly language: string }) {
  const w = useWords()
  return (
    <figure class="code">
      <figcaption>
        <span>{plain(language)}</span>
        <Button onPress={() => attempt(() => copy(code), w.chat.copied)}>{w.chat.copy}</Button>
      </figcaption>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: long lines scroll, by the keyboard too */}
      <pre tabIndex={0}>
        <code>{plain(code)}</code>
      </pre>
    </figure>
  )
}
