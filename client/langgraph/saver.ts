/**
 * Checkpoints of LangGraph in a space of memory: a thread goes on at each device that has the space.
 *
 * Two devices that continue one thread apart end with both branches: checkpoints are a tree by their parents, and none takes
 * the place of another.
 */

import type { RunnableConfig } from '@langchain/core/runnables'
import {
  BaseCheckpointSaver,
  type ChannelVersions,
  type Checkpoint,
  type CheckpointListOptions,
  type CheckpointMetadata,
  type CheckpointTuple,
  getCheckpointId,
  type PendingWrite,
  type SerializerProtocol,
  WRITES_IDX_MAP
} from '@langchain/langgraph-checkpoint'
import { type BlobRef, blobOf } from './blobs.ts'
import { type Change, MemoryClient, type MemoryOptions } from './memory-client.ts'
import { NodeError } from './node-client.ts'
import { pack } from './packed.ts'
import { isIndexDoc, newestFirst, prefixOf, recordsIn } from './records.ts'
import { type CheckpointBody, Thread, type Written } from './thread.ts'
import { configOf, Tuples } from './tuples.ts'

export class LumosSaver extends BaseCheckpointSaver {
  readonly #memory: MemoryClient
  readonly #tuples = new Tuples(this)

  constructor(options: MemoryOptions, serde?: SerializerProtocol) {
    super(serde)
    this.#memory = new MemoryClient(options)
  }

  override async getTuple(config: RunnableConfig): Promise<CheckpointTuple | undefined> {
    const { thread_id: threadId, checkpoint_ns: ns = '' } = config.configurable ?? {}
    if (threadId === undefined) return undefined
    const thread = this.#thread(threadId, config)
    const records = await thread.records()
    const wanted = getCheckpointId(config)
    const found = records.checkpoints.filter(
      record => record.ns === ns && (wanted === '' || record.id === wanted)
    )
    for (const record of newestFirst(found)) {
      const tuple = await this.#tuples.read(thread, records, record)
      if (tuple !== undefined) return tuple
    }
    // A run that took this for a new thread would begin again.
    if (found.length > 0)
      throw new NodeError(
        'MEMORY_NOT_FOUND',
        `No checkpoint of the thread "${threadId}" has all of its texts here.`
      )
    return undefined
  }

  override async *list(
    config: RunnableConfig,
    { limit = Number.POSITIVE_INFINITY, before, filter = {} }: CheckpointListOptions = {}
  ): AsyncGenerator<CheckpointTuple> {
    const { thread_id: threadId, checkpoint_ns: ns, checkpoint_id: id } = config.configurable ?? {}
    const end = before === undefined ? '' : getCheckpointId(before)
    let left = limit
    for (const name of threadId === undefined ? await this.#threads(config) : [threadId]) {
      const thread = this.#thread(name, config)
      const records = await thread.records()
      const spaces = Map.groupBy(records.checkpoints, record => record.ns)
      for (const found of spaces.values()) {
        for (const record of newestFirst(found)) {
          if (left <= 0) return
          if ((ns !== undefined && record.ns !== ns) || (id && record.id !== id)) continue
          if (end !== '' && record.id >= end) continue
          const tuple = await this.#tuples.read(thread, records, record, filter)
          if (tuple === undefined) continue
          yield tuple
          left -= 1
        }
      }
    }
  }

