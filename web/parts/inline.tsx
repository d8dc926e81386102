/** Marks within a line of Markdown, as nodes. Time is linear in the text: what was not found once is not sought again. */

import type { ComponentChildren } from 'preact'
import { plain } from './text.tsx'

/** Marks within marks. */
const DEPTH_MAX = 4
const URL_CHARS_MAX = 2_048
const BARE = /^https?:\/\/[^\s<>"'`|]+/
const MARKS = [
  ['**', 'strong'],
  ['__', 'strong'],
  ['~~', 'del'],
  ['*', 'em'],
  ['_', 'em']
] as const
const ESCAPABLE = /[\\`*_{}[\]()#+\-.!|~>]/
const isWordAt = (text: string, at: number): boolean => /[\p{L}\p{N}]/u.test(text[at] ?? '')

export function inline(text: string, depth = 0): ComponentChildren[] {
  const out: ComponentChildren[] = []
  /** Marks that do not occur any more. */
  const gone = new Set<string>()
  let literal = ''
  let noLinkBefore = 0
  const push = (node: ComponentChildren): void => {
    if (literal) out.push(plain(literal))
    literal = ''
    out.push(node)
  }
  const find = (mark: string, from: number): number => {
    if (gone.has(mark)) return -1
    const at = text.indexOf(mark, from)
    if (at === -1) gone.add(mark)
    return at
  }

  let i = 0
  while (i < text.length) {
    const char = text[i]!
    if (char === '\\' && ESCAPABLE.test(text[i + 1] ?? '')) {
      literal += text[i + 1]
      i += 2
      continue
    }
    if (char === '`') {
      const ticks = /^`+/.exec(text.slice(i, i + 8))![0]
      const end = find(ticks, i + ticks.length)
      if (end !== -1) {
        push(<code>{plain(text.slice(i + ticks.length, end))}</code>)
        i = end + ticks.length
        continue
      }
      literal += ticks
      i += ticks.length
      continue
    }
    if (char === '[' && i >= noLinkBefore && depth < DEPTH_MAX) {
      const middle = find('](', i)
      const link = middle === -1 ? undefined : linkAt(text, middle + 2)
      if (link !== undefined) {
        // `![…](…)` is a picture elsewhere, which this page does not fetch.
        if (literal.endsWith('!')) literal = literal.slice(0, -1)
        push(<Link url={link.url} label={text.slice(i + 1, middle)} />)
        i = link.end
        continue
      }
      noLinkBefore = middle === -1 ? text.length : middle + 1
    }
    if (char === 'h' && !isWordAt(text, i - 1)) {
      const [bare] = BARE.exec(text.slice(i, i + URL_CHARS_MAX)) ?? []
      const url = bare?.replace(/[.,;:!?)\]*_]+$/, '')
      if (url && parsed(url)) {
        push(<Link url={url} label={url} />)
        i += url.length
        continue
      }
    }
    const mark = depth < DEPTH_MAX ? MARKS.find(([mark]) => text.startsWith(mark, i)) : undefined
    if (mark !== undefined) {
      const [sign, Tag] = mark
      const end = opens(text, i, sign) ? closing(text, sign, i + sign.length, find) : -1
      if (end !== -1) {
        push(<Tag>{inline(text.slice(i + sign.length, end), depth + 1)}</Tag>)
        i = end + sign.length
      } else {
        literal += sign
        i += sign.length
      }
      continue
    }
    literal += char
    i += 1
  }
  if (literal) out.push(plain(literal))
  return out
}

/** A mark stands before what it marks; `_` within a word is none. */
const opens = (text: string, at: number, sign: string): boolean =>
  /\S/.test(text[at + sign.length] ?? '') && !(sign[0] === '_' && isWordAt(text, at - 1))

/** How many places are tried for the end of one mark. */
const TRIES = 32

function closing(
  text: string,
  sign: string,
  from: number,
  find: (mark: string, from: number) => number
): number {
  let at = find(sign, from)
  for (let tries = 0; at !== -1 && tries < TRIES; tries++) {
    const isLonger = sign.length === 1 && (text[at + 1] === sign || text[at - 1] === sign)
    const within = sign[0] === '_' && isWordAt(text, at + sign.length)
    if (at > from && !isLonger && !within && /\S/.test(text[at - 1]!)) return at
    at = find(sign, at + (isLonger && text[at + 1] === sign ? 2 : 1))
  }
  return -1
}

function linkAt(text: string, from: number): { url: string; end: number } | undefined {
  const part = text.slice(from, from + URL_CHARS_MAX)
  const end = part.indexOf(')')
  if (end === -1) return undefined
  // A title in quotes may follow.
  const [url = ''] = part.slice(0, end).trim().split(/\s/, 1)
  return parsed(url) ? { url, end: from + end + 1 } : undefined
}

function parsed(text: string): URL | undefined {
  const url = URL.canParse(text) ? new URL(text) : undefined
  return url && (url.protocol === 'https:' || url.protocol === 'http:') ? url : undefined
}

/** Its host is beside it where the label does not say it: a label of a model may say another place. */
export function Link({ url, label }: { readonly url: string; readonly label: string }) {
  const { host, href, username } = parsed(url)!
  const shown = plain(label)
  return (
    <>
      <a href={href} target="_blank" rel="noopener noreferrer">
        {shown || url}
      </a>
      {(shown !== url || username !== '') && <span class="dim"> ({host})</span>}
    </>
  )
}
