/**
 * Weights in files beside a graph. The runtime looks at each folder above such a file, and engines that run as another user
 * may not do so below a private home. Then their bytes are read here and given to it, which takes them twice while it loads.
 */

import { constants } from 'node:fs'
import { access, open, readdir, readFile } from 'node:fs/promises'
import { dirname, join, relative, sep } from 'node:path'
import { LumosError } from '../../interface/errors.ts'
import { unreadable } from './model-files.ts'

/** What the runtime is given. */
export interface ExternalData {
  /** As the graph names it. */
  readonly path: string
  readonly data: Uint8Array
}

/** Files of a repository that are no weights. */
const OTHERS = /\.(?:onnx|json|txt|npz|md)$/
/** The system reads 2 GB at once at most. */
const READ_BYTES = 1024 * 1024 * 1024

/**
 * @param graphs files, relative to the working directory.
 * @returns options of a session: none where the runtime can open the files by itself.
 * @throws {LumosError} `MODEL_INVALID` for a file that the user of engines may not read, or that is a link.
 */
export async function dataBeside(
  graphs: readonly string[]
): Promise<{ readonly externalData?: readonly ExternalData[] }> {
  const isReachable = await access(process.cwd()).then(
    () => true,
    () => false
  )
  if (isReachable) return {}
  const externalData = (await Promise.all(graphs.map(namedIn))).flat()
  return externalData.length === 0 ? {} : { externalData }
}

/** Files in the folder of a graph whose names the graph holds. */
async function namedIn(graph: string): Promise<ExternalData[]> {
  const folder = dirname(graph)
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(unreadable)
  const files = entries
    .filter(entry => entry.isFile() && !OTHERS.test(entry.name))
    .map(entry => join(entry.parentPath, entry.name))
  if (files.length === 0) return []
  const content = await readFile(graph).catch(unreadable)
  const data: ExternalData[] = []
  for (const file of files) {
    const path = relative(folder, file).split(sep).join('/')
    if (content.includes(path)) data.push({ path, data: await bytesOf(file) })
  }
  return data
}

async function bytesOf(file: string): Promise<Uint8Array> {
  // A link may have been put there since the files were looked at.
  const handle = await open(file, constants.O_RDONLY | constants.O_NOFOLLOW).catch(unreadable)
  try {
    const bytes = new Uint8Array((await handle.stat()).size)
    for (let at = 0; at < bytes.length; ) {
      const { bytesRead } = await handle.read(bytes, at, Math.min(bytes.length - at, READ_BYTES))
      if (bytesRead === 0) throw new LumosError('MODEL_INVALID', `${file} became shorter while it was read.`)
      at += bytesRead
    }
    return bytes
  } finally {
    await handle.close()
  }
}
