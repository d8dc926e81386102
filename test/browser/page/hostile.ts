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
