/** The kept answers of this device, as programs use them. What is kept belongs to the mesh that it was asked in. */

import { keepAliveMs, memoryBytes } from '../../interface/amounts.ts'
import type {
  AnswerInfo,
  AnswerOptions,
  AnswerSource,
  Answers,
  ReadAnswerOptions
} from '../../interface/answers.ts'
import type { InferenceChunk } from '../../interface/chunks.ts'
import { LumosError } from '../../interface/errors.ts'
import type { Inference } from '../../interface/inference.ts'
import type { ReceiptGiven, ReceiptVerdict } from '../../interface/receipts.ts'
import type { Feature, FeatureComponents, MeshContext, Participation } from '../feature.ts'
import { MeshAnswers } from './mesh-answers.ts'

/** More files than an hour of work makes; each costs a name in memory. */
const FILES_MAX = 1000
/** One peer has an eighth of what this device keeps of the answers that it gives. */
const PEER_SHARE = 1 / 8

interface AnswersSettings {
  readonly keep: string | number
  readonly diskMax: string | number
}

export class AnswersFeature implements Feature<Answers>, Answers {
  readonly name = 'answers'
  readonly facet = this
  readonly #components: FeatureComponents
  #mesh: MeshAnswers | undefined

  constructor(components: FeatureComponents) {
    this.#components = components
  }

  get isOn(): boolean {
    return this.#keptMs > 0
  }

  get #keptMs(): number {
    return keepAliveMs((this.#components.settings as AnswersSettings).keep)!
  }

  /** Answers to peers are kept, too. */
  around(service: Inference): Inference {
    return { infer: (request, options) => this.#here.served.infer(service, request, options) }
  }

  join(mesh: MeshContext): Participation {
    const { directory, settings, hardware } = this.#components
    const { diskMax } = settings as AnswersSettings
    this.#mesh = new MeshAnswers({
      ...{ mesh, directory },
      limits: {
        keptMs: this.#keptMs,
        bytesMax: memoryBytes(diskMax, hardware.memoryBytes)!,
        filesMax: FILES_MAX,
        peerShare: PEER_SHARE
      }
    })
    return this.#mesh
  }

  keep(id: string, source: AnswerSource, options?: AnswerOptions): AsyncIterable<InferenceChunk> {
    return this.#here.own.keep(id, source, options)
  }

  list(): Promise<AnswerInfo[]> {
    return this.#here.own.list()
  }

  async show(id: string, options?: ReadAnswerOptions) {
    const { info, note } = await this.#here.open(id, { ...options, follow: false })
    return { info, note }
  }

  async *read(id: string, options: ReadAnswerOptions = {}): AsyncGenerator<InferenceChunk> {
    yield* (await this.#here.open(id, options)).chunks()
  }

  verify(receipts: readonly string[], given: ReceiptGiven = {}): Promise<ReceiptVerdict> {
    return this.#here.verify(receipts, given)
  }

  cancel(id: string): Promise<AnswerInfo> {
    return this.#here.own.cancel(id)
  }

  forget(id: string): Promise<void> {
    return this.#here.own.forget(id)
  }

  get #here(): MeshAnswers {
    if (this.#mesh === undefined) throw new LumosError('NODE_NOT_RUNNING', 'The node has no mesh yet.')
    return this.#mesh
  }
}
