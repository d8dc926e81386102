/**
 * A node without a mesh, for what the floors above it do with any node: it
 * answers `text-generation` with the words it was asked, one at a time, and
 * `tensor` with the tensors it was given.
 */

import { type LumosError, NoProviderError } from '../../interface/errors.ts'
import type { EventData, EventName } from '../../interface/events.ts'
import type { InferenceChunk } from '../../interface/inference.ts'
import type {
  InferOptions,
  LumosNode,
  ModelInfo,
  NewInferenceRequest,
  NodeStatus
} from '../../interface/node.ts'
import { TASKS } from '../../interface/tasks.ts'

export const PEER_ID = '12D3KooWSmallNodeForTests'
const provider = { peerId: PEER_ID, name: 'small', route: 'local' as const, slots: 1, warm: true }

export class SmallNode implements LumosNode {
  readonly peerId = PEER_ID
  readonly name = 'small'
  readonly events = new EventTarget() as EventTarget & LumosNode['events']
  /** Requests begun, and how each ended. */
  readonly outcomes: ('running' | 'done' | 'left')[] = []
  /** Called before each word; a test that never resolves it keeps the answer open. */
  beforeWord: () => Promise<void> = async () => {}
  failure: LumosError | undefined
  lastRequest: NewInferenceRequest | undefined

  async start(): Promise<void> {}
  async stop(): Promise<void> {}
  async [Symbol.asyncDispose](): Promise<void> {}

  async *infer(request: NewInferenceRequest, options: InferOptions = {}): AsyncGenerator<InferenceChunk> {
    this.lastRequest = request
    if (this.failure) throw this.failure
    if (options.peer !== undefined && options.peer !== this.name)
      throw new NoProviderError('Nobody else is here.')
    const n = this.outcomes.push('running') - 1
    const task = request.task ?? (request.model === 'identity' ? 'tensor' : 'text-generation')
    options.onRoute?.({ ...provider, task, model: task === 'tensor' ? 'identity' : 'echo' })

    try {
      let index = 0
      if (task === 'tensor') {
        const { tensors } = TASKS.tensor.input.parse(request.input)
        yield { type: 'output', index: index++, output: { tensors } }
      } else {
        const { messages } = TASKS['text-generation'].input.parse(request.input)
        for (const text of messages.at(-1)!.content.match(/\S+\s*/g) ?? []) {
          await Promise.race([this.beforeWord(), abortOf(options.signal)])
          options.signal?.throwIfAborted()
          yield { type: 'text', index: index++, text }
        }
      }
      this.outcomes[n] = 'done'
      yield { type: 'done', index, finishReason: 'stop', usage: {} }
    } finally {
      if (this.outcomes[n] === 'running') this.outcomes[n] = 'left'
    }
  }

  emit<N extends EventName>(name: N, detail: EventData<N>): void {
    this.events.dispatchEvent(new CustomEvent(name, { detail }))
  }

  peers() {
    return []
  }

  models(): ModelInfo[] {
    return [
      { model: 'echo', task: 'text-generation', providers: [provider] },
      { model: 'identity', task: 'tensor', providers: [provider] }
    ]
  }

  status(): NodeStatus {
    return {
      peerId: this.peerId,
      name: this.name,
      version: '0.0.0',
      mesh: 'test',
      uptimeS: 1,
      addresses: [],
      peers: 0,
      memoryBytes: 1,
      hardware: { platform: 'linux', arch: 'x64', cpu: 'test', cores: 1, memoryBytes: 1, accelerators: [] }
    }
  }
}

/** Settles when the signal aborts; without one, never. */
const abortOf = (signal: AbortSignal | undefined): Promise<void> =>
  new Promise(resolve => signal?.addEventListener('abort', () => resolve(), { once: true }))
