/** `memory export|import`: a space as a file. */

import type { Space } from '../../../units/memory/shapes.ts'
import { findNode } from '../../client.ts'
import { readText } from '../../input.ts'
import type { Invocation } from '../../invocation.ts'
import { writePrivateFile } from '../../output-file.ts'
import { bytes } from '../../quantities.ts'

export async function exportSpace({ args, options, output }: Invocation): Promise<void> {
  const [space, file] = args as [string, string]
  const { data } = await findNode(options).execute<{ text: string }>('memory.export', { space })
  const path = writePrivateFile(file, data.text)
  const size = Buffer.byteLength(data.text)
  output.data(
    { path, bytes: size },
    () => `${bytes(size)} of ${space} are in ${path}, readable by this user only.`
  )
}

export async function importSpace({ args, options, output }: Invocation): Promise<void> {
  const [name, file] = args as [string, string]
  const text = await readText(`@${file}`)
  const { data } = await findNode(options).execute<Space>('memory.import', { name, text })
  output.data(data, () => `The space ${data.name} is new, with ${data.docs} documents. It is private.`)
}
