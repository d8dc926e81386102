/** What the lab's devices ask each other. */

import { readFile } from 'node:fs/promises'
import type { AskOptions, Meta } from '../cli/client.ts'
import type { InferenceChunk } from '../interface/inference.ts'
import type { TaskOutput } from '../interface/tasks/index.ts'
import type { Node } from './node.ts'

const words = (text: string, maxTokens: number) => ({
  model: 'echo',
  input: { messages: [{ role: 'user', content: text }] },
  params: { max_tokens: maxTokens }
})

const LONG_ANSWER_WORDS = 60_000

/** A small question to the echo engine of another device. @throws {LumosError} what came instead of its answer. */
export async function ask(node: Node, options: AskOptions = {}): Promise<Meta> {
  const text = `from ${node.name}, ${Math.floor(performance.now())}`
  const { data, meta } = await node.client.execute<{ output: TaskOutput<'text-generation'> }>(
    'inference.run',
    words(text, 64),
    options
  )
  if (data.output.text !== text) throw new Error(`asked "${text}" and got "${data.output.text}"`)
  return meta
}

export interface Streamed {
  /** Whether each piece came, once and in order, and the end. */
  readonly whole: boolean
  readonly chunks: number
  /** From asking to the first piece, and to the end. */
  readonly firstMs: number
  readonly tookMs: number
  /** What ended it early, and its code. */
  readonly failure?: Error & { code?: string }
}

/**
 * An answer of so many words, each a chunk of its own.
 *
 * @param onChunk is told how many came so far; nothing more is read until it has resolved.
 */
export async function stream(
  node: Node,
  count: number,
  onChunk: (chunks: number) => unknown = () => {},
  options: AskOptions = {}
): Promise<Streamed> {
  const text = Array.from({ length: count }, (_, i) => `word-${i}`).join(' ')
  const beganMs = performance.now()
  let firstMs = Number.NaN
  let came = ''
  let chunks = 0
  let failure: Error | undefined
  try {
    for await (const chunk of node.client.stream('inference.run', words(text, count), options)) {
      const piece = chunk as InferenceChunk
      if (piece.type !== 'text') continue
      if (chunks === 0) firstMs = performance.now() - beganMs
      came += piece.text
      await onChunk(++chunks)
    }
  } catch (err) {
    failure = err as Error
  }
  return { whole: came === text, chunks, firstMs, tookMs: performance.now() - beganMs, failure }
}

/**
 * An answer that is sure to be under way until `goOn` is called: nothing of it is read meanwhile, and it is
 * more than all buffers on the way hold.
 */
export async function streamHeld(node: Node): Promise<{ goOn(): void; answer: Promise<Streamed> }> {
  const [begun, held] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  const answer = stream(node, LONG_ANSWER_WORDS, () => {
    begun.resolve()
    return held.promise
  })
  await Promise.race([begun.promise, answer])
  return { goOn: held.resolve, answer }
}

/** A picture of a seven, to the model that ships with the node. @returns who read it, and what it read. */
export async function readDigit(node: Node): Promise<{ label: string; meta: Meta }> {
  const image = await readFile(new URL('../test/fixtures/digits/7.png', import.meta.url))
  const { data, meta } = await node.client.execute<TaskOutput<'image-classification'>>('inference.classify', {
    model: 'digits-cnn',
    image: image.toString('base64')
  })
  return { label: data.labels[0]!.label, meta }
}
