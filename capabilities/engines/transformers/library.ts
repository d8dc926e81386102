/** transformers.js, shut off from the network, and how it opens graphs. Loaded only in an engine's own process. */

import { env, LogLevel } from '@huggingface/transformers'
import { LumosError } from '../../../interface/errors.ts'
import { dataBeside } from '../external-data.ts'
import type { Weights } from './weights.ts'

// What is not on this disk is not there: the library would ask its hub.
env.allowRemoteModels = false
env.useFSCache = false
env.useBrowserCache = false
env.fetch = async () => {
  throw new LumosError('MODEL_INVALID', 'A file of the model is missing.')
}
// It would print prompts.
env.logLevel = LogLevel.NONE

/** Of the files of one graph. */
export interface GraphOptions {
  readonly dtype: Weights['dtype']
  /** Files beside the graph that hold its weights. */
  readonly dataFiles: number
}

/** @param graphs that are opened, relative to the working directory. */
export const sessionOptions = async (threads: number, graphs: readonly string[]) => ({
  local_files_only: true,
  device: 'cpu' as const,
  session_options: {
    ...(await dataBeside(graphs)),
    executionProviders: ['cpu'],
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    // Errors only: warnings of the runtime speak of graphs, which no owner can change.
    logSeverityLevel: 3 as const,
    // Threads that spin while they wait for work cost four times the CPU and save nothing here.
    extra: { session: { intra_op: { allow_spinning: '0' } } }
  }
})

/** Relative, because another user may not see the folders above. The dot tells it from the name of a repository. */
export const placeOf = (directory: string): string => `./${directory}`

export function cannotLoad(err: unknown): LumosError {
  if (err instanceof LumosError) return err
  return new LumosError('MODEL_INVALID', `The model cannot be loaded: ${(err as Error).message}`, {
    cause: err
  })
}
