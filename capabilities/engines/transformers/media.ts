/** What a model of pictures or of speech is opened with, and what is made of its graphs. */

import type { PreTrainedModel } from '@huggingface/transformers'
import type { TaskName } from '../../../interface/tasks/index.ts'
import type { Doing } from '../doing.ts'
import type { LabelSettings } from '../pictures/clip.ts'
import type { GraphOptions } from './library.ts'

/** What `createEngine` is given for a model of pictures or speech. All files are relative to the working directory. */
export interface MediaSettings {
  readonly task: TaskName
  /** The repository; empty where it is the working directory. */
  readonly directory: string
  /** By the names that the library has for them. */
  readonly graphs: Readonly<Record<string, GraphOptions>>
  readonly graphFile: string
  /** All that is opened. */
  readonly files: readonly string[]
  /** Lower-case hex by file; the model is refused when one of them is another. */
  readonly hashes: Readonly<Record<string, string>>
  readonly stored?: boolean | undefined
  readonly contextTokens?: number | undefined
  readonly labels: LabelSettings
  /** Samples a second, of a model of speech. */
  readonly sampleRate?: number | undefined
  /** Texts that are run together at most, as the owner has set it. */
  readonly batch?: number | undefined
  readonly threads: number
}

export type Loadable = Pick<typeof PreTrainedModel, 'from_pretrained'>

/** What a model does for its task, once its graphs are open. */
export type Opener = (
  open: (Class: Loadable, graph: string) => Promise<PreTrainedModel>,
  settings: MediaSettings,
  place: string
) => Promise<Doing>
