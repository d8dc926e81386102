/** Graphs that take one picture, and what is held to be true of their answers: weights come from anywhere. */

import { type InferenceSession, Tensor } from 'onnxruntime-node'
import { EngineFailedError, LumosError } from '../../../interface/errors.ts'

/** Finite numbers that a graph answered, row-major. */
export interface Numbers {
  readonly dims: readonly number[]
  readonly data: Float32Array
}

/**
 * @param data of a picture of three colours, plane by plane.
 * @returns the outputs in the order of the graph.
 * @throws {EngineFailedError} for an output that is no float32, or has a number that is not finite.
 */
export async function runOnPicture(
  graph: InferenceSession,
  data: Float32Array,
  { width, height }: { readonly width: number; readonly height: number }
): Promise<readonly Numbers[]> {
  const feed = new Tensor('float32', data, [1, 3, height, width])
  const outputs = await graph.run({ [graph.inputNames[0]!]: feed })
  return graph.outputNames.map(name => {
    const { type, dims, data } = outputs[name]!
    if (!(data instanceof Float32Array)) {
      throw new EngineFailedError(`The output "${name}" is of type ${type}, and float32 is needed.`)
    }
    if (!data.every(Number.isFinite)) {
      throw new EngineFailedError(`The output "${name}" holds a number that is not finite.`)
    }
    return { dims, data }
  })
}

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
