/** Text of HTML as a person sees it, with its title, its headings and the lines of the file. No script runs. */

import { type DefaultTreeAdapterTypes, parse } from 'parse5'
import { HeadingPath, type Passage } from './passages.ts'

type Node = DefaultTreeAdapterTypes.ChildNode

/** What is not text of the page. */
const UNSEEN: ReadonlySet<string> = new Set(
  'script style template noscript svg math iframe object select canvas'.split(' ')
)
/** What does not begin a passage of its own. */
const INLINE: ReadonlySet<string> = new Set(
  'a abbr b bdi bdo cite code data del dfn em font i ins kbd label mark q s samp small span strong sub sup time tt u var wbr'.split(
    ' '
  )
)

export function htmlPassages(html: string): { title: string | undefined; passages: Passage[] } {
  const passages: Passage[] = []
  const path = new HeadingPath()
  let title: string | undefined
  let text = ''
  let [from, to] = [0, 0]
  const end = (): void => {
    const said = text.replace(/ +\n/g, '\n').trim()
    if (said !== '') passages.push({ text: said, heading: path.text, from, to })
    text = ''
    from = 0
  }
  /** A node, or what follows once all in it was seen. Not recursive: a page may be a million elements deep. */
  const waiting: (Node | (() => void))[] = [
    ...parse(html, { sourceCodeLocationInfo: true }).childNodes
  ].reverse()
  for (let node = waiting.pop(); node !== undefined; node = waiting.pop()) {
    if (typeof node === 'function') node()
    else if ('value' in node) {
      const { startLine = to, endLine = to } = node.sourceCodeLocation ?? {}
      if (node.value.trim() !== '') {
        if (from === 0) from = startLine
        to = Math.max(to, endLine)
      }
      const said = isIn(node, 'pre') ? node.value : node.value.replace(/\s+/g, ' ')
      text += text.endsWith('\n') && !isIn(node, 'pre') ? said.trimStart() : said
    } else if ('tagName' in node && !UNSEEN.has(node.tagName)) {
      const { tagName } = node
      const level = /^h([1-6])$/.exec(tagName)?.[1]
      if (tagName === 'br') text += '\n'
      else if (!INLINE.has(tagName)) {
        end()
        waiting.push(() => {
          if (tagName === 'title') title ??= text.trim()
          if (tagName === 'title') text = ''
          if (level !== undefined) path.enter(Number(level), text)
          end()
        })
      }
      for (let i = node.childNodes.length - 1; i >= 0; i--) waiting.push(node.childNodes[i]!)
    }
  }
  end()
  return { title, passages }
}

const isIn = ({ parentNode }: DefaultTreeAdapterTypes.TextNode, tag: string): boolean =>
  parentNode !== null && 'tagName' in parentNode && parentNode.tagName === tag
