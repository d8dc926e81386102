/** A model of any peer that speaks Bitswap, such as a plain Helia: the files below a CID, each block checked by its hash. */

import type { Clock } from '../../../interface/clock.ts'
import { CancelledError, LumosError } from '../../../interface/errors.ts'
import type { AbortOptions } from '../../../interface/lifecycle.ts'
import { LEAF_BYTES } from '../../../interface/weights.ts'
import type { ForeignPeer, Reading } from './foreign-peer.ts'
import { LeafSink, type LeafSinkOptions, type LeafTarget, nextRun } from './leaf-sink.ts'
import { checkListing, checkPath, checkTaken, ENTRIES_MAX } from './listing.ts'
import {
  type Listing,
  type ListOptions,
  type Origin,
  type OriginFile,
  originFailed,
  weightsInvalid
} from './origin.ts'
import type { IpfsRef } from './refs.ts'

/** No block for so long: the peer is gone, or does not have it. */
const BLOCK_MS = 30_000
/** Folders within one another; a path has no room for more. */
const DEPTH_MAX = 32
/** A file by its own CID has no name. */
const LONE_FILE = 'model.gguf'
const GGUF = 'GGUF'
const NAME_CHARS = 8

export class Ipfs implements Origin {
  readonly #ref: IpfsRef
  readonly #clock: Clock
  #peer: Promise<ForeignPeer> | undefined

  constructor(ref: IpfsRef, clock: Clock) {
    this.#ref = ref
    this.#clock = clock
  }

  async list({ signal }: ListOptions = {}): Promise<Listing> {
    const { cid, address } = this.#ref
    const files = await this.#work(signal, async (peer, work) => {
      const asked = peer.begin(work.signal)
      const root = await asked.facts(cid)
      if (root.isFolder) return await this.#files(asked, cid, work)
      return [await this.#loneFile(asked, root.bytes)]
    })
    checkListing(files)
    checkTaken(files)
    return {
      name: `ipfs-${cid.slice(-NAME_CHARS)}`,
      revision: cid,
      host: address.split('/')[2]!,
      files,
      leftOut: 0
    }
  }

  async fetch(
    target: LeafTarget,
    file: OriginFile,
    { signal, ...options }: AbortOptions & LeafSinkOptions
  ): Promise<void> {
    if (target.bytes === 0) return await target.write(0, new Uint8Array())
    await this.#work(signal, async (peer, work) => {
      for (let run = nextRun(target); run !== undefined; run = nextRun(target)) {
        const sink = new LeafSink(target, run, options)
        const offset = run.first * LEAF_BYTES
        const length = Math.min(run.end * LEAF_BYTES, target.bytes) - offset
        for await (const part of peer.begin(work.signal).read(file.url, { offset, length })) {
          work.came()
          if ((await sink.take(part)) === 'done') break
        }
        if (!sink.isDone) throw weightsInvalid(`${file.path} is shorter than its node of UnixFS says`)
      }
    })
  }

  async close(): Promise<void> {
    const peer = this.#peer
    this.#peer = undefined
    await (await peer?.catch(() => undefined))?.close()
  }

  async #files(asked: Reading, root: string, { came }: Work): Promise<OriginFile[]> {
    const files: OriginFile[] = []
    const folders = [{ cid: root, prefix: '', depth: 0 }]
    let seen = 0
    for (let folder = folders.shift(); folder !== undefined; folder = folders.shift()) {
      const { cid, prefix, depth } = folder
      for await (const entry of asked.list(cid)) {
        came()
        // The same folder may stand in a folder many times: few blocks can list without end.
        if (++seen > ENTRIES_MAX) throw weightsInvalid(`${root} lists more than ${ENTRIES_MAX} entries`)
        const path = `${prefix}${entry.name}`
        checkPath(path)
        const cid = entry.cid.toString()
        const { isFolder, bytes } = await asked.facts(cid)
        came()
        if (!isFolder) files.push({ path, url: cid, version: cid, bytes })
        else if (depth < DEPTH_MAX) folders.push({ cid, prefix: `${path}/`, depth: depth + 1 })
        else throw weightsInvalid(`${root} has folders nested deeper than ${DEPTH_MAX}`)
      }
    }
    return files
  }

  async #loneFile(asked: Reading, bytes: number): Promise<OriginFile> {
    const { cid } = this.#ref
    const head: Uint8Array[] = []
    for await (const part of asked.read(cid, { offset: 0, length: GGUF.length })) head.push(part)
    if (Buffer.concat(head).toString('latin1') !== GGUF)
      throw weightsInvalid(`${cid} is a single file, and no GGUF file`, {
        hint: 'Give the CID of the folder that holds the model.'
      })
    return { path: LONE_FILE, url: cid, version: cid, bytes }
  }

  /** Ends when the peer has sent nothing for a while. */
  async #work<T>(
    signal: AbortSignal | undefined,
    task: (peer: ForeignPeer, work: Work) => Promise<T>
  ): Promise<T> {
    const silent = new AbortController()
    const { address } = this.#ref
    const expire = () =>
      silent.abort(originFailed(`The peer at ${address} sent nothing for ${BLOCK_MS / 1000} s`))
    let timer = this.#clock.setTimer(expire, BLOCK_MS)
    const work: Work = {
      signal: signal === undefined ? silent.signal : AbortSignal.any([signal, silent.signal]),
      came: () => {
        timer.cancel()
        timer = this.#clock.setTimer(expire, BLOCK_MS)
      }
    }
    try {
      return await task(await this.#connected(work.signal), work)
    } catch (err) {
      if (signal?.aborted) throw new CancelledError(undefined, { cause: signal.reason })
      if (silent.signal.aborted) {
        // A want that was met is not sent again on this connection.
        await this.close()
        throw silent.signal.reason
      }
      if (err instanceof LumosError) throw err
      throw weightsInvalid(`The peer at ${address} sent what is no model: ${(err as Error).message}`, {
        cause: err
      })
    } finally {
      timer.cancel()
    }
  }

  /** One connection for the whole pull, and a new one after a failure. */
  async #connected(signal: AbortSignal): Promise<ForeignPeer> {
    const { ForeignPeer } = await import('./foreign-peer.ts')
    this.#peer ??= ForeignPeer.dial(this.#ref.address, signal).catch(err => {
      this.#peer = undefined
      throw originFailed(`The peer at ${this.#ref.address} cannot be reached: ${err.message}`, { cause: err })
    })
    return await this.#peer
  }
}

interface Work {
  readonly signal: AbortSignal
  /** Something has come. */
  came(): void
}
