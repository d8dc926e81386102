/** What a `model_info.json` says of ONNX graphs: which form of model they are together, and which tasks that does. */

import { basename } from 'node:path'
import { featureExtraction } from '../../../interface/tasks/feature-extraction.ts'
import { imageClassification } from '../../../interface/tasks/image-classification.ts'
import { imageFeatureExtraction } from '../../../interface/tasks/image-feature-extraction.ts'
import { objectDetection } from '../../../interface/tasks/object-detection.ts'
import { tensor } from '../../../interface/tasks/tensor.ts'
import { voiceActivityDetection } from '../../../interface/tasks/voice-activity-detection.ts'
import { zeroShotImageClassification } from '../../../interface/tasks/zero-shot-image-classification.ts'
import { invalid, type ModelDescription } from '../../models/description.ts'
import type { ModelSettings } from './engine.ts'
import type { ImageSettings } from './image.ts'
import { type Described, severalIn } from './several.ts'
import type { VoiceSettings } from './voice.ts'

const CLIP = 'clip'
/** What a model keeps from window to window: those of today keep 256. */
const STATE_NUMBERS_MAX = 65_536
const TOKENIZER = 'tokenizer.json'
const TOKENIZER_CONFIG = 'tokenizer_config.json'

/**
 * @param entries names of what lies in the folder.
 * @throws {LumosError} `MODEL_INVALID`, saying what is missing.
 */
export function describedIn(description: ModelDescription, entries: readonly string[]): Described {
  const several = severalIn(description)
  if (several !== undefined) return several
  const { onnx } = description.runtimes
  const graphs = onnx?.available ? onnx.files.filter(file => file.endsWith('.onnx')) : []
  const vision = graphs.find(hasRole('vision'))
  if (description.model_type === CLIP && vision !== undefined) return clip(description, graphs, entries)
  const other = (['torch', 'rknn', 'external'] as const).find(name => description.runtimes[name]?.available)
  if (graphs.length === 0 && other !== undefined)
    throw invalid(`it is for ${other}, and no program of engines.external in the settings opens it`)
  if (graphs.length !== 1) throw invalid(`one ONNX graph is needed, and ${graphs.length} are listed`)
  const others = onnx!.files.filter(file => file !== graphs[0])
  const one = { graphs: { graph: graphs[0]! }, files: others }
  switch (description.task) {
    case imageClassification.name:
      return {
        ...one,
        tasks: [imageClassification.name, tensor.name],
        settings: () => classifier(description)
      }
    case objectDetection.name:
      return { ...one, tasks: [objectDetection.name, tensor.name], settings: () => detector(description) }
    case voiceActivityDetection.name:
      return { ...one, tasks: [voiceActivityDetection.name, tensor.name], settings: () => voice(description) }
    default:
      return { ...one, tasks: [tensor.name], settings: () => ({ form: 'graph' }) }
  }
}

/** Such as `onnx/vision.onnx`. */
const hasRole = (role: string) => (file: string) => basename(file, '.onnx').startsWith(role)

function clip(
  description: ModelDescription,
  graphs: readonly string[],
  entries: readonly string[]
): Described {
  const vision = graphs.find(hasRole('vision'))!
  const text = graphs.find(hasRole('text'))
  const readsTexts = text !== undefined && entries.includes(TOKENIZER)
  const hasSets = Object.keys(description.datasets).length > 0
  const tokenizers = [TOKENIZER, TOKENIZER_CONFIG].filter(name => readsTexts && entries.includes(name))
  const { prompt, logit_scale: logitScale, max_tokens: maxTokens } = description.clip
  const image = description.preprocessing && imageSettings(description)
  return {
    tasks: [
      ...(readsTexts || hasSets ? [zeroShotImageClassification.name] : []),
      imageFeatureExtraction.name,
      ...(readsTexts ? [featureExtraction.name] : [])
    ],
    graphs: { vision, ...(readsTexts && { text }) },
    files: [...tokenizers, ...Object.values(description.datasets)],
    settings: place => ({
      ...{ form: CLIP, image, prompt, logitScale },
      datasets: Object.fromEntries(
        Object.entries(description.datasets).map(([name, file]) => [name, place(file)])
      ),
      ...(readsTexts && {
        text: {
          tokenizer: place(TOKENIZER),
          ...(tokenizers.length > 1 && { tokenizerConfig: place(TOKENIZER_CONFIG) }),
          maxTokens
        }
      })
    })
  }
}

function classifier(description: ModelDescription): ModelSettings {
  const { inputs, outputs, labels } = description
  if (inputs.length !== 1 || outputs.length === 0 || labels === undefined) {
    throw invalid('image-classification needs one input, an output, labels and preprocessing')
  }
  const [input, output] = [inputs[0]!.name, outputs[0]!.name]
  return { form: 'classifier', input, output, labels, image: imageSettings(description) }
}

function detector(description: ModelDescription): ModelSettings {
  const { inputs, outputs, labels, detection } = description
  const outputsMin = detection?.form === 'detr' ? 2 : 1
  if (inputs.length !== 1 || labels === undefined || detection === undefined || outputs.length < outputsMin) {
    throw invalid('object-detection needs one input, its outputs, labels, preprocessing and detection')
  }
  return {
    ...{ form: 'detector', decoding: detection.form, overlap: detection.overlap, labels },
    input: inputs[0]!.name,
    outputs: outputs.slice(0, outputsMin).map(({ name }) => name),
    image: imageSettings(description)
  }
}

/** The first input takes samples, one of whole numbers their rate, and each other one what an output said of the window before. */
function voice({ inputs, outputs, voice_activity: how }: ModelDescription): VoiceSettings {
  const [samples, ...more] = inputs
  const [probability, ...said] = outputs
  const kept = more.filter(({ type }) => type === 'float32')
  const rates = more.filter(({ type }) => type === 'int64')
  const isWhole =
    kept.length === said.length && rates.length <= 1 && kept.length + rates.length === more.length
  if (samples === undefined || probability === undefined || how === undefined || !isWhole) {
    throw invalid(
      'voice-activity-detection needs samples, an output, voice_activity, and an output for each state'
    )
  }
  return {
    ...{ form: 'voice', input: samples.name, output: probability.name },
    inputs: inputs.map(({ name }) => name),
    ...{ rate: how.sample_rate, window: how.window, context: how.context },
    ...(rates.length > 0 && { rateInput: rates[0]!.name }),
    states: kept.map(({ name, shape }, at) => ({
      input: name,
      output: said[at]!.name,
      dims: sizesOf(name, shape)
    }))
  }
}

/** One recording at a time: a size without a number is one. */
function sizesOf(name: string, shape: readonly (number | string)[]): number[] {
  const sizes = shape.map(size => (typeof size === 'number' && size > 0 ? size : 1))
  if (sizes.reduce((product, size) => product * size, 1) <= STATE_NUMBERS_MAX) return sizes
  throw invalid(`the state ${name} holds more than ${STATE_NUMBERS_MAX} numbers`)
}

function imageSettings({ task, preprocessing }: ModelDescription): ImageSettings {
  if (preprocessing === undefined) throw invalid(`${task} needs preprocessing`)
  const channels = preprocessing.color === 'gray' ? 1 : 3
  const mean = preprocessing.mean ?? Array<number>(channels).fill(0)
  const std = preprocessing.std ?? Array<number>(channels).fill(1)
  if (mean.length !== channels || std.length !== channels || std.includes(0)) {
    throw invalid(`preprocessing: mean and std need ${channels} values each, and no std of 0`)
  }
  const { resample: kernel, ...rest } = preprocessing
  return { ...rest, kernel, mean, std }
}
