/** What the tests of this folder build with. */

import { randomUUID } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import type { Engine, Model } from '../../capabilities/host/engine.ts'
import { EngineHost } from '../../capabilities/host/engine-host.ts'
import { Registry, type RegistryOptions } from '../../capabilities/serving/registry.ts'
import { type Clock, systemClock } from '../../interface/clock.ts'
import { LumosError } from '../../interface/errors.ts'
import type { InferenceChunk, PreparedRequest } from '../../interface/inference.ts'
import type { Logger } from '../../interface/lifecycle.ts'
import { prepare } from '../../interface/prepare.ts'
import type { TaskName, TaskOutput } from '../../interface/tasks/index.ts'
import type { Tensor } from '../../interface/tasks/tensor.ts'

/** The models that ship with the node. */
export const MODELS = fileURLToPath(new URL('../../models', import.meta.url))
const DIGITS = new URL('../fixtures/digits/', import.meta.url)
const UNRULY = new URL('../fixtures/engines/unruly.ts', import.meta.url)

export const digitFile = (name: string): Promise<Buffer> => readFile(new URL(name, DIGITS))

export interface LogLine {
  readonly fields: Record<string, unknown>
  readonly message: string
}

/** Keeps what is logged. */
export function memoryLog(): Logger & { readonly lines: LogLine[] } {
  const lines: LogLine[] = []
  const add = (fields: object, message: string): void => {
    lines.push({ fields: fields as Record<string, unknown>, message })
  }
  return { lines, debug: add, info: add, warn: add, error: add }
}

export function registryOf(models: readonly Model[], options: Partial<RegistryOptions> = {}): Registry {
  return new Registry({ clock: systemClock, random: () => 0.5, log: memoryLog(), models, ...options })
}

/** An engine of `test/fixtures/engines/unruly.ts` in its own process. */
export function unrulyHost(settings: object = {}, clock: Clock = systemClock, log = memoryLog()): EngineHost {
  return new EngineHost({ name: 'unruly', module: UNRULY, settings }, { clock, log, env: {} })
}

export const unrulyModel = (engine: Engine, slots = 1): Model => ({
  id: 'unruly',
  tasks: ['text-generation'],
  slots,
  engine
})

export const textRequest = (content: string, params: Record<string, unknown> = {}): PreparedRequest =>
  prepare({
    id: randomUUID(),
    task: 'text-generation',
    input: { messages: [{ role: 'user', content }] },
    params: { maxTokens: 1024, ...params },
    budgetMs: 20_000
  })

export const tensorRequest = (tensors: Record<string, unknown>, model?: string): PreparedRequest =>
  prepare({
    id: randomUUID(),
    task: 'tensor',
    model,
    input: { tensors },
    params: {},
    budgetMs: 20_000
  })

export const imageRequest = (
  image: Uint8Array,
  params: Record<string, unknown> = { topK: 3 }
): PreparedRequest =>
  prepare({
    id: randomUUID(),
    task: 'image-classification',
    input: { image },
    params,
    budgetMs: 20_000
  })

export const float32 = (dims: number[], values: readonly number[]): Tensor => ({
  type: 'float32',
  dims,
  data: new Uint8Array(Float32Array.from(values).buffer)
})

/** The output of an answer that has one. */
export async function outputOf<T extends TaskName>(
  chunks: AsyncIterable<InferenceChunk>
): Promise<TaskOutput<T>> {
  const chunk = (await Array.fromAsync(chunks)).find(({ type }) => type === 'output')
  return (chunk as { output: TaskOutput<T> }).output
}

export async function textOf(chunks: AsyncIterable<InferenceChunk>): Promise<string> {
  const all = await Array.fromAsync(chunks)
  return all.map(chunk => (chunk.type === 'text' ? chunk.text : '')).join('')
}

/** The error that an answer ends with. */
export async function errorOf(chunks: AsyncIterable<InferenceChunk>): Promise<LumosError> {
  try {
    await Array.fromAsync(chunks)
  } catch (err) {
    if (err instanceof LumosError) return err
    throw err
  }
  throw new Error('The answer did not fail.')
}
