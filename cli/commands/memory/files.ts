/** `memory export|import`: a space as a file. */

import type { Space } from '../../../units/memory/shapes.ts'
import { findNode } from '../../client.ts'
import { readText } from '../../input.ts'
import type { Invocation } from '../../invocation.ts'
import { writePrivateFile } from '../../output-file.ts'
import { bytes } from '../../quantities.ts'

interface FormatOption {
  readonly markdown?: boolean
}

export async function exportSpace({ args, options, output }: Invocation<FormatOption>): Promise<void> {
  const [space, file] = args as [string, string]
  const asked = { space, format: formatOf(file, options) }
  const { data } = await findNode(options).execute<{ text: string; leftOut: string[] }>(
    'memory.export',
    asked
  )
  const path = writePrivateFile(file, data.text)
  const size = Buffer.byteLength(data.text)
  output.data({ path, bytes: size, left_out: data.left_out }, () =>
    [
      `${bytes(size)} of ${space} are in ${path}, readable by this user only.`,
      ...leftOut(data.left_out, 'has no form in Markdown')
    ].join('\n')
  )
}

export async function importSpace({ args, options, output }: Invocation<FormatOption>): Promise<void> {
  const [name, file] = args as [string, string]
  const text = await readText(`@${file}`)
  const { data } = await findNode(options).execute<Space & { leftOut: string[] }>('memory.import', {
    name,
    text,
    format: formatOf(file, options)
  })
  output.data(data, () =>
    [
      `The space ${data.name} is new, with ${data.docs} documents. It is private.`,
      ...leftOut(data.left_out, 'can be written by the program that made it only')
    ].join('\n')
  )
}

const formatOf = (file: string, { markdown }: FormatOption): 'exact' | 'markdown' =>
  markdown || /\.(md|markdown)$/i.test(file) ? 'markdown' : 'exact'

const leftOut = (docs: readonly string[], why: string): string[] =>
  docs.map(doc => `Left out: ${doc}, a raw document. It ${why}.`)
