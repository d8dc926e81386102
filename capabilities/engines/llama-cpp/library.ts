/** The part of node-llama-cpp that is used here. It is no dependency: it is loaded from where `engine install` put it. */

import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { EngineFailedError } from '../../../interface/errors.ts'

export type Token = number & { readonly __token: never }

export interface Sampling {
  readonly temperature: number
  readonly topK: number
  readonly topP: number
  readonly minP: number
  readonly seed: number
  readonly repeatPenalty?: {
    readonly punishTokens: () => Token[]
    readonly penalty?: number
    readonly frequencyPenalty?: number
    readonly presencePenalty?: number
  }
  /** Asked for before each token. */
  readonly grammarEvaluationState?: () => GrammarState | undefined
  readonly tokenBias?: () => TokenBias
}

export interface TokenBias {
  set(token: Token, bias: { readonly logit: number }): TokenBias
}

/** A token to evaluate, and whether the one that would follow it is wanted. */
export type Evaluated = [
  Token,
  { readonly generateNext: { readonly token: true; readonly options: Pick<Sampling, 'temperature'> } }
]

export interface Sequence {
  /** What it holds, token by token. */
  readonly contextTokens: readonly Token[]
  readonly nextTokenIndex: number
  compareContextTokens(tokens: readonly Token[]): { readonly firstDifferentIndex: number }
  eraseContextTokenRanges(ranges: readonly { readonly start: number; readonly end: number }[]): Promise<void>
  evaluate(tokens: readonly Token[], sampling: Sampling): AsyncGenerator<Token>
  evaluateWithMetadata(
    tokens: readonly Token[],
    wanted: { readonly probabilities: true },
    sampling: Sampling
  ): AsyncGenerator<{ readonly token: Token; readonly probabilities: ReadonlyMap<Token, number> }>
  controlledEvaluate(
    tokens: readonly Evaluated[]
  ): Promise<({ readonly next: { readonly token?: Token | null } } | undefined)[]>
  evaluateWithoutGeneratingNewTokens(tokens: readonly Token[]): Promise<void>
}

export interface Grammar {
  readonly grammar: string
}
export interface GrammarState {
  readonly __state: never
}

interface Context {
  getSequence(): Sequence
}

export interface LlamaModel {
  readonly tokens: {
    readonly bosString: string | null
    readonly eosString: string | null
    readonly bos: Token | null
    readonly shouldPrependBosToken: boolean
  }
  readonly embeddingVectorSize: number
  readonly trainContextSize: number
  tokenize(text: string, specialTokens?: boolean): Token[]
  detokenize(tokens: readonly Token[], specialTokens?: boolean, lastTokens?: readonly Token[]): string
  isEogToken(token: Token): boolean
  iterateAllTokens(): Iterable<Token>
  getTokenAttributes(token: Token): { readonly control: boolean; readonly unknown: boolean }
  createContext(options: {
    readonly sequences: number
    readonly contextSize: number
    /** Path of an adapter. */
    readonly lora?: string
  }): Promise<Context>
  createEmbeddingContext(options: { readonly contextSize: number }): Promise<{
    getEmbeddingFor(tokens: readonly Token[]): Promise<{ readonly vector: readonly number[] }>
  }>
  createRankingContext(options: { readonly contextSize: number }): Promise<{
    calculateInputLength(query: string, document: string): number
    rank(query: string, document: string): Promise<number>
  }>
}

export interface Llama {
  /** What it computes on: false is the processor alone. */
  readonly gpu: string | false
  maxThreads: number
  getGpuDeviceNames(): Promise<readonly string[]>
  loadModel(options: { readonly modelPath: string }): Promise<LlamaModel>
  createGrammar(options: { readonly grammar: string }): Promise<Grammar>
  dispose(): Promise<void>
}

export interface Library {
  readonly TokenBias: { for(model: LlamaModel): TokenBias }
  getLlama(options: object): Promise<Llama>
  readonly LlamaLogLevel: { readonly error: string }
  /** The second form is a copy. */
  readonly LlamaGrammarEvaluationState: new (
    options: { readonly model: LlamaModel; readonly grammar: Grammar } | GrammarState
  ) => GrammarState
}

export interface Jinja {
  readonly Template: new (source: string) => { render(values: Record<string, unknown>): string }
}

/** @throws {EngineFailedError} when it cannot be loaded from the folder `path`. */
export async function loadLibrary(
  path: string
): Promise<{ readonly library: Library; readonly jinja: Jinja }> {
  const load = (file: string) => import(pathToFileURL(join(path, 'node_modules', file)).href)
  try {
    return {
      library: await load('node-llama-cpp/dist/index.js'),
      jinja: await load('@huggingface/jinja/dist/index.js')
    }
  } catch (err) {
    const { code, message } = err as NodeJS.ErrnoException
    if (code !== 'EACCES')
      throw new EngineFailedError(`llama.cpp cannot be loaded: ${message}`, { cause: err })
    throw new EngineFailedError(
      'Engines run as another user here, who may not read engines.directory: set it to a folder that all users may read, or install bubblewrap.',
      { cause: err }
    )
  }
}