  override async put(
    config: RunnableConfig,
    checkpoint: Checkpoint,
    metadata: CheckpointMetadata,
    newVersions: ChannelVersions
  ): Promise<RunnableConfig> {
    const { threadId, ns, checkpointId: parent } = placeIn(config)
    const thread = this.#thread(threadId, config)
    const place = { thread: threadId, ns, id: checkpoint.id }
    const { channel_values: values, ...rest } = checkpoint
    const inherited = parent === undefined ? {} : await channelsOf(thread, ns, parent)
    const channels: [string, BlobRef][] = []
    const texts: Change[] = []
    const keep = (text: string): BlobRef => {
      const { ref, changes } = blobOf(prefixOf(threadId), text)
      texts.push(...changes)
      return ref
    }
    for (const [name, value] of Object.entries(values ?? {})) {
      const isNew = Object.hasOwn(newVersions, name) || inherited === undefined
      // A parent that is not here has nothing to inherit from: all is written then.
      const known = isNew || !Object.hasOwn(inherited, name) ? undefined : inherited[name]!
      if (!isNew && known === undefined) continue
      // Another device may have removed or changed a part since: the text is written again then.
      const isThere = known !== undefined && (await thread.text(known)) !== undefined
      channels.push([name, isThere ? known : keep(await pack(this.serde, value))])
    }
    const body: CheckpointBody = {
      checkpoint: await pack(this.serde, rest),
      metadata: await pack(this.serde, metadata),
      channels: Object.fromEntries(channels)
    }
    const record = { ...place, parent: parent ?? null, body: keep(JSON.stringify(body)) }
    await thread.put(texts, record)
    return configOf(place)
  }

  override async putWrites(
    config: RunnableConfig,
    writes: PendingWrite[],
    taskId: string,
    taskPath = ''
  ): Promise<void> {
    const { threadId, ns, checkpointId: id } = placeIn(config)
    if (id === undefined) throw new Error('Writes need the "checkpoint_id" that they are on top of.')
    const thread = this.#thread(threadId, config)
    const given = await Promise.all(
      writes.map(async ([channel, value], i): Promise<Written> => {
        const index = Object.hasOwn(WRITES_IDX_MAP, channel) ? WRITES_IDX_MAP[channel]! : i
        return [index, channel, await pack(this.serde, value)]
      })
    )
    // What a task writes is one record, so that of two devices that ran it apart one counts whole. Special writes are apart.
    for (const [slot, written] of Map.groupBy(given, ([index]) => (index < 0 ? String(index) : 'writes'))) {
      const place = { ns, id, task: taskId, slot }
      const known = slot === 'writes' ? await thread.writes(place) : undefined
      const kept = known === undefined ? [] : await thread.writtenIn(known)
      const added = written.filter(([index]) => !kept.some(([other]) => other === index))
      if (added.length === 0) continue
      const { ref, changes } = blobOf(prefixOf(threadId), JSON.stringify([...kept, ...added]))
      await thread.put(changes, { thread: threadId, ...place, path: taskPath, body: ref })
    }
  }

  override async deleteThread(threadId: string): Promise<void> {
    await this.#thread(threadId).delete()
  }

  #thread(id: unknown, config?: RunnableConfig): Thread {
    if (typeof id === 'string' && id !== '') return new Thread(this.#memory, id, config?.signal)
    throw new Error('"thread_id" must be a text that is not empty.')
  }

  async #threads({ signal }: RunnableConfig): Promise<Iterable<string>> {
    const docs = (await this.#memory.docs(signal)).filter(isIndexDoc)
    const indexes = await Promise.all(docs.map(doc => this.#memory.open(doc, signal)))
    return new Set(indexes.flatMap(facts => recordsIn(facts).checkpoints.map(({ thread }) => thread)))
  }
}

function placeIn({ configurable }: RunnableConfig): { threadId: string; ns: string; checkpointId?: string } {
  const { thread_id: threadId, checkpoint_ns: ns = '', checkpoint_id: checkpointId } = configurable ?? {}
  if (threadId === undefined) {
    throw new Error(
      'The config has no "thread_id": graph.invoke(input, { configurable: { thread_id: "…" } }).'
    )
  }
  return { threadId, ns, checkpointId }
}

/** Undefined where the parent is not here. */
async function channelsOf(
  thread: Thread,
  ns: string,
  parent: string
): Promise<CheckpointBody['channels'] | undefined> {
  const record = await thread.checkpoint(ns, parent)
  return record && (await thread.bodyOf(record))?.channels
}
