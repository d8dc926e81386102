/** Graphs that take one picture, and what is held to be true of their answers: weights come from anywhere. */

import { type InferenceSession, Tensor } from 'onnxruntime-node'
import { systemClock } from '../../../interface/clock.ts'
import { EngineFailedError, LumosError } from '../../../interface/errors.ts'
import type { AbortOptions } from '../../../interface/lifecycle.ts'
import { Batcher } from '../batching/batcher.ts'
import {
  BATCH_NUMBERS_MAX,
  BATCH_ROWS_MAX,
  hasFixedCount,
  joined,
  type Rows,
  split
} from './graph-batches.ts'

/** Finite numbers that a graph answered, row-major. */
export interface Numbers {
  readonly dims: readonly number[]
  readonly data: Float32Array
}

/** Three colours, plane by plane. */
export interface Planes {
  readonly data: Float32Array
  readonly width: number
  readonly height: number
}

/**
 * @returns the outputs in the order of the graph.
 * @throws {EngineFailedError} for an output that is no float32, or has a number that is not finite.
 */
export async function runOnPicture(
  graph: InferenceSession,
  { data, width, height }: Planes
): Promise<Numbers[]> {
  return numbersOf(graph, await graph.run(feedOf(graph, new Tensor('float32', data, [1, 3, height, width]))))
}

/** One graph that is run on the small pictures of several requests at once: those of one size, the first axis being a batch. */
export class PictureBatches {
  readonly #batcher: Batcher<Planes, Numbers[]>

  /** @param most pictures of a batch, as the owner has set it. */
  constructor(graph: InferenceSession, most = BATCH_ROWS_MAX) {
    const items = hasFixedCount(graph) ? 1 : Math.min(BATCH_ROWS_MAX, most)
    this.#batcher = new Batcher({
      clock: systemClock,
      limits: { items, padded: BATCH_NUMBERS_MAX },
      lengthOf: ({ data }) => data.length,
      async run(batch) {
        const answers: Numbers[][] = []
        for (const alike of Object.values(Object.groupBy(batch, ({ width, height }) => `${width}x${height}`)))
          answers.push(...(await runOnAlike(graph, alike!)))
        return answers
      }
    })
  }

  /** What the graph says of each. The signal is heeded between two runs. */
  async all(pictures: readonly Planes[], options: AbortOptions): Promise<Numbers[][]> {
    return await this.#batcher.all(pictures, options)
  }
}

async function runOnAlike(graph: InferenceSession, pictures: readonly Planes[]): Promise<Numbers[][]> {
  const [first] = pictures as readonly [Planes]
  if (pictures.length === 1) return [await runOnPicture(graph, first)]
  const rows = pictures.map(({ data, width, height }) => new Tensor('float32', data, [1, 3, height, width]))
  const outputs = split(await graph.run(feedOf(graph, joined(rows))), Array(rows.length).fill(1))
  return outputs.map(output => numbersOf(graph, output))
}

const feedOf = ({ inputNames }: InferenceSession, feed: Tensor) => ({ [inputNames[0]!]: feed })

const numbersOf = (graph: InferenceSession, outputs: Rows): Numbers[] =>
  graph.outputNames.map(name => {
    const { type, dims, data } = outputs[name]!
    if (!(data instanceof Float32Array)) {
      throw new EngineFailedError(`The output "${name}" is of type ${type}, and float32 is needed.`)
    }
    if (!data.every(Number.isFinite)) {
      throw new EngineFailedError(`The output "${name}" holds a number that is not finite.`)
    }
    return { dims, data }
  })

/** @throws {LumosError} `MODEL_INVALID` where the graph takes something else than one picture of three colours. */
export function checkPictureGraph({ inputNames, inputMetadata: [input] }: InferenceSession): void {
  if (inputNames.length === 1 && input?.isTensor && input.type === 'float32') {
    const channels = input.shape[1]
    const isOpen = typeof channels !== 'number' || channels < 0
    if (input.shape.length === 4 && (isOpen || channels === 3)) return
  }
  throw new LumosError(
    'MODEL_INVALID',
    `A graph takes ${inputNames}, and not one picture of three colours as float32[n,3,height,width].`
  )
}
