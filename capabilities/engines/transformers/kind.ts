/** Models in the form in which Hugging Face keeps them for transformers.js: a folder of JSON files, and ONNX graphs. */

import { lstat, readdir } from 'node:fs/promises'
import { basename, join, relative } from 'node:path'
import { ModelId } from '../../../interface/names.ts'
import { featureExtraction } from '../../../interface/tasks/feature-extraction.ts'
import type { TaskName } from '../../../interface/tasks/index.ts'
import { textGeneration } from '../../../interface/tasks/text-generation.ts'
import { textRanking } from '../../../interface/tasks/text-ranking.ts'
import { TRANSFORMERS_ENGINE } from '../../entries.ts'
import { EngineHost } from '../../host/engine-host.ts'
import { invalid } from '../../models/description.ts'
import type { EngineKind, FoundModel, ModelDirectory } from '../../models/found-model.ts'
import { readJson } from '../../models/json-file.ts'
import { fileIn } from '../../models/model-paths.ts'
import { MODEL_INFO } from '../../models/strays.ts'
import { threadsMost } from '../threads-core.ts'
import type { TransformersSettings } from './engine.ts'
import { mediaModelIn } from './media-kind.ts'
import {
  Config,
  contextOf,
  PoolingConfig,
  poolingOf,
  speechTaskOf,
  TokenizerConfig,
  taskOf,
  visionTaskOf
} from './repository.ts'
import { chooseWeights } from './weights.ts'

/** Conversations take turns token by token: each stays alive, and more of them would only make all slow. */
const CHAT_SLOTS = 4
/** The texts of so many requests are run together. */
const BATCH_SLOTS = 32
/** Of models that see: a run occupies the process, so a second request could only wait there. */
const RUN_SLOTS = 1
const SLOTS: Partial<Record<TaskName, number>> = {
  [textGeneration.name]: CHAT_SLOTS,
  [featureExtraction.name]: BATCH_SLOTS,
  [textRanking.name]: BATCH_SLOTS
}
const CONFIG = 'config.json'
const POOLING = '1_Pooling/config.json'
const NEEDED = [CONFIG, 'tokenizer.json', 'tokenizer_config.json']
/** Newer repositories keep the template out of `tokenizer_config.json`. */
const TEMPLATE = 'chat_template.jinja'
const OPTIONAL = ['generation_config.json', POOLING, TEMPLATE]
const UNOPENED = /\.(?:safetensors|bin|pt|pth|ckpt|msgpack|h5)$/i

