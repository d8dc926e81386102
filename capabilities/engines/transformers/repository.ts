/** What the files of a Hugging Face repository say of its model. They come from anywhere, so each is data to be checked. */

import * as z from 'zod'
import { automaticSpeechRecognition } from '../../../interface/tasks/automatic-speech-recognition.ts'
import { featureExtraction } from '../../../interface/tasks/feature-extraction.ts'
import { imageClassification } from '../../../interface/tasks/image-classification.ts'
import { imageFeatureExtraction } from '../../../interface/tasks/image-feature-extraction.ts'
import { imageToText } from '../../../interface/tasks/image-to-text.ts'
import type { TaskName } from '../../../interface/tasks/index.ts'
import { objectDetection } from '../../../interface/tasks/object-detection.ts'
import { textGeneration } from '../../../interface/tasks/text-generation.ts'
import { textRanking } from '../../../interface/tasks/text-ranking.ts'
import { textToSpeech } from '../../../interface/tasks/text-to-speech.ts'
import { zeroShotImageClassification } from '../../../interface/tasks/zero-shot-image-classification.ts'
import { invalid } from '../../models/description.ts'

/** Tokenizers state a length of 10^30 where they have none. */
const CONTEXT_TOKENS_MAX = 100_000_000

/** How the vectors of a text's tokens become one. */
export type Pooling = 'mean' | 'cls' | 'last'

const Tokens = z
  .number()
  .transform(value => (value >= 1 && value <= CONTEXT_TOKENS_MAX ? Math.floor(value) : undefined))

/** Telephones have 8,000 samples a second, and no model of speech has more than music. */
const SampleRate = z.int().min(8000).max(48_000)

/** Unknown keys are left alone: each architecture has its own. */
export const Config = z.object({
  architectures: z.array(z.string().max(128)).max(16).nullish(),
  max_position_embeddings: Tokens.nullish(),
  n_positions: Tokens.nullish(),
  n_ctx: Tokens.nullish(),
  id2label: z.record(z.string(), z.unknown()).nullish(),
  num_labels: z.number().nullish(),
  sampling_rate: SampleRate.nullish()
})
export type Config = z.infer<typeof Config>

export const TokenizerConfig = z.object({ model_max_length: Tokens.nullish() })

/** More than any picture model takes: a picture is made so large before it is read. */
const SIDE_PIXELS_MAX = 2048
const side = z.number().min(1).max(SIDE_PIXELS_MAX).nullish()
const Sides = z
  .union([
    side,
    z.object({
      ...{
        height: side,
        width: side,
        shortest_edge: side,
        longest_edge: side,
        max_height: side,
        max_width: side
      }
    })
  ])
  .nullish()

export const PreprocessorConfig = z.object({
  size: Sides,
  crop_size: Sides,
  pad_size: Sides,
  size_divisibility: side,
  sampling_rate: SampleRate.nullish()
})

/** Of sentence-transformers. */
export const PoolingConfig = z.object({
  pooling_mode_cls_token: z.boolean().nullish(),
  pooling_mode_mean_tokens: z.boolean().nullish(),
  pooling_mode_lasttoken: z.boolean().nullish()
})

/** What a model of pictures does by the name of its architecture; undefined for another model, or one that is not read. */
export function visionTaskOf({ architectures }: Config, hasPictures: boolean): TaskName | undefined {
  const architecture = architectures?.[0] ?? ''
  if (architecture.endsWith('ForImageClassification')) return imageClassification.name
  // Those whose graph gives logits, one of them for nothing, and boxes in parts of the picture.
  if (/^(?:Detr|Yolos|TableTransformer)ForObjectDetection$/.test(architecture)) return objectDetection.name
  if (architecture === 'VisionEncoderDecoderModel') return imageToText.name
  if (architecture === 'CLIPModel') return zeroShotImageClassification.name
  return hasPictures && /(?<!For\w*)Model$/.test(architecture) ? imageFeatureExtraction.name : undefined
}

/** What a model of speech does by the name of its architecture; undefined for another model, or one that is not read. */
export function speechTaskOf({ architectures }: Config): TaskName | undefined {
  const architecture = architectures?.[0] ?? ''
  if (architecture === 'VitsModel') return textToSpeech.name
  // Those that take samples as they are, and give the letters of each moment.
  return /^(?:Wav2Vec2|Hubert|WavLM|UniSpeech|UniSpeechSat)ForCTC$/.test(architecture)
    ? automaticSpeechRecognition.name
    : undefined
}

/** What a text model does by the name of its architecture; undefined when no text task of this engine does it. */
export function taskOf({ architectures, id2label, num_labels }: Config): TaskName | undefined {
  const architecture = architectures?.[0] ?? ''
  if (/(?:ForCausalLM|LMHeadModel)$/.test(architecture)) return textGeneration.name
  if (architecture.endsWith('ForSequenceClassification')) {
    // One score for a pair of texts; several are classes.
    return (num_labels ?? Object.keys(id2label ?? {}).length) === 1 ? textRanking.name : undefined
  }
  return /(?<!For\w*)Model$/.test(architecture) ? featureExtraction.name : undefined
}

/** @throws {LumosError} `MODEL_INVALID` for a way that this engine does not know. */
export function poolingOf(config: z.infer<typeof PoolingConfig> | undefined): Pooling {
  if (config === undefined || config.pooling_mode_mean_tokens) return 'mean'
  if (config.pooling_mode_cls_token) return 'cls'
  if (config.pooling_mode_lasttoken) return 'last'
  throw invalid('1_Pooling/config.json: of the ways to pool, mean, cls and last token are known')
}

/** The smallest bound that the files state. */
export function contextOf(
  config: Config,
  tokenizer: z.infer<typeof TokenizerConfig> | undefined
): number | undefined {
  const ofModel = config.max_position_embeddings ?? config.n_positions ?? config.n_ctx
  const stated = [ofModel, tokenizer?.model_max_length].filter(tokens => typeof tokens === 'number')
  return stated.length === 0 ? undefined : Math.min(...stated)
}
