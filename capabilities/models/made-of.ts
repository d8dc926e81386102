/** What a model is made of, as a receipt names it. */

import { createHash } from 'node:crypto'
import type { Catalogue } from './catalogue.ts'

/** The weights by their CID or by the hashes that their description gives, and the kind of the engine. */
export function madeOf(
  catalogue: Pick<Catalogue, 'found' | 'cidOf'>,
  id: string
): { weights?: string | undefined; engine?: string | undefined } {
  const model = catalogue.found.find(one => one.id === id || one.aliases?.includes(id))
  if (model === undefined) return {}
  return { weights: catalogue.cidOf(model.id) ?? digestOf(model.hashes), engine: model.engine }
}

/** One digest of all files that have one. */
function digestOf(hashes: Readonly<Record<string, string>>): string | undefined {
  const lines = Object.entries(hashes).map(([name, sha256]) => `${sha256}  ${name}\n`)
  if (lines.length === 0) return undefined
  return `sha256:${createHash('sha256').update(lines.sort().join('')).digest('hex')}`
}
