/** What a hostile device, model or file would say, in each answer of the node that has a text of others. */

import type { Page } from 'playwright-core'

const MARK = 'ev1l'
export const HOSTILE = `${MARK}<img src=x onerror="document.title='${MARK}';alert(1)"><script>alert(2)</script><svg onload=alert(3)>"'\u202Egnp.exe\u2066\u200B\u0007\u001B[31m`
/** Fields that hold words and not one of a few values. */
const FREE = new Set([
  ...[
    'name',
    'mesh',
    'device_name',
    'cpu',
    'address',
    'software',
    'version',
    'message',
    'fix',
    'hint',
    'summary'
  ],
  ...[
    'text',
    'title',
    'model',
    'description',
    'label',
    'reason',
    'advice',
    'accelerators',
    'license',
    'snippet'
  ]
])

/** Answers of the node, with hostile words wherever others have a say. */
export async function startHostility(page: Page): Promise<void> {
  await page.route('**/api/v2/execute', async route => {
    const response = await route.fetch()
    const body = await response.json()
    await route.fulfill({ response, json: { ...body, data: spoilt(body.data) } })
  })
}

function spoilt(value: unknown, key = ''): unknown {
  if (typeof value === 'string') return FREE.has(key) ? HOSTILE : value
  if (Array.isArray(value)) return value.map(item => spoilt(item, key))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, spoilt(item, name)]))
}

/** Runs in the page: elements that were made of text, characters that must not be seen, and how often the text itself is there. */
export function hostile(): { elements: number; hidden: string[]; marks: number } {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not reach the screen
  const unseen = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069\u200b]/
  const hidden: string[] = []
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
  let marks = 0
  while (walker.nextNode()) {
    const text = walker.currentNode.nodeValue ?? ''
    if (text.includes('<img src=x onerror')) marks++
    if (unseen.test(text)) hidden.push(`${walker.currentNode.parentElement?.outerHTML.slice(0, 120)}`)
  }
  const made = document.querySelectorAll(
    'img[src="x"], [onerror], [onload], body script, a[href^="javascript:" i]'
  )
  return { elements: made.length + Number(document.title.includes('ev1l')), hidden, marks }
}
