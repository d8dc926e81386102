/** `memory add|sources`: files whose text a space keeps. This command reads them, with the rights of its user; the node gets bytes. */

import { join } from 'node:path'
import { type ErrorCode, LumosError } from '../../../interface/errors.ts'
import { isoTime } from '../../../interface/iso-time.ts'
import type { AddedFile, MemoryFileInfo } from '../../../interface/memory-files.ts'
import { findNode, type NodeClient } from '../../client.ts'
import { onInterrupt } from '../../interrupted.ts'
import type { Invocation } from '../../invocation.ts'
import { printable } from '../../output.ts'
import { bytes } from '../../quantities.ts'
import { contentOf, type Found, filesOf, type Given, given, isGone } from './folder.ts'

interface KnowledgeOptions {
  readonly doc?: string
  readonly remove?: string
}

interface Item {
  readonly name: string
  readonly status: AddedFile['status'] | 'removed' | 'skipped'
  readonly cid: string | null
  readonly pieces: number
  readonly reason: string | null
}

/** Of one file. Others can be added all the same. */
const REFUSALS: ReadonlySet<ErrorCode> = new Set([
  'INVALID_INPUT',
  'INPUT_TOO_LARGE',
  'MEDIA_TYPE_UNSUPPORTED'
] as const)

export async function add({ args, options, output }: Invocation<KnowledgeOptions>): Promise<void> {
  const [space, ...typed] = args as [string, ...string[]]
  const node = findNode(options)
  const to = { space, ...docOf(options) }
  const items: Item[] = []
  using _interrupted = onInterrupt(output, '\nWhat was added stays. Run it again to go on.')
  const done = (item: Item): void => {
    items.push(item)
    output.progress(`${items.length} files: ${item.name}`)
    if (output.json || item.status === 'unchanged') return
    output.progress('')
    const said = [item.name, ...(item.reason === null ? [] : [item.reason])].join(': ')
    output.line(printable(`${item.status.padEnd(8)} ${said.replace(/\s/g, ' ')}`))
  }
  let refused: LumosError | undefined
  for (const from of await Promise.all(typed.map(given))) {
    const seen = new Set<string>()
    for await (const found of filesOf(from)) {
      seen.add(found.name)
      const item = await addOne(node, to, from, found)
      if (item instanceof LumosError) {
        if (!from.isFolder)
          refused ??= new LumosError(item.code, `${found.name} is not added: ${item.message}`)
        done(skipped(found, item.message))
      } else done(item)
    }
    if (from.isFolder) for (const item of await removeGone(node, to, from, seen)) done(item)
  }
  output.progress('')
  const count = (status: Item['status']): number => items.filter(item => item.status === status).length
  const counts = {
    ...{ added: count('added'), updated: count('updated'), unchanged: count('unchanged') },
    ...{ removed: count('removed'), skipped: count('skipped') }
  }
  output.data({ items, ...counts }, () => {
    const words = Object.entries(counts).flatMap(([status, number]) =>
      number > 0 ? `${number} ${status}` : []
    )
    return words.length > 0 ? `${words.join(', ')}.` : 'There is no file.'
  })
  // What was named itself was meant.
  if (refused !== undefined) throw refused
}

const skipped = ({ name }: Found, reason: string): Item => ({
  ...{ name, status: 'skipped', cid: null, pieces: 0, reason }
})

async function addOne(
  node: NodeClient,
  to: object,
  { root }: Given,
  found: Found
): Promise<Item | LumosError> {
  const { path, name, reason } = found
  if (reason !== undefined) return skipped(found, reason)
  try {
    const { content, modified } = await contentOf(path)
    const file = { ...to, name, modified, content: content.toString('base64'), ...(root && { root }) }
    const { data } = await node.execute<AddedFile>('memory.add', file)
    return { name, status: data.status, cid: data.cid, pieces: data.pieces, reason: null }
  } catch (err) {
    if (err instanceof LumosError && REFUSALS.has(err.code)) return err
    throw err
  }
}

/** Files that this device added with this folder, and that are not in it any more. */
async function removeGone(
  node: NodeClient,
  to: object,
  { path, name, root }: Given,
  seen: ReadonlySet<string>
): Promise<Item[]> {
  // A folder without a file may be a disk that is not there today.
  if (seen.size === 0) return []
  const { data } = await node.execute<{ items: MemoryFileInfo[] }>('memory.sources', to)
  const removed: Item[] = []
  for (const source of data.items) {
    const isOurs = source.root === root && source.writer === node.info.peerId
    if (!isOurs || seen.has(source.name) || !source.name.startsWith(`${name}/`)) continue
    if (!(await isGone(join(path, source.name.slice(name.length + 1))))) continue
    await node.execute('memory.remove_source', { ...to, name: source.name })
    removed.push({
      name: source.name,
      status: 'removed',
      cid: source.cid,
      pieces: source.pieces,
      reason: null
    })
  }
  return removed
}

export async function sources({ args, options, output }: Invocation<KnowledgeOptions>): Promise<void> {
  const [space] = args as [string]
  const node = findNode(options)
  const to = { space, ...docOf(options) }
  if (options.remove !== undefined) {
    const { data } = await node.execute<{ removed: boolean }>('memory.remove_source', {
      ...to,
      name: options.remove
    })
    if (!data.removed) throw new LumosError('MEMORY_NOT_FOUND', `${space} has no file "${options.remove}".`)
    return output.data(data, () => `${options.remove} is kept in ${space} no longer.`)
  }
  const { data } = await node.execute<{ items: MemoryFileInfo[] }>('memory.sources', to)
  output.data(data, () =>
    data.items.length === 0
      ? `${space} has no files yet. Add some: lumos-node memory add ${space} FILE`
      : output.table(
          ['FILE', 'SIZE', 'PIECES', 'ADDED', 'BY', 'CID'],
          data.items.map(file => [
            ...[file.name, bytes(file.bytes), file.whole ? String(file.pieces) : 'some are missing'],
            ...[isoTime(file.added), file.writer, file.cid]
          ])
        )
  )
}

const docOf = ({ doc }: KnowledgeOptions) => doc !== undefined && { doc }
