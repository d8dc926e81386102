/** One thread in a space: its records, and the texts that they name. */

import { type BlobRef, isBlobRef, readBlob } from './blobs.ts'
import type { Change, MemoryClient } from './memory-client.ts'
import {
  type CheckpointRecord,
  checkpointKey,
  dataDocOf,
  indexDocOf,
  type Place,
  prefixOf,
  readRecord,
  recordsIn,
  type ThreadRecords,
  type WritesRecord,
  writesKey
} from './records.ts'

/** What a checkpoint holds: all but its channels is packed here. */
export interface CheckpointBody {
  readonly checkpoint: string
  readonly metadata: string
  readonly channels: Readonly<Record<string, BlobRef>>
}

/** One write of a task, packed. */
export type Written = readonly [index: number, channel: string, packed: string]

export class Thread {
  readonly #memory: MemoryClient
  readonly id: string
  readonly #signal: AbortSignal | undefined

  constructor(memory: MemoryClient, id: string, signal?: AbortSignal) {
    this.#memory = memory
    this.id = id
    this.#signal = signal
  }

  async records(): Promise<ThreadRecords> {
    const { checkpoints, writes } = recordsIn(await this.#memory.open(indexDocOf(this.id), this.#signal))
    const isOurs = ({ thread }: Place) => thread === this.id
    return { checkpoints: checkpoints.filter(isOurs), writes: writes.filter(isOurs) }
  }

  async checkpoint(ns: string, id: string): Promise<CheckpointRecord | undefined> {
    const record = await this.#record(checkpointKey({ thread: this.id, ns, id }))
    return record !== undefined && 'parent' in record ? record : undefined
  }

  async writes(of: Pick<WritesRecord, 'ns' | 'id' | 'task' | 'slot'>): Promise<WritesRecord | undefined> {
    const record = await this.#record(writesKey({ thread: this.id, ...of }))
    return record !== undefined && 'task' in record ? record : undefined
  }

  async text(ref: BlobRef): Promise<string | undefined> {
    return await readBlob(prefixOf(this.id), ref, key =>
      this.#memory.get(dataDocOf(this.id), key, this.#signal)
    )
  }

  async bodyOf({ body }: CheckpointRecord): Promise<CheckpointBody | undefined> {
    const found = parsed(await this.text(body)) as Partial<CheckpointBody> | undefined
    if (typeof found?.checkpoint !== 'string' || typeof found.metadata !== 'string') return undefined
    const { checkpoint, metadata, channels } = found
    if (typeof channels !== 'object' || !Object.values(channels).every(isBlobRef)) return undefined
    return { checkpoint, metadata, channels }
  }

  async writtenIn({ body }: WritesRecord): Promise<readonly Written[]> {
    const found = parsed(await this.text(body))
    return Array.isArray(found) ? found.filter(isWritten) : []
  }

  /** The texts first, and the record that names them when they are on disk. */
  async put(texts: readonly Change[], record: CheckpointRecord | WritesRecord): Promise<void> {
    const key = 'task' in record ? writesKey(record) : checkpointKey(record)
    await this.#memory.write(dataDocOf(this.id), texts, this.#signal)
    await this.#memory.write(indexDocOf(this.id), [{ type: 'set', key, value: record }], this.#signal)
  }

  /** The records first: no device shows a checkpoint whose texts leave. */
  async delete(): Promise<void> {
    for (const doc of [indexDocOf(this.id), dataDocOf(this.id)]) {
      const keys = Object.keys(await this.#memory.open(doc, this.#signal))
      const changes = keys
        .filter(key => key.startsWith(`${prefixOf(this.id)}.`))
        .map(key => ({ type: 'unset', key }) as const)
      await this.#memory.write(doc, changes, this.#signal)
    }
  }

  async #record(key: string): Promise<CheckpointRecord | WritesRecord | undefined> {
    return readRecord(key, await this.#memory.get(indexDocOf(this.id), key, this.#signal))
  }
}

const isWritten = (value: unknown): value is Written =>
  Array.isArray(value) &&
  Number.isInteger(value[0]) &&
  typeof value[1] === 'string' &&
  typeof value[2] === 'string'

/** The hash of a text says who meant it, not that it is JSON: another writer may have made it. */
function parsed(text: string | undefined): unknown {
  try {
    return text === undefined ? undefined : JSON.parse(text)
  } catch {
    return undefined
  }
}
