/** What is there of a file before a peer is asked: the file itself, leaves of an earlier fetch, and equal leaves of others. */

import { LumosError } from '../../../interface/errors.ts'
import { DIGEST_BYTES, LEAVES_PER_ANSWER } from '../../../protocols/blocks/index.ts'
import { leafDigest } from '../../../storage/weights/cid.ts'
import type { WeightStore } from '../../../storage/weights/types.ts'
import type { Holder } from './holder.ts'
import type { IncomingFile } from './incoming.ts'

export interface PrepareComponents {
  readonly store: WeightStore
  readonly signal: AbortSignal
  /**
   * Whether what is here of a block may be taken. Not from private weights alone: a manifest that lists their hashes would
   * make them those of a model that is offered to others.
   */
  mayReuse(cid: string): boolean
  holders(): readonly Holder[]
  /** Resolves when there is another holder. */
  changed(): Promise<void>
}

/** @returns the bytes that were there. */
export async function prepareFile(incoming: IncomingFile, components: PrepareComponents): Promise<number> {
  const { store } = components
  const { sha256, cid, bytes } = incoming.file
  const stored = store.file(sha256)
  if (stored !== undefined && (stored.cid !== cid || stored.bytes !== bytes)) throw otherFile(incoming)
  if (stored !== undefined && components.mayReuse(cid)) {
    incoming.digests = store.digestsOf(cid)
    incoming.becomeWhole()
    return bytes
  }
  incoming.digests = incoming.leaves === 1 ? singleDigest(incoming) : await digestsOf(incoming, components)
  incoming.open(await store.partial(sha256, bytes, { signal: components.signal }))
  try {
    return await keptOf(incoming, components)
  } catch (err) {
    await incoming.close()
    throw err
  }
}

async function keptOf(incoming: IncomingFile, components: PrepareComponents): Promise<number> {
  const { signal } = components
  const partial = incoming.partial!
  let kept = 0
  for (let leaf = 0; leaf < incoming.leaves; leaf++) {
    signal.throwIfAborted()
    const digest = partial.has(leaf) ? partial.digest(leaf) : undefined
    if (digest !== undefined && Buffer.from(digest).equals(incoming.digestOf(leaf))) incoming.kept(leaf)
    else if (!(await copied(incoming, leaf, components))) continue
    kept += incoming.bytesOf(leaf)
  }
  return kept
}

/** A leaf that another file has, too. */
async function copied(
  incoming: IncomingFile,
  leaf: number,
  { store, mayReuse }: PrepareComponents
): Promise<boolean> {
  const cid = incoming.cidOf(leaf)
  const bytes = store.hasBlock(cid) && mayReuse(cid) ? await store.block(cid) : undefined
  if (bytes === undefined) return false
  try {
    return await incoming.write(leaf, bytes)
  } catch (err) {
    // What lies there is damaged.
    if (err instanceof LumosError && err.code === 'WEIGHTS_INVALID') return false
    throw err
  }
}

/** A file of one leaf is that leaf. */
function singleDigest(incoming: IncomingFile): Uint8Array {
  const digest = leafDigest(incoming.file.cid)
  if (digest === undefined) throw otherFile(incoming)
  return digest
}

/** From the first holder whose list the CID proves. */
async function digestsOf(incoming: IncomingFile, components: PrepareComponents): Promise<Uint8Array> {
  const { store, signal, holders, changed } = components
  const { cid, bytes } = incoming.file
  const asked = new Set<Holder>()
  for (;;) {
    signal.throwIfAborted()
    const holder = holders().find(holder => !asked.has(holder))
    if (holder === undefined) {
      await changed()
      // A holder that had not all has more by now.
      asked.clear()
      continue
    }
    asked.add(holder)
    const digests = await listFrom(holder, incoming, signal)
    if (digests === undefined) continue
    const dag = await store.fileDag(bytes, digests, { signal })
    if (dag.cid === cid) {
      for (const node of dag.nodes) store.putNode(node.cid, node.bytes)
      return digests
    }
    holder.end(new LumosError('WEIGHTS_INVALID', `The leaves that the peer lists are not those of ${cid}.`))
  }
}

/** Undefined where the holder has no such list, or is gone. */
async function listFrom(
  { client }: Holder,
  { file, leaves }: IncomingFile,
  signal: AbortSignal
): Promise<Uint8Array | undefined> {
  const digests = new Uint8Array(leaves * DIGEST_BYTES)
  for (let from = 0; from < leaves; from += LEAVES_PER_ANSWER) {
    const due = Math.min(LEAVES_PER_ANSWER, leaves - from) * DIGEST_BYTES
    const list = await client.leaves(file.cid, from, { signal }).catch(() => undefined)
    if (list?.byteLength !== due) return undefined
    digests.set(list, from * DIGEST_BYTES)
  }
  return digests
}

const otherFile = ({ file: { path, sha256, cid } }: IncomingFile): LumosError =>
  new LumosError(
    'WEIGHTS_INVALID',
    `The repository states that ${path} is ${cid}, and ${sha256} is another file.`
  )
