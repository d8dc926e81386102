/**
 * Runs one GGUF model with llama.cpp. The weights are native code's to read, so this module is loaded only in an
 * engine's own process.
 */

import { access, constants } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { systemClock } from '../../../interface/clock.ts'
import { EngineFailedError, LumosError } from '../../../interface/errors.ts'
import type { InferenceChunk, InferenceRequest } from '../../../interface/inference.ts'
import type { AbortOptions } from '../../../interface/lifecycle.ts'
import type { TaskInput, TaskName, TaskParams } from '../../../interface/tasks/index.ts'
import type { Engine } from '../../host/engine.ts'
import type { EngineModule } from '../../host/engine-messages.ts'
import { unreadable } from '../model-files.ts'
import { ControlText } from '../text/control-text.ts'
import { SPOKEN_TOKENS } from '../text/tool-calls.ts'
import { type Gpu, openLlama } from './accelerator.ts'
import { ChatTemplate } from './chat-template.ts'
import { Conversations } from './conversations.ts'
import { type GenerationParts, generate } from './generation.ts'
import { type Jinja, type Library, type Llama, type LlamaModel, loadLibrary, type Token } from './library.ts'
import type { Recommended } from './sampling.ts'
import { Threads } from './threads.ts'
import { embed, rank } from './vectors.ts'

/**
 * The library makes every path absolute, and the way to the working directory may lead through folders that the user of
 * engines may not enter. On Linux the process has its directory by another name.
 */
const HERE = process.platform === 'linux' ? '/proc/self/cwd/' : ''

/** What `createEngine` is given. */
export interface LlamaSettings {
  /** Where the engine is installed. */
  readonly library: string
  /** What is tried before the processor. */
  readonly gpus: readonly Gpu[]
  /** The weights, relative to the working directory. */
  readonly file: string
  /** Real path of what changes the weights: a LoRA adapter. */
  readonly adapter?: string
  readonly task: TaskName
  /** Tokens of one conversation. */
  readonly contextTokens: number
  /** Conversations at once. */
  readonly slots: number
  /** Jinja; absent where the file has none. */
  readonly template?: string | undefined
  readonly recommended: Recommended
}

type Infer = (request: InferenceRequest, signal: AbortSignal | undefined) => AsyncGenerator<InferenceChunk>

class LlamaEngine implements Engine {
  readonly memoryBytes = 0
  readonly #settings: LlamaSettings
  #infer: Infer | undefined
  #llama: Llama | undefined

  constructor(settings: LlamaSettings) {
    this.#settings = settings
  }

  get loaded(): boolean {
    return this.#infer !== undefined
  }

  /** @throws {LumosError} `MODEL_INVALID` when llama.cpp does not open the file, or its template is not usable. */
  async load(): Promise<void> {
    const { library: path, gpus, file, task } = this.#settings
    const { library, jinja } = await loadLibrary(path)
    const llama = await openLlama(library, gpus)
    this.#llama = llama
    // More are used once they were seen to be faster.
    llama.maxThreads = 1
    let model: LlamaModel
    try {
      model = await llama.loadModel({ modelPath: HERE + file }).catch(unreadable)
    } catch (err) {
      if (err instanceof LumosError) throw err
      throw new LumosError('MODEL_INVALID', `${file} cannot be loaded: ${(err as Error).message}`, {
        cause: err
      })
    }
    if (task === 'text-generation') this.#infer = await this.#generation({ library, jinja, llama, model })
    else if (task === 'feature-extraction') this.#infer = await embed(model, this.#settings.contextTokens)
    else this.#infer = await rank(model, this.#settings.contextTokens)
  }

  async close(): Promise<void> {
    this.#infer = undefined
    await this.#llama?.dispose()
  }

  async *infer(request: InferenceRequest, { signal }: AbortOptions = {}): AsyncGenerator<InferenceChunk> {
    signal?.throwIfAborted()
    if (this.#infer === undefined) throw new EngineFailedError('The model is not loaded.')
    yield* this.#infer(request, signal)
  }

  async #generation({ library, jinja, llama, model }: Opened): Promise<Infer> {
    const { contextTokens, slots, adapter, template, recommended } = this.#settings
    const { bosString, eosString } = model.tokens
    const control = controlTokensOf(model)
    const silent = new Set([...control.keys()].filter(token => !SPOKEN_TOKENS.has(control.get(token)!)))
    const chat =
      template === undefined
        ? undefined
        : new ChatTemplate(jinja, template, {
            ...{ bos: bosString ?? '', eos: eosString ?? '' },
            control: new ControlText(control.values())
          })
    if (adapter !== undefined) await mustBeReadable(adapter)
    const context = await model
      .createContext({
        ...{ sequences: slots, contextSize: contextTokens },
        ...(adapter !== undefined && { lora: adapter })
      })
      .catch((err: Error) => {
        if (adapter === undefined) throw err
        throw new LumosError('MODEL_INVALID', `The adapter cannot be loaded: ${err.message}`, { cause: err })
      })
    const sequences = Array.from({ length: slots }, () => context.getSequence())
    const threads = new Threads({
      clock: systemClock,
      cores: availableParallelism(),
      use: count => {
        llama.maxThreads = count
      }
    })
    const [token] = model.tokenize('a')
    if (token === undefined) throw new LumosError('MODEL_INVALID', 'The model has no tokens.')
    await threads.measure(() => sequences[0]!.evaluateWithoutGeneratingNewTokens([token]))
    const parts: GenerationParts = {
      ...{ library, llama, model, threads, template: chat, silent, recommended, contextTokens },
      tokenCount: [...model.iterateAllTokens()].length,
      conversations: new Conversations(sequences),
      clock: systemClock,
      random: Math.random
    }
    return ({ input, params, resume }, signal) => {
      const asked = params as TaskParams<'text-generation'>
      return generate(parts, input as TaskInput<'text-generation'>, asked, { signal, resume })
    }
  }
}

/** Unlike the weights, an adapter lies outside the working directory, so each folder on the way to it must let this user in. */
async function mustBeReadable(adapter: string): Promise<void> {
  await access(adapter, constants.R_OK).catch((cause: NodeJS.ErrnoException) => {
    throw new LumosError(
      'MODEL_INVALID',
      `The process of the engine may not read its adapter ${adapter}: ${cause.code}.`,
      { cause }
    )
  })
}

/** How each is spelled. */
function controlTokensOf(model: LlamaModel): Map<Token, string> {
  const control = new Map<Token, string>()
  for (const token of model.iterateAllTokens()) {
    const kind = model.getTokenAttributes(token)
    // Some kinds of tokenizers write a space before each.
    if (kind.control || kind.unknown) control.set(token, model.detokenize([token], true).trim())
  }
  return control
}

interface Opened {
  readonly library: Library
  readonly jinja: Jinja
  readonly llama: Llama
  readonly model: LlamaModel
}

export const createEngine: EngineModule['createEngine'] = settings =>
  new LlamaEngine(settings as LlamaSettings)
