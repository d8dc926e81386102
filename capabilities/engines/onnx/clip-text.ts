/** The text tower of a CLIP model. Its tokenizer needs a library of its own, so this is loaded with the first text. */

import { readFile } from 'node:fs/promises'
import { PreTrainedTokenizer } from '@huggingface/transformers'
import { type InferenceSession, Tensor } from 'onnxruntime-node'
import { InvalidInputError, LumosError } from '../../../interface/errors.ts'
import type { AbortOptions } from '../../../interface/lifecycle.ts'
import { rowsOf } from '../pictures/vectors.ts'
import { asSpelled } from '../text/added-tokens.ts'
import { ControlText } from '../text/control-text.ts'
import { inTurns } from '../text/in-turns.ts'
import { turn } from '../turn.ts'

/** On a processor, more texts at once are not faster. */
const BATCH_TEXTS_MAX = 8
const MASK = 'attention_mask'

export interface TextSettings {
  /** Files, relative to the working directory. */
  readonly tokenizer: string
  readonly tokenizerConfig?: string | undefined
  /** Tokens of a text at most. */
  readonly maxTokens: number
}

export class TextTower {
  readonly #graph: InferenceSession
  readonly #output: string
  readonly #maxTokens: number
  readonly #tokenizer: PreTrainedTokenizer
  readonly #control: ControlText
  /** The length that the graph wants of all texts; absent: any. */
  readonly #length: number | undefined
  /** The rows that the graph wants of each run; absent: any. */
  readonly #fixedRows: number | undefined
  readonly #idType: 'int32' | 'int64'

  static async open(graph: InferenceSession, output: string, settings: TextSettings): Promise<TextTower> {
    const [json, config] = await Promise.all(
      [settings.tokenizer, settings.tokenizerConfig].map(async file =>
        file === undefined ? {} : JSON.parse(await readFile(file, 'utf8'))
      )
    )
    try {
      return new TextTower(
        graph,
        output,
        new PreTrainedTokenizer(asSpelled(json), config),
        settings.maxTokens
      )
    } catch (err) {
      throw new LumosError('MODEL_INVALID', `The tokenizer cannot be read: ${(err as Error).message}`)
    }
  }

  private constructor(
    graph: InferenceSession,
    output: string,
    tokenizer: PreTrainedTokenizer,
    maxTokens: number
  ) {
    this.#graph = graph
    this.#output = output
    this.#tokenizer = tokenizer
    this.#control = new ControlText(tokenizer.all_special_tokens)
    const ids = graph.inputMetadata.find(({ name }) => name !== MASK)
    const [batch, length] = ids?.isTensor ? ids.shape : []
    this.#idType = ids?.isTensor && ids.type === 'int32' ? 'int32' : 'int64'
    this.#length = typeof length === 'number' && length > 0 ? length : undefined
    this.#fixedRows = typeof batch === 'number' && batch > 0 ? batch : undefined
    this.#maxTokens = Math.min(maxTokens, this.#length ?? maxTokens)
  }

  /** @throws {LumosError} `CONTEXT_TOO_SMALL` for a text that the model would have to cut. */
  async vectorsOf(
    texts: readonly string[],
    { signal }: AbortOptions
  ): Promise<{ vectors: Float32Array[]; inputTokens: number }> {
    const all = await inTurns(
      texts.map(text => [text] as const),
      ([text], at) => this.#tokensOf(text, at),
      { contextTokens: this.#maxTokens, signal }
    )
    const vectors: Float32Array[] = []
    const most = this.#fixedRows ?? BATCH_TEXTS_MAX
    for (let at = 0; at < all.length; at += most) {
      const batch = all.slice(at, at + most)
      await turn(signal)
      const outputs = await this.#graph.run(this.#feedsOf(batch))
      vectors.push(...rowsOf(outputs[this.#output], this.#rows(batch)).slice(0, batch.length))
    }
    return { vectors, inputTokens: all.reduce((sum, { length }) => sum + length, 0) }
  }

  #tokensOf(text: string, at: number): number[] {
    const tokens = this.#tokenizer.encode(this.#control.spaced(text))
    if (tokens.length === 0) throw new InvalidInputError(`Text ${at} is empty.`)
    if (tokens.length <= this.#maxTokens) return tokens
    throw new LumosError(
      'CONTEXT_TOO_SMALL',
      `Text ${at} has ${tokens.length} tokens; the model has room for ${this.#maxTokens}.`,
      { details: { contextTokens: this.#maxTokens, promptTokens: tokens.length, maxTokens: 0 } }
    )
  }

  /** A graph of a fixed batch gets all of it. */
  #rows(batch: readonly (readonly number[])[]): number {
    return this.#fixedRows ?? batch.length
  }

  #feedsOf(batch: readonly (readonly number[])[]): Record<string, Tensor> {
    const rows = this.#rows(batch)
    const length = this.#length ?? Math.max(...batch.map(tokens => tokens.length))
    const filling = this.#tokenizer.pad_token_id ?? 0
    const tensor = (value: (tokens: readonly number[], at: number) => number): Tensor => {
      const numbers = Array.from({ length: rows * length }, (_, i) =>
        value(batch[Math.floor(i / length)] ?? [], i % length)
      )
      return this.#idType === 'int32'
        ? new Tensor('int32', Int32Array.from(numbers), [rows, length])
        : new Tensor('int64', BigInt64Array.from(numbers, BigInt), [rows, length])
    }
    return Object.fromEntries(
      this.#graph.inputNames.map(name => [
        name,
        name === MASK
          ? tensor((tokens, at) => (at < tokens.length ? 1 : 0))
          : tensor((tokens, at) => tokens[at] ?? filling)
      ])
    )
  }
}
