/** Models of pictures and of speech, in the form in which Hugging Face keeps them for transformers.js. */

import { readdir } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { automaticSpeechRecognition } from '../../../interface/tasks/automatic-speech-recognition.ts'
import { featureExtraction } from '../../../interface/tasks/feature-extraction.ts'
import { imageFeatureExtraction } from '../../../interface/tasks/image-feature-extraction.ts'
import { imageToText } from '../../../interface/tasks/image-to-text.ts'
import type { TaskName } from '../../../interface/tasks/index.ts'
import { textToSpeech } from '../../../interface/tasks/text-to-speech.ts'
import { zeroShotImageClassification } from '../../../interface/tasks/zero-shot-image-classification.ts'
import { invalid } from '../../models/description.ts'
import type { FoundModel, ModelDirectory } from '../../models/found-model.ts'
import { readJson } from '../../models/json-file.ts'
import { fileIn } from '../../models/model-paths.ts'
import { MODEL_INFO } from '../../models/strays.ts'
import type { MediaSettings } from './media.ts'
import { type Config, contextOf, PreprocessorConfig, TokenizerConfig } from './repository.ts'
import { type Weights, weightsOf } from './weights.ts'

const PREPROCESSOR = 'preprocessor_config.json'
const GENERATION = 'generation_config.json'
const TOKENIZER = ['tokenizer.json', 'tokenizer_config.json']
/** What a model is made of where it is more than one graph. */
const GRAPHS: Partial<Record<TaskName, readonly string[]>> = {
  [zeroShotImageClassification.name]: ['vision_model', 'text_model'],
  [imageToText.name]: ['encoder_model', 'decoder_model_merged']
}
const SPEECH: readonly TaskName[] = [automaticSpeechRecognition.name, textToSpeech.name]
/** Tasks whose models read texts, or write them. */
const WORDS: readonly string[] = [...Object.keys(GRAPHS), ...SPEECH]
/** CLIP was trained so; its files do not say. */
const LOGIT_SCALE = 100
const PROMPT = 'a photo of a {}'

type Found = Omit<MediaSettings, 'hashes' | 'stored' | 'threads'>

/** @throws {LumosError} `MODEL_INVALID`, saying what is missing. */
export async function mediaModelIn(
  { own, folder, entries, description }: ModelDirectory,
  { id, task, config }: { readonly id: string; readonly task: TaskName; readonly config: Config }
): Promise<FoundModel> {
  const readsTexts = WORDS.includes(task)
  const takesMedia = task !== textToSpeech.name
  const needed = ['config.json', ...(takesMedia ? [PREPROCESSOR] : []), ...(readsTexts ? TOKENIZER : [])]
  const missing = needed.find(name => !entries.includes(name))
  if (missing !== undefined) throw invalid(`the file ${missing} is missing`)
  const preprocessor = takesMedia
    ? await readJson(await fileIn(own, PREPROCESSOR, folder), PREPROCESSOR, PreprocessorConfig)
    : undefined
  const weights = await weightsIn(own, entries, GRAPHS[task] ?? ['model'])
  const names = [
    ...needed,
    ...(entries.includes(GENERATION) ? [GENERATION] : []),
    ...weights.flatMap(({ files }) => files.map(file => `onnx/${file}`))
  ]
  const parts = await Promise.all(names.map(name => fileIn(own, name, folder)))
  const files = parts.map(path => relative(folder, path))
  const tokenizer = readsTexts
    ? await readJson(await fileIn(own, TOKENIZER[1]!, folder), TOKENIZER[1]!, TokenizerConfig)
    : undefined
  const stated = names.flatMap((name, at) => {
    const hash = Object.hasOwn(description?.sha256 ?? {}, name) ? description!.sha256[name] : undefined
    return hash === undefined ? [] : [[files[at]!, hash] as const]
  })
  const settings: Found = {
    ...{ task, files, graphFile: files[names.indexOf(`onnx/${weights[0]!.files[0]}`)]! },
    directory: relative(folder, own),
    graphs: Object.fromEntries(
      weights.map(({ graph, dtype, files }) => [graph, { dtype, dataFiles: files.length - 1 }])
    ),
    contextTokens: contextOf(config, tokenizer),
    ...(SPEECH.includes(task) && { sampleRate: sampleRateOf(config, preprocessor) }),
    labels: { prompt: PROMPT, logitScale: LOGIT_SCALE, datasets: {} }
  }
  return {
    ...{ id, engine: 'transformers', tasks: tasksOf(task), folder, settings },
    hashes: Object.fromEntries(stated),
    parts: description === undefined ? parts : [join(own, MODEL_INFO), ...parts]
  }
}

/** Samples a second that the model takes, or gives. */
function sampleRateOf(config: Config, preprocessor: { sampling_rate?: number | null } | undefined): number {
  const rate = preprocessor === undefined ? config.sampling_rate : preprocessor.sampling_rate
  if (typeof rate === 'number') return rate
  throw invalid(`${preprocessor === undefined ? 'config.json' : PREPROCESSOR}: sampling_rate is missing`)
}

/** A model that compares pictures with texts gives the vectors of both. */
const tasksOf = (task: TaskName): TaskName[] =>
  task === zeroShotImageClassification.name
    ? [task, imageFeatureExtraction.name, featureExtraction.name]
    : [task]

async function weightsIn(
  own: string,
  entries: readonly string[],
  graphs: readonly string[]
): Promise<Weights[]> {
  const present = entries.includes('onnx') ? await readdir(join(own, 'onnx')) : []
  return graphs.map(graph => {
    const weights = weightsOf(graph, present)
    if (weights === undefined) throw invalid(`the graph onnx/${graph}.onnx is missing`)
    return weights
  })
}
