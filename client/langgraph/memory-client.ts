/** One space of memory: maps of facts, read whole or by key, and written in envelopes that are all or nothing. */

import { NodeClient, NodeError, type NodeOptions } from './node-client.ts'

export interface MemoryOptions extends NodeOptions {
  /** Its name on this device, or its id: `lumos-node memory create NAME`. */
  readonly space: string
}

export type Change =
  | { readonly type: 'set'; readonly key: string; readonly value: unknown }
  | { readonly type: 'unset'; readonly key: string }

export interface Found {
  readonly doc: string
  readonly key: string
  readonly score: number
}

/** What `memory.search` gives at most, and how many documents one search names. */
const FOUND_MAX = 100
const DOCS_NAMED_MAX = 64
/** An envelope of memory has 256 KiB; names and the encryption take some of it. */
const WRITE_BYTES_MAX = 200 * 1024
/** What `memory.write` takes at once. */
const CHANGES_MAX = 1000

export class MemoryClient {
  readonly #node: NodeClient
  readonly space: string

  constructor({ space, ...options }: MemoryOptions) {
    this.#node = new NodeClient(options)
    this.space = space
  }

  async docs(signal?: AbortSignal): Promise<string[]> {
    const { items } = (await this.#node.call('memory.docs', { space: this.space }, signal)) as {
      items: { name: string }[]
    }
    return items.map(({ name }) => name)
  }

  /** All facts of a document; none where it is not there. @throws {NodeError} also where there is no such space. */
  async open(doc: string, signal?: AbortSignal): Promise<Readonly<Record<string, unknown>>> {
    try {
      const { facts } = (await this.#node.call('memory.open', { space: this.space, doc }, signal)) as {
        facts?: Record<string, unknown>
      }
      return facts ?? {}
    } catch (err) {
      if (!isNotFound(err)) throw err
      await this.docs(signal)
      return {}
    }
  }

  /** Facts about this, the best first, each once. A search among more documents than one call names is among all. */
  async search(query: string, docs: readonly string[]): Promise<readonly Found[]> {
    const asked = { query, spaces: [this.space], kinds: ['facts'], limit: FOUND_MAX }
    const { items } = (await this.#node.call('memory.search', {
      ...asked,
      ...(docs.length <= DOCS_NAMED_MAX && { docs })
    })) as { items: readonly Found[] }
    // A long fact is found by several of its pieces.
    const once = new Map<string, Found>()
    for (const found of items) {
      const place = `${found.doc} ${found.key}`
      if (!once.has(place)) once.set(place, found)
    }
    return [...once.values()]
  }

  async get(doc: string, key: string, signal?: AbortSignal): Promise<unknown> {
    try {
      const asked = { space: this.space, doc, key }
      return ((await this.#node.call('memory.get', asked, signal)) as { value: unknown }).value
    } catch (err) {
      if (isNotFound(err)) return undefined
      throw err
    }
  }

  /** In this order, in as many envelopes as it takes: what comes later is on no device without what comes before. */
  async write(doc: string, changes: readonly Change[], signal?: AbortSignal): Promise<void> {
    for (const part of inEnvelopes(changes)) {
      await this.#node.call('memory.write', { space: this.space, doc, changes: part }, signal)
    }
  }
}

const isNotFound = (err: unknown): boolean => err instanceof NodeError && err.code === 'MEMORY_NOT_FOUND'

function* inEnvelopes(changes: readonly Change[]): Iterable<readonly Change[]> {
  let part: Change[] = []
  let bytes = 0
  for (const change of changes) {
    const size = Buffer.byteLength(JSON.stringify(change))
    if (part.length === CHANGES_MAX || (part.length > 0 && bytes + size > WRITE_BYTES_MAX)) {
      yield part
      part = []
      bytes = 0
    }
    part.push(change)
    bytes += size
  }
  if (part.length > 0) yield part
}