export const transformers: EngineKind = {
  name: 'transformers',

  async find(directory: ModelDirectory): Promise<readonly FoundModel[]> {
    const { own, folder, entries, description } = directory
    // In the layout of lumen-resources the same graphs have other names, and their engine is another one.
    if (description?.runtimes.onnx?.files.some(file => file === 'onnx/vision.onnx')) return []
    if (!entries.includes(CONFIG) || entries.some(name => name.toLowerCase().endsWith('.gguf'))) return []
    const read = <S extends Parameters<typeof readJson>[2]>(name: string, schema: S) =>
      fileIn(own, name, folder).then(path => readJson(path, name, schema))

    const config = await read(CONFIG, Config)
    const media = speechTaskOf(config) ?? visionTaskOf(config, isSeeing(directory))
    if (media !== undefined && (description?.task ?? media) === media) {
      return [await mediaModelIn(directory, { id: idOf(directory), task: media, config })]
    }
    const pools = entries.includes('1_Pooling')
    const task = (description?.task ?? (pools ? featureExtraction.name : taskOf(config))) as
      | TaskName
      | undefined
    if (task === undefined || !Object.hasOwn(SLOTS, task)) {
      if (description !== undefined) return []
      throw invalid(
        `${CONFIG}: no engine of this node serves ${config.architectures?.[0] ?? 'a model without architectures'}`
      )
    }

    const files = await filesOf(directory)
    const { dtype, graph, names } = await weightsOf(directory)
    const all = [...files, ...names]
    const parts = await Promise.all(all.map(name => fileIn(own, name, folder)))
    const hashes = Object.fromEntries(
      all.flatMap((name, at) =>
        Object.hasOwn(description?.sha256 ?? {}, name)
          ? [[relative(folder, parts[at]!), description!.sha256[name]!]]
          : []
      )
    )
    const contextTokens = contextOf(config, await read('tokenizer_config.json', TokenizerConfig))
    const pooling = pools ? poolingOf(await read(POOLING, PoolingConfig)) : poolingOf(undefined)
    return [
      {
        id: idOf(directory),
        engine: 'transformers',
        tasks: [task],
        folder,
        hashes,
        parts: description === undefined ? parts : [join(own, MODEL_INFO), ...parts],
        ...(contextTokens !== undefined && { contextTokens }),
        settings: {
          ...{ task, dtype, graph, contextTokens, pooling },
          directory: relative(folder, own),
          files: parts.map(path => relative(folder, path)),
          graphFile: relative(folder, parts[files.length]!),
          dataFiles: names.length - 1,
          ...(files.includes(TEMPLATE) && { template: join(relative(folder, own), TEMPLATE) })
        }
      }
    ]
  },

  serve({ id, tasks, folder, hashes, stored, contextTokens, settings }, { cores, batch, ...host }) {
    const threads = threadsMost(cores)
    const own = { hashes, stored, threads, batch }
    const all: TransformersSettings = { ...(settings as TransformersSettings), ...own }
    const engine = new EngineHost({ name: id, module: TRANSFORMERS_ENGINE, settings: all, folder }, host)
    const slots = SLOTS[tasks[0]!] ?? RUN_SLOTS
    return { id, tasks, slots, engine, resumes: true, ...(contextTokens !== undefined && { contextTokens }) }
  }
}

/** Whether it is said how pictures are prepared, and not how texts are read. */
const isSeeing = ({ entries }: ModelDirectory): boolean =>
  entries.includes('preprocessor_config.json') && !entries.includes('tokenizer.json')

/** The name that a hub gave the repository, such as `owner/name`; else that of its folder. */
function idOf({ description, own, folder, name }: ModelDirectory): string {
  const hub = own === folder ? undefined : /^models--(.+)$/.exec(basename(folder))?.[1]
  const id = description?.name ?? hub?.replace('--', '/') ?? name
  if (!ModelId.safeParse(id).success) throw invalid(`the folder's name "${id}" cannot be the id of a model`)
  return id
}

/** Files beside the weights, relative to the folder of the model. */
async function filesOf({ own, entries }: ModelDirectory): Promise<string[]> {
  const missing = NEEDED.find(name => !entries.includes(name))
  if (missing !== undefined) throw invalid(`the file ${missing} is missing`)
  const optional = await Promise.all(
    OPTIONAL.map(name =>
      lstat(join(own, name)).then(
        () => [name],
        () => []
      )
    )
  )
  return [...NEEDED, ...optional.flat()]
}

async function weightsOf({ own, entries, description }: ModelDirectory) {
  if (!entries.includes('onnx')) {
    const unopened = entries.find(name => UNOPENED.test(name))
    throw invalid(
      unopened === undefined
        ? "the folder onnx with the model's graph is missing"
        : `its weights are ${unopened}, and an ONNX export of them is needed: onnx/model.onnx`
    )
  }
  const listed = description?.runtimes.onnx?.files.map(file => file.replace(/^onnx\//, ''))
  const present = await readdir(join(own, 'onnx'))
  const weights = chooseWeights(listed?.some(file => file.endsWith('.onnx')) ? listed : present)
  for (const file of weights.files.slice(1)) {
    // The runtime resolves no link to the weights of a graph, and its own words for that are of folders.
    const isLink = await lstat(join(own, 'onnx', file)).then(
      stats => stats.isSymbolicLink(),
      () => false
    )
    if (isLink)
      throw invalid(
        `onnx/${file} is a link, and the runtime opens such weights only as files: copy them (cp -rL)`
      )
  }
  return { ...weights, names: weights.files.map(file => `onnx/${file}`) }
}
