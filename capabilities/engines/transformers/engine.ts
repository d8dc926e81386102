/**
 * Serves one text model with transformers.js. A run blocks its thread, and templates and tokenizers come from
 * elsewhere, so this module is loaded only in an engine's own process.
 */

import { readFile } from 'node:fs/promises'
import {
  AutoModel,
  AutoModelForCausalLM,
  AutoModelForSequenceClassification,
  AutoTokenizer,
  env,
  LogLevel,
  type PreTrainedModel,
  type PreTrainedTokenizer
} from '@huggingface/transformers'
import { EngineFailedError, LumosError } from '../../../interface/errors.ts'
import type { InferenceChunk, InferenceRequest } from '../../../interface/inference.ts'
import type { AbortOptions } from '../../../interface/lifecycle.ts'
import type { TaskInput, TaskName, TaskParams } from '../../../interface/tasks/index.ts'
import type { Engine } from '../../host/engine.ts'
import type { EngineModule } from '../../host/engine-messages.ts'
import { checkFiles } from '../model-files.ts'
import { asSpelled, type TokenizerJson } from '../text/added-tokens.ts'
import { ControlText } from '../text/control-text.ts'
import { embed } from './embedding.ts'
import { generate } from './generation.ts'
import { rank } from './ranking.ts'
import type { Pooling } from './repository.ts'
import { TokenBytes } from './token-bytes.ts'
import { silentTokens } from './token-text.ts'
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

/** What `createEngine` is given. */
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
  readonly contextTokens?: number | undefined
  readonly pooling: Pooling
  /** A file with the chat template, relative to the working directory; absent: the tokenizer's files may have one. */
  readonly template?: string
  readonly threads: number
}

interface OpenModel {
  readonly tokenizer: PreTrainedTokenizer
  readonly control: ControlText
  readonly model: PreTrainedModel
  tokenBytes(): TokenBytes
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
    const { files, graphFile, hashes, task, template } = this.#settings
    await checkFiles(graphFile, hashes, files)
    // Relative, because another user may not see the folders above. The dot tells it from the name of a repository.
    const place = `./${this.#settings.directory}`
    try {
      const tokenizer = spelled(await AutoTokenizer.from_pretrained(place))
      if (template !== undefined) tokenizer.chat_template = await readFile(template, 'utf8')
      const control = new ControlText(tokenizer.all_special_tokens)
      const model = await CLASSES[task]!.from_pretrained(place, this.#options())
      let bytes: TokenBytes | undefined
      const tokenBytes = () => (bytes ??= new TokenBytes(tokenizer, silentTokens(tokenizer)))
      this.#open = { tokenizer, control, model, tokenBytes }
    } catch (err) {
      throw new LumosError('MODEL_INVALID', `The model cannot be loaded: ${(err as Error).message}`, {
        cause: err
      })
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
    const { contextTokens, pooling, task } = this.#settings
    const model = { ...this.#open, contextTokens, pooling }
    if (task === 'text-generation') {
      const asked = params as TaskParams<typeof task>
      yield* generate(model, input as TaskInput<typeof task>, asked, { ...options, resume })
      return
    }
    const { output, inputTokens } = await (task === 'text-ranking'
      ? rank(model, input as TaskInput<typeof task>, params as TaskParams<typeof task>, options)
      : embed(
          model,
          input as TaskInput<'feature-extraction'>,
          params as TaskParams<'feature-extraction'>,
          options
        ))
    yield { type: 'output', index: 0, output }
    yield { type: 'done', index: 1, finishReason: 'stop', usage: { inputTokens } }
  }

  #options() {
    const { dtype, graph, dataFiles, threads } = this.#settings
    return {
      ...{ dtype, model_file_name: graph, local_files_only: true },
      device: 'cpu' as const,
      use_external_data_format: dataFiles === 0 ? false : dataFiles,
      session_options: {
        executionProviders: ['cpu'],
        intraOpNumThreads: threads,
        interOpNumThreads: 1,
        // Errors only: warnings of the runtime speak of graphs, to nobody who could act.
        logSeverityLevel: 3 as const,
        // Threads that spin while they wait for work cost four times the CPU and save nothing here.
        extra: { session: { intra_op: { allow_spinning: '0' } } }
      }
    }
  }
}

/** What the library keeps of its files. */
interface Sources {
  readonly _tokenizerJSON: TokenizerJson
  readonly _tokenizerConfig: object
}

function spelled(tokenizer: PreTrainedTokenizer): PreTrainedTokenizer {
  const { _tokenizerJSON: json, _tokenizerConfig: config } = tokenizer as unknown as Sources
  const Tokenizer = tokenizer.constructor as new (json: object, config: object) => PreTrainedTokenizer
  return new Tokenizer(asSpelled(json), config)
}

const CLASSES: Partial<Record<TaskName, { from_pretrained: typeof AutoModel.from_pretrained }>> = {
  'text-generation': AutoModelForCausalLM,
  'feature-extraction': AutoModel,
  'text-ranking': AutoModelForSequenceClassification
}

export const createEngine: EngineModule['createEngine'] = settings =>
  new TransformersEngine(settings as TransformersSettings)
