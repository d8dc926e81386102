/** Opens ONNX graphs with onnxruntime. A run blocks its thread from start to end, and cannot be interrupted. */

import { InferenceSession } from 'onnxruntime-node'
import { LumosError } from '../../../interface/errors.ts'
import { dataBeside } from '../external-data.ts'

/** @throws {LumosError} `MODEL_INVALID` when the runtime does not take it. */
export async function openGraph(file: string, threads: number): Promise<InferenceSession> {
  const beside = await dataBeside([file])
  try {
    return await InferenceSession.create(file, {
      ...beside,
      executionProviders: ['cpu'],
      intraOpNumThreads: threads,
      interOpNumThreads: 1,
      // Errors only: warnings of the runtime speak of graphs, which no user of a model can change.
      logSeverityLevel: 3,
      // Threads that spin while they wait for work cost four times the CPU and save nothing here.
      extra: { session: { intra_op: { allow_spinning: '0' } } }
    })
  } catch (err) {
    throw new LumosError('MODEL_INVALID', `${file} cannot be loaded: ${(err as Error).message}`, {
      cause: err
    })
  }
}

/** @throws {LumosError} `MODEL_INVALID` when the graph has not the inputs and outputs that its description names. */
export function checkGraph(
  { inputNames, outputNames }: InferenceSession,
  { inputs, outputs }: { readonly inputs: readonly string[]; readonly outputs: readonly string[] }
): void {
  if (inputNames.join() === inputs.join() && outputs.every(name => outputNames.includes(name))) return
  throw new LumosError(
    'MODEL_INVALID',
    `The graph takes ${inputNames} and gives ${outputNames}, not "${inputs}" and "${outputs}".`
  )
}
