/** Writing into a space: what fails is said, and what is shown is read again. */

import type { Units } from '../../client/index.ts'
import { call, type UnitName } from '../node.ts'
import { attempt } from '../parts/notes.tsx'
import { changed } from './watched.ts'

/** Returns whether it was done. */
export function write<N extends UnitName>(
  unit: N,
  input: Units[N]['input'] & { readonly doc?: string },
  done?: string
): Promise<boolean> {
  return attempt(async () => {
    await call(unit, input)
    changed(input.doc)
  }, done)
}

/** Of a file that the reader chose, in base64. */
export const contentOf = (file: Blob): Promise<string> =>
  new Promise((resolve, reject) => {
    const reader = new FileReader()
    reader.onload = () => resolve((reader.result as string).split(',', 2)[1] ?? '')
    reader.onerror = () => reject(reader.error)
    reader.readAsDataURL(file)
  })

/** Has the browser keep a text as a file. */
export function download(name: string, text: string, type: string): void {
  const url = URL.createObjectURL(new Blob([text], { type }))
  const link = document.createElement('a')
  link.href = url
  link.download = name
  link.click()
  URL.revokeObjectURL(url)
}
