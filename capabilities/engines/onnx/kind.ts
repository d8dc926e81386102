/** ONNX graphs that a `model_info.json` describes and no other kind takes, in a process of their own, loaded on first use. */

import { join, relative } from 'node:path'
import { ONNX_ENGINE } from '../../entries.ts'
import { EngineHost } from '../../host/engine-host.ts'
import type { EngineKind, FoundModel, ModelDirectory } from '../../models/found-model.ts'
import { fileIn } from '../../models/model-paths.ts'
import { MODEL_INFO } from '../../models/strays.ts'
import type { OnnxSettings } from './engine.ts'
import { layoutOf } from './layout.ts'

/** A run occupies the process it runs in, so a second one could only wait there. */
const ONNX_SLOTS = 1
/** More threads than this seldom make a graph of a private mesh faster. */
const THREADS_MAX = 8

type Found = Pick<OnnxSettings, 'graphs' | 'files' | 'model'>

export const onnx: EngineKind = {
  name: 'onnx',

  async find({ own, folder, description }: ModelDirectory): Promise<readonly FoundModel[]> {
    if (description === undefined) return []
    const { tasks, graphs, files, model } = layoutOf(description)

    const paths = new Map<string, string>()
    for (const file of description.runtimes.onnx!.files) paths.set(file, await fileIn(own, file, folder))
    const placeOf = (file: string): string => relative(folder, paths.get(file)!)
    const hashed = [...paths.keys()].filter(file => Object.hasOwn(description.sha256, file))
    const settings: Found = {
      graphs: Object.fromEntries(Object.entries(graphs).map(([part, file]) => [part, placeOf(file)])),
      files: files.map(placeOf),
      model: 'keys' in model ? { ...model, keys: placeOf(model.keys) } : model
    }
    return [
      {
        id: description.name,
        engine: 'onnx',
        tasks,
        folder,
        hashes: Object.fromEntries(hashed.map(file => [placeOf(file), description.sha256[file]!])),
        parts: [join(own, MODEL_INFO), ...paths.values()],
        settings
      }
    ]
  },

  serve({ id, tasks, folder, hashes, settings }, { cores, ...host }) {
    const threads = Math.max(1, Math.min(cores - 1, THREADS_MAX))
    const all: OnnxSettings = { ...(settings as Found), hashes, threads }
    const engine = new EngineHost({ name: id, module: ONNX_ENGINE, settings: all, folder }, host)
    return { id, tasks, slots: ONNX_SLOTS, engine }
  }
}
