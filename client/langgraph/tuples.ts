/** Reads a checkpoint with all that LangGraph asks of one: channels, metadata, pending writes. */

import { isDeepStrictEqual } from 'node:util'
import type { RunnableConfig } from '@langchain/core/runnables'
import {
  type BaseCheckpointSaver,
  type Checkpoint,
  type CheckpointMetadata,
  type CheckpointPendingWrite,
  type CheckpointTuple,
  compareWritesSortKeys,
  maxChannelVersion,
  TASKS,
  writesSortKey
} from '@langchain/langgraph-checkpoint'
import { unpack } from './packed.ts'
import type { CheckpointRecord, Place, ThreadRecords } from './records.ts'
import type { CheckpointBody, Thread } from './thread.ts'

/** Checkpoints before this version had the sends of their parent in a channel. */
const SENDS_IN_WRITES = 4

export class Tuples {
  readonly #saver: BaseCheckpointSaver

  constructor(saver: BaseCheckpointSaver) {
    this.#saver = saver
  }

  /** @returns undefined where its metadata does not match, or a text of it is not here: its writer may not count any longer. */
  async read(
    thread: Thread,
    records: ThreadRecords,
    record: CheckpointRecord,
    filter: Readonly<Record<string, unknown>> = {}
  ): Promise<CheckpointTuple | undefined> {
    const body = await thread.bodyOf(record)
    if (body === undefined) return undefined
    const metadata = (await unpack(this.#saver.serde, body.metadata)) as CheckpointMetadata
    const fields = metadata as unknown as Readonly<Record<string, unknown>>
    if (!Object.entries(filter).every(([key, value]) => isDeepStrictEqual(fields[key], value)))
      return undefined
    const channels = await this.#channels(thread, body)
    if (channels === undefined) return undefined
    const { ns, parent } = record
    const head = (await unpack(this.#saver.serde, body.checkpoint)) as Omit<Checkpoint, 'channel_values'>
    const checkpoint: Checkpoint = { ...head, channel_values: channels }
    if (checkpoint.v < SENDS_IN_WRITES && parent !== null) {
      const sends = await this.#pendingWrites(thread, records, { ...record, id: parent })
      this.#migrateSends(checkpoint, sends)
    }
    return {
      config: configOf(record),
      checkpoint,
      metadata,
      pendingWrites: await this.#pendingWrites(thread, records, record),
      ...(parent !== null && { parentConfig: configOf({ thread: thread.id, ns, id: parent }) })
    }
  }

  async #channels(
    thread: Thread,
    { channels }: CheckpointBody
  ): Promise<Record<string, unknown> | undefined> {
    const names = Object.keys(channels)
    const texts = await Promise.all(names.map(name => thread.text(channels[name]!)))
    if (texts.includes(undefined)) return undefined
    const values = await Promise.all(texts.map(text => unpack(this.#saver.serde, text!)))
    return Object.fromEntries(names.map((name, i) => [name, values[i]]))
  }

  /** In the order in which a run applies them. */
  async #pendingWrites(
    thread: Thread,
    { writes }: ThreadRecords,
    { ns, id }: Place
  ): Promise<CheckpointPendingWrite[]> {
    const records = writes.filter(record => record.ns === ns && record.id === id)
    const written = await Promise.all(records.map(record => thread.writtenIn(record)))
    const keyed = records.flatMap(({ path, task }, i) =>
      written[i]!.map(([index, channel, packed]) => ({
        key: writesSortKey(path, task, index),
        ...{ task, channel, packed }
      }))
    )
    keyed.sort((a, b) => compareWritesSortKeys(a.key, b.key))
    return await Promise.all(
      keyed.map(
        async ({ task, channel, packed }): Promise<CheckpointPendingWrite> => [
          task,
          channel,
          await unpack(this.#saver.serde, packed)
        ]
      )
    )
  }

  #migrateSends(checkpoint: Checkpoint, sends: readonly CheckpointPendingWrite[]): void {
    const versions = Object.values(checkpoint.channel_versions)
    checkpoint.channel_values[TASKS] = sends
      .filter(([, channel]) => channel === TASKS)
      .map(([, , value]) => value)
    checkpoint.channel_versions[TASKS] =
      versions.length > 0 ? maxChannelVersion(...versions) : this.#saver.getNextVersion(undefined)
  }
}

export const configOf = ({ thread, ns, id }: Place): RunnableConfig => ({
  configurable: { thread_id: thread, checkpoint_ns: ns, checkpoint_id: id }
})
