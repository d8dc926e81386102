/** A space out of this device, and into another space: as one file that has all of it, or as Markdown. */

import { decodeText } from '../../../interface/decode-text.ts'
import { LumosError } from '../../../interface/errors.ts'
import type { DocKind, ExportFormat } from '../../../interface/memory.ts'
import { exportMarkdown } from '../docs/markdown.ts'
import { importMarkdown, partsOf } from '../docs/markdown-import.ts'
import { nameOf } from './batches.ts'
import { type DocPart, exported, importable } from './portable.ts'
import type { Space } from './space.ts'
import type { Spaces } from './spaces.ts'

/** Of a name of 64, so that a kind fits behind it. */
const NAME_CHARS_KEPT = 50
/** Above this parsing stalls the thread for seconds. */
const IMPORT_BYTES_MAX = 256 * 1024 * 1024

export function exportedAs(all: Spaces, space: Space, format: ExportFormat = 'exact'): Uint8Array {
  const docs = all.contents.of(space).map(({ name, kind }) => ({
    name: nameOf(name),
    content: all.documents.open(space, name, kind).model.read()
  }))
  if (format === 'exact') return exported(docs)
  return new Uint8Array(Buffer.from(exportMarkdown(space.localName, docs)))
}

/** One part for each envelope. @throws {LumosError} `INVALID_INPUT`, `INPUT_TOO_LARGE` */
export function importedFrom(
  bytes: Uint8Array,
  format: ExportFormat = 'exact'
): { parts: DocPart[]; leftOut: string[] } {
  if (bytes.length > IMPORT_BYTES_MAX)
    throw new LumosError('INPUT_TOO_LARGE', `An import has ${IMPORT_BYTES_MAX} bytes at most.`)
  const docs = namedApart(format === 'exact' ? importable(bytes) : fromMarkdown(bytes))
  return {
    parts: docs.filter(({ kind }) => kind !== 'raw'),
    leftOut: docs.filter(({ kind }) => kind === 'raw').map(({ name }) => name)
  }
}

/** Two devices made two kinds of one name: the second document has its kind behind its name. */
function namedApart(docs: readonly DocPart[]): DocPart[] {
  const kinds = new Map<string, DocKind>()
  return docs.map(doc => {
    let { name } = doc
    for (let n = 1; (kinds.get(name) ?? doc.kind) !== doc.kind; n++)
      name = `${doc.name.slice(0, NAME_CHARS_KEPT)}-${doc.kind}${n === 1 ? '' : n}`
    kinds.set(name, doc.kind)
    return { ...doc, name }
  })
}

const fromMarkdown = (bytes: Uint8Array): DocPart[] =>
  importMarkdown(decodeText(Buffer.from(bytes))).flatMap(doc =>
    doc.kind === 'raw' ? [doc] : [...partsOf(doc.changes)].map(changes => ({ ...doc, changes }))
  )
