/**
 * The thread that reads weights: hashes of files and leaves, and the UnixFS nodes above leaves. Gigabytes of hashing cost
 * the thread of the network nothing, and the libraries of UnixFS take memory only while this runs.
 */

import { createHash } from 'node:crypto'
import { type FileHandle, open } from 'node:fs/promises'
import { setPriority } from 'node:os'
import { parentPort } from 'node:worker_threads'
import { LEAF_BYTES } from '../../interface/limits.ts'
import { FollowedFile } from './followed-file.ts'
import type { Ask, Reply } from './hash-messages.ts'

/** Each read costs a turn of the event loop, in which a task can be cancelled. */
const READ_LEAVES = 4
const DIGEST_BYTES = 32
/** The disk writes these while the next ones are hashed, and not all at the end. */
const FLUSH_BYTES = 16 * LEAF_BYTES
/** Where all cores are busy, the thread of the network goes first: calls wait for that one. */
const NICE = 5

type AskOf<T extends Ask['type']> = Extract<Ask, { type: T }>

// On other systems the priority would be that of the whole process.
if (process.platform === 'linux') setPriority(0, NICE)

const cancelled = new Set<number>()
const followed = new Map<number, FollowedFile>()
const say = (reply: Reply): void => parentPort!.postMessage(reply)

parentPort!.on('message', (ask: Ask) => {
  const { id } = ask
  if (ask.type === 'cancel') {
    cancelled.add(id)
    followed.get(id)?.end()
  } else {
    run(ask)
      .then(
        value => !cancelled.has(id) && say({ id, value }),
        error => !cancelled.has(id) && say({ id, error: { message: error.message, code: error.code } })
      )
      .finally(() => cancelled.delete(id))
  }
})

async function run(ask: Exclude<Ask, { type: 'cancel' }>): Promise<unknown> {
  if (ask.type === 'leaf') {
    const file = followed.get(ask.of)
    if (file === undefined) throw new Error('The file of this leaf is no longer hashed.')
    return file.leaf(ask.leaf, ask.expected)
  }
  if (ask.type === 'hash') return await hash(ask)
  if (ask.type === 'follow') return await follow(ask)
  if (ask.type === 'digests') return await digests(ask)
  // A leaf that came is not to wait for libraries that its hash does not take.
  if (ask.type === 'file') return (await import('./plain-nodes.ts')).fileDag(ask)
  return (await import('./dag.ts')).directoryDag(ask)
}

async function follow({ id, path, bytes, there }: AskOf<'follow'>): Promise<string | undefined> {
  const file = new FollowedFile(path, bytes, there)
  followed.set(id, file)
  try {
    return await file.hashed
  } finally {
    followed.delete(id)
    file.close()
  }
}

/** While a part is hashed, it is written to the copy, and the next one is read. */
async function hash({ id, path, bytes, copyTo }: AskOf<'hash'>): Promise<unknown> {
  await using source = await open(path)
  await using copy = copyTo === undefined ? undefined : await open(copyTo, 'wx', 0o600)
  const size = Math.min(READ_LEAVES * LEAF_BYTES, bytes)
  const buffers = [Buffer.allocUnsafe(size), Buffer.allocUnsafe(size)]
  const read = async (at: number): Promise<Buffer<ArrayBuffer>> => {
    buffers.reverse()
    const part = buffers[0]!.subarray(0, bytes - at)
    await fill(source, part, at)
    return part
  }
  const whole = createHash('sha256')
  const found: Buffer[] = []
  let flushing: Promise<void> | undefined
  let next = read(0)
  for (let at = 0; at < bytes; ) {
    const part = await next
    if (cancelled.has(id)) return undefined
    const writing = copy && writeAll(copy, part, at)
    at += part.length
    next = read(at)
    // What fails is seen when it is waited for, which may be after another failure.
    writing?.catch(() => undefined)
    next.catch(() => undefined)
    // By other threads, while this one hashes the whole. A part is a number of whole leaves, but for the last.
    const ofLeaves = Promise.all(leavesOf(part).map(sha256))
    whole.update(part)
    found.push(...(await ofLeaves))
    await writing
    if (copy !== undefined && at % FLUSH_BYTES === 0) {
      await flushing
      flushing = copy.datasync()
      flushing.catch(() => undefined)
    }
    say({ id, read: part.length })
  }
  if (bytes === 0) found.push(digestOf(new Uint8Array()))
  await flushing
  await copy?.sync()
  return { sha256: whole.digest('hex'), digests: Buffer.concat(found) }
}

/** Of these leaves; a leaf that cannot be read has none, which no content has: zeros. */
async function digests({ id, path, bytes, leaves }: AskOf<'digests'>): Promise<Uint8Array> {
  await using source = await open(path)
  const found = Buffer.alloc(leaves.length * DIGEST_BYTES)
  const buffer = Buffer.allocUnsafe(LEAF_BYTES)
  for (const [n, leaf] of leaves.entries()) {
    if (cancelled.has(id)) break
    const read = buffer.subarray(0, Math.min(LEAF_BYTES, bytes - leaf * LEAF_BYTES))
    const isThere = await fill(source, read, leaf * LEAF_BYTES).then(
      () => true,
      () => false
    )
    if (isThere) found.set(digestOf(read), n * DIGEST_BYTES)
    say({ id, read: read.length })
  }
  return found
}

async function writeAll(file: FileHandle, bytes: Uint8Array, from: number): Promise<void> {
  for (let at = 0; at < bytes.length; )
    at += (await file.write(bytes, at, bytes.length - at, from + at)).bytesWritten
}

async function fill(source: FileHandle, buffer: Uint8Array, from: number): Promise<void> {
  for (let at = 0; at < buffer.length; ) {
    const { bytesRead } = await source.read(buffer, at, buffer.length - at, from + at)
    if (bytesRead === 0) throw new Error(`the file ended at byte ${from + at}`)
    at += bytesRead
  }
}

function leavesOf(part: Buffer<ArrayBuffer>): Buffer<ArrayBuffer>[] {
  const leaves: Buffer<ArrayBuffer>[] = []
  for (let at = 0; at < part.length; at += LEAF_BYTES) leaves.push(part.subarray(at, at + LEAF_BYTES))
  return leaves
}

const sha256 = async (bytes: Buffer<ArrayBuffer>): Promise<Buffer> =>
  Buffer.from(await crypto.subtle.digest('SHA-256', bytes))

const digestOf = (bytes: Uint8Array): Buffer => createHash('sha256').update(bytes).digest()
