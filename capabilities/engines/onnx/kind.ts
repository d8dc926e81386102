/** Any ONNX graph that a `model_info.json` describes and no other kind takes, in a process of its own, loaded on first use. */

import { join, relative } from 'node:path'
import { imageClassification } from '../../../interface/tasks/image-classification.ts'
import { tensor } from '../../../interface/tasks/tensor.ts'
import { ONNX_ENGINE } from '../../entries.ts'
import { EngineHost } from '../../host/engine-host.ts'
import { invalid, type ModelDescription } from '../../models/description.ts'
import type { EngineKind, FoundModel, ModelDirectory } from '../../models/found-model.ts'
import { fileIn } from '../../models/model-paths.ts'
import { MODEL_INFO } from '../../models/strays.ts'
import type { OnnxSettings } from './engine.ts'
import type { ImageSettings } from './image.ts'

/** A run occupies the process it runs in, so a second one could only wait there. */
const ONNX_SLOTS = 1
/** More threads than this seldom make a graph of a private mesh faster. */
const THREADS_MAX = 8

export const onnx: EngineKind = {
  name: 'onnx',

  async find({ own, folder, description }: ModelDirectory): Promise<readonly FoundModel[]> {
    if (description === undefined) return []
    const { onnx } = description.runtimes
    const graphs = onnx?.available ? onnx.files.filter(file => file.endsWith('.onnx')) : []
    if (graphs.length !== 1) throw invalid(`one ONNX graph is needed, and ${graphs.length} are listed`)

    const image = imageSettings(description)
    const parts = [join(own, MODEL_INFO)]
    const hashes: [file: string, hash: string][] = []
    for (const file of onnx!.files) {
      const path = await fileIn(own, file, folder)
      parts.push(path)
      if (Object.hasOwn(description.sha256, file))
        hashes.push([relative(folder, path), description.sha256[file]!])
    }
    return [
      {
        id: description.name,
        engine: 'onnx',
        tasks: image === undefined ? [tensor.name] : [imageClassification.name, tensor.name],
        folder,
        hashes: Object.fromEntries(hashes),
        parts,
        settings: { file: relative(folder, await fileIn(own, graphs[0]!, folder)), image }
      }
    ]
  },

  serve({ id, tasks, folder, hashes, settings }, { cores, ...host }) {
    const threads = Math.max(1, Math.min(cores - 1, THREADS_MAX))
    const all: OnnxSettings = { ...(settings as Pick<OnnxSettings, 'file' | 'image'>), hashes, threads }
    const engine = new EngineHost({ name: id, module: ONNX_ENGINE, settings: all, folder }, host)
    return { id, tasks, slots: ONNX_SLOTS, engine }
  }
}

/** What the engine needs to classify pictures, when that is the model's task. */
function imageSettings(description: ModelDescription): ImageSettings | undefined {
  const { task, inputs, outputs, labels, preprocessing } = description
  if (task !== imageClassification.name) return undefined
  if (inputs.length !== 1 || outputs.length === 0 || labels === undefined || preprocessing === undefined) {
    throw invalid('image-classification needs one input, an output, labels and preprocessing')
  }

  const channels = preprocessing.color === 'gray' ? 1 : 3
  const mean = preprocessing.mean ?? Array<number>(channels).fill(0)
  const std = preprocessing.std ?? Array<number>(channels).fill(1)
  if (mean.length !== channels || std.length !== channels || std.includes(0)) {
    throw invalid(`preprocessing: mean and std need ${channels} values each, and no std of 0`)
  }
  return { ...preprocessing, mean, std, labels, input: inputs[0]!.name, output: outputs[0]!.name }
}
