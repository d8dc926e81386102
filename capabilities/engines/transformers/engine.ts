/**
 * Serves one model with transformers.js, here one for texts. A run blocks its thread, and templates and tokenizers come from
 * elsewhere, so this module is loaded only in an engine's own process.
 */

import { readFile } from 'node:fs/promises'
import {
  AutoModel,
  AutoModelForCausalLM,
  AutoModelForSequenceClassification,
  AutoTokenizer,
  type PreTrainedModel,
  type PreTrainedTokenizer
} from '@huggingface/transformers'
import { EngineFailedError } from '../../../interface/errors.ts'
import type { InferenceChunk, InferenceRequest } from '../../../interface/inference.ts'
import type { AbortOptions } from '../../../interface/lifecycle.ts'
import type { TaskInput, TaskName, TaskParams } from '../../../interface/tasks/index.ts'
import type { Engine } from '../../host/engine.ts'
import type { EngineModule } from '../../host/engine-messages.ts'
import { checkFiles } from '../model-files.ts'
import { ControlText } from '../text/control-text.ts'
import { tuned } from '../tuned.ts'
import { spelled } from './control-tokens.ts'
import { type EmbeddingModel, embedding } from './embedding.ts'
import { generate } from './generation.ts'
import { cannotLoad, placeOf, sessionOptions } from './library.ts'
import type { MediaSettings } from './media.ts'
import { MediaEngine } from './media-engine.ts'
import { ranking } from './ranking.ts'
import type { Pooling } from './repository.ts'
import { TokenBytes } from './token-bytes.ts'
import { silentTokens } from './token-text.ts'
import type { Weights } from './weights.ts'

/** What `createEngine` is given for a text model. */
export interface TransformersSettings {
  readonly task: TaskName
  /** The repository, relative to the working directory; empty where it is that. */
  readonly directory: string
  readonly dtype: Weights['dtype']
  readonly graph: string
  /** Where it is, relative to the working directory. */
  readonly graphFile: string
  /** Files beside the graph that hold its weights. */
  readonly dataFiles: number
  /** All that is opened, relative to the working directory. */
  readonly files: readonly string[]
  /** Lower-case hex by file; the model is refused when one of them is another. */
  readonly hashes: Readonly<Record<string, string>>
  readonly stored?: boolean | undefined
  readonly contextTokens?: number | undefined
  readonly pooling: Pooling
  /** A file with the chat template, relative to the working directory; absent: the tokenizer's files may have one. */
  readonly template?: string
  /** Texts that are run together at most, as the owner has set it. */
  readonly batch?: number | undefined
  readonly threads: number
}

interface OpenModel {
  readonly tokenizer: PreTrainedTokenizer
  readonly control: ControlText
  readonly model: PreTrainedModel
  tokenBytes(): TokenBytes
  /** Of a task that is answered as a whole. */
  readonly answer: ReturnType<typeof answering>
}

class TransformersEngine implements Engine {
  readonly memoryBytes = 0
  readonly #settings: TransformersSettings
  #open: OpenModel | undefined

  constructor(settings: TransformersSettings) {
    this.#settings = settings
  }

  get loaded(): boolean {
    return this.#open !== undefined
  }

  /** @throws {LumosError} `MODEL_INVALID` when a file is not what the model's description says, or cannot be opened. */
  async load(): Promise<void> {
    const { files, graphFile, hashes, stored, task, template, contextTokens, pooling, batch } = this.#settings
    await checkFiles(graphFile, hashes, files, stored)
    const place = placeOf(this.#settings.directory)
    try {
      const tokenizer = spelled(await AutoTokenizer.from_pretrained(place))
      if (template !== undefined) tokenizer.chat_template = await readFile(template, 'utf8')
      const control = new ControlText(tokenizer.all_special_tokens)
      const model = await CLASSES[task]!.from_pretrained(place, await this.#options())
      let bytes: TokenBytes | undefined
      const tokenBytes = () => (bytes ??= new TokenBytes(tokenizer, silentTokens(tokenizer)))
      const answer = answering(task, { tokenizer, control, model, contextTokens, pooling, batch })
      this.#open = { tokenizer, control, model, tokenBytes, answer }
    } catch (err) {
      throw cannotLoad(err)
    }
  }

  async close(): Promise<void> {
    await this.#open?.model.dispose()
    this.#open = undefined
  }

  async *infer(
    { input, params, resume }: InferenceRequest,
    options: AbortOptions = {}
  ): AsyncGenerator<InferenceChunk> {
    options.signal?.throwIfAborted()
    if (this.#open === undefined) throw new EngineFailedError('The model is not loaded.')
    const { contextTokens, task } = this.#settings
    const model = { ...this.#open, contextTokens }
    if (task === 'text-generation') {
      const asked = params as TaskParams<typeof task>
      yield* generate(model, input as TaskInput<typeof task>, asked, { ...options, resume })
      return
    }
    const { output, inputTokens } = await model.answer(input as never, params as never, options)
    yield { type: 'output', index: 0, output }
    yield { type: 'done', index: 1, finishReason: 'stop', usage: { inputTokens } }
  }

  async #options() {
    const { dtype, graph, graphFile, dataFiles, threads } = this.#settings
    return {
      ...{ ...(await sessionOptions(threads, [graphFile])), dtype, model_file_name: graph },
      use_external_data_format: dataFiles === 0 ? false : dataFiles
    }
  }
}

const answering = (task: TaskName, model: EmbeddingModel) =>
  task === 'text-ranking' ? ranking(model) : embedding(model)

const CLASSES: Partial<Record<TaskName, { from_pretrained: typeof AutoModel.from_pretrained }>> = {
  'text-generation': AutoModelForCausalLM,
  'feature-extraction': AutoModel,
  'text-ranking': AutoModelForSequenceClassification
}

export const createEngine: EngineModule['createEngine'] = (settings, tuning) => {
  const all = settings as MediaSettings | TransformersSettings
  return tuned(all.threads, tuning, threads =>
    'graphs' in all ? new MediaEngine({ ...all, threads }) : new TransformersEngine({ ...all, threads })
  )
}
