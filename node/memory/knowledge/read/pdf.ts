/** Text of a PDF, page by page. Pictures of pages have none. */

import { getDocumentProxy } from 'unpdf'
import { InvalidInputError, LumosError } from '../../../../interface/errors.ts'
import type { Passage } from './passages.ts'

/** No code of the document runs, no font is drawn, no picture decoded. */
const OPTIONS = {
  verbosity: 0,
  isEvalSupported: false,
  disableFontFace: true,
  useSystemFonts: false,
  maxImageSize: 1
}

export async function pdfPassages(
  bytes: Uint8Array
): Promise<{ title: string | undefined; passages: Passage[] }> {
  const pdf = await getDocumentProxy(bytes, OPTIONS).catch((err: Error) => {
    if (err.name === 'PasswordException') throw new InvalidInputError('It is locked with a password.')
    throw new InvalidInputError(`It is a damaged PDF: ${err.message.slice(0, 200)}`)
  })
  const passages: Passage[] = []
  for (let page = 1; page <= pdf.numPages; page++) {
    const { items } = await (await pdf.getPage(page)).getTextContent()
    let text = ''
    for (const item of items) if ('str' in item) text += item.str + (item.hasEOL ? '\n' : '')
    if (text.trim() !== '') passages.push({ text: text.trim().toWellFormed(), from: page, to: page })
  }
  if (passages.length === 0)
    throw new LumosError('MEDIA_TYPE_UNSUPPORTED', 'It is a PDF without text: its pages are pictures.')
  const { info } = (await pdf.getMetadata().catch(() => ({ info: {} }))) as { info: { Title?: unknown } }
  return { title: typeof info.Title === 'string' ? info.Title : undefined, passages }
}
