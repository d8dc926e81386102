/** Reads a page as XML, as strictly as needed to find what a report forgot to close or to escape. */

export interface Element {
  readonly name: string
  readonly attributes: Readonly<Record<string, string>>
  readonly children: (Element | string)[]
}

const TOKEN =
  /<!DOCTYPE html>|<\/([a-z][\w-]*)\s*>|<([a-z][\w-]*)((?:\s+[a-zA-Z][\w:-]*="[^"<]*")*)\s*(\/?)>|([^<]+)/gy
const ATTRIBUTE = /([a-zA-Z][\w:-]*)="([^"<]*)"/g
const ENTITY = /&(?:(amp|lt|gt|quot)|#39);/g
const CHARS: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"' }

/** @throws {Error} with the place, when the page is no well-formed XML. */
export function readPage(page: string): Element {
  const root: Element = { name: '', attributes: {}, children: [] }
  const open = [root]
  let at = 0
  for (const token of page.matchAll(TOKEN)) {
    if (token.index !== at) break
    at += token[0].length
    const [, closed, name, attributes = '', empty, text] = token
    const parent = open.at(-1)!
    if (text !== undefined) parent.children.push(plain(text))
    if (closed !== undefined && open.pop()!.name !== closed)
      throw wrong(page, token.index, `</${closed}> closes nothing`)
    if (name === undefined) continue
    const pairs = [...attributes.matchAll(ATTRIBUTE)].map(([, key, value]) => [key!, plain(value!)])
    const element = { name, attributes: Object.fromEntries(pairs), children: [] }
    parent.children.push(element)
    if (empty === '') open.push(element)
  }
  if (at !== page.length) throw wrong(page, at, 'this is no XML')
  if (open.length !== 1) throw wrong(page, at, `<${open.at(-1)!.name}> is not closed`)
  return root
}

function plain(text: string): string {
  const rest = text.replace(ENTITY, '')
  if (rest.includes('&')) throw new Error(`A bare & in "${text.slice(0, 80)}"`)
  return text.replace(ENTITY, (_, name) => CHARS[name] ?? "'")
}

export const textOf = (node: Element | string): string =>
  typeof node === 'string' ? node : node.children.map(textOf).join(' ')

/** All elements of that name, at any depth. */
export function elements(node: Element | string, name: string): Element[] {
  if (typeof node === 'string') return []
  return [...(node.name === name ? [node] : []), ...node.children.flatMap(child => elements(child, name))]
}

const wrong = (page: string, at: number, what: string): Error =>
  new Error(`${what}, at …${page.slice(Math.max(0, at - 40), at + 60)}`)
