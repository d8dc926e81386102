/** A file as pieces of text, by what it is: its first bytes say, or its name. */

import { LumosError } from '../../../../interface/errors.ts'
import { piecesOf, type ReadPiece } from './pieces.ts'

export interface ReadFile {
  /** Media type. */
  readonly type: string
  readonly by: 'page' | 'line'
  readonly title: string | null
  readonly encoding: string | null
  readonly pieces: readonly ReadPiece[]
}

const TYPES: Readonly<Record<string, string>> = {
  md: 'text/markdown',
  markdown: 'text/markdown',
  html: 'text/html',
  htm: 'text/html',
  xhtml: 'text/html',
  csv: 'text/csv',
  tsv: 'text/tab-separated-values',
  json: 'application/json',
  xml: 'application/xml'
}
/** What browsers take for HTML whatever its name. */
const HTML = /^\s*(?:<!--[\s\S]{0,1000}?-->\s*)?<(?:!doctype html|html)[\s>]/i
/** A PDF may have so much before it. */
const PDF_MARK_BYTES = 1024

/** @throws {LumosError} `MEDIA_TYPE_UNSUPPORTED`, `INVALID_INPUT`, `INPUT_TOO_LARGE` */
export async function readFile(name: string, bytes: Uint8Array): Promise<ReadFile> {
  const file = await readAs(name, bytes)
  if (file.pieces.length > 0) return file
  throw new LumosError('MEDIA_TYPE_UNSUPPORTED', 'It has no text.')
}

async function readAs(name: string, bytes: Uint8Array): Promise<ReadFile> {
  if (Buffer.from(bytes.subarray(0, PDF_MARK_BYTES)).includes('%PDF-')) {
    const { pdfPassages } = await import('./pdf.ts')
    const { title = null, passages } = await pdfPassages(bytes)
    return { type: 'application/pdf', by: 'page', title, encoding: null, pieces: piecesOf(passages, 'page') }
  }
  const { decodeFile } = await import('./decode.ts')
  const { text, encoding } = decodeFile(bytes)
  const named = TYPES[/\.(\w+)$/.exec(name)?.[1]?.toLowerCase() ?? '']
  const type = named ?? (HTML.test(text) ? 'text/html' : 'text/plain')
  if (type === 'text/html') {
    const { htmlPassages } = await import('./html.ts')
    const { title = null, passages } = htmlPassages(text)
    return { type, by: 'line', title, encoding, pieces: piecesOf(passages, 'line') }
  }
  const { markdownPassages, textPassages } = await import('./passages.ts')
  const isMarkdown = type === 'text/markdown'
  const passages = isMarkdown ? markdownPassages(text) : textPassages(text)
  const title = isMarkdown ? (passages[0]?.heading?.split(' > ')[0] ?? null) : null
  return { type, by: 'line', title, encoding, pieces: piecesOf(passages, 'line') }
}
