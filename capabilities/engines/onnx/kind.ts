/** ONNX graphs that a `model_info.json` describes and no other kind takes, in a process of their own, loaded on first use. */

import { join, relative } from 'node:path'
import { ONNX_ENGINE } from '../../entries.ts'
import { EngineHost } from '../../host/engine-host.ts'
import type { EngineKind, FoundModel, ModelDirectory } from '../../models/found-model.ts'
import { fileIn } from '../../models/model-paths.ts'
import { MODEL_INFO } from '../../models/strays.ts'
import { threadsMost } from '../threads-core.ts'
import { describedIn } from './described.ts'
import type { ModelSettings, OnnxSettings } from './engine.ts'

/** Requests that are run together. Of lines and faces there are fewer, because a whole picture is held for each: 200 MB at most. */
const BATCH_SLOTS: Partial<Record<ModelSettings['form'], number>> = {
  ...{ classifier: 32, clip: 32 },
  ...{ reader: 4, faces: 4 }
}
/** Of any other: a run occupies the process it runs in, so a second one could only wait there. */
const RUN_SLOTS = 1

type Found = Pick<OnnxSettings, 'graphs' | 'files' | 'model'>

export const onnx: EngineKind = {
  name: 'onnx',

  async find({ own, folder, description, entries }: ModelDirectory): Promise<readonly FoundModel[]> {
    if (description === undefined) return []
    const { tasks, graphs, files, settings } = describedIn(description, entries)
    const paths = new Map<string, string>()
    for (const file of [...Object.values(graphs), ...files]) {
      paths.set(file, await fileIn(own, file, folder))
    }
    const place = (file: string) => relative(folder, paths.get(file)!)
    const stated = [...paths.keys()].filter(file => Object.hasOwn(description.sha256, file))
    const found: Found = {
      graphs: Object.fromEntries(Object.entries(graphs).map(([role, file]) => [role, place(file)])),
      files: files.map(place),
      model: settings(place)
    }
    return [
      {
        ...{ id: description.name, engine: 'onnx', tasks, folder },
        hashes: Object.fromEntries(stated.map(file => [place(file), description.sha256[file]!])),
        parts: [join(own, MODEL_INFO), ...paths.values()],
        settings: found
      }
    ]
  },

  serve({ id, tasks, folder, hashes, stored, settings }, { cores, batch, ...host }) {
    const threads = threadsMost(cores)
    const { model, ...found } = settings as Found
    const slots = BATCH_SLOTS[model.form] ?? RUN_SLOTS
    const own = slots > 1 && batch !== undefined ? ({ ...model, batch } as ModelSettings) : model
    const all: OnnxSettings = { ...found, model: own, hashes, stored, threads }
    const engine = new EngineHost({ name: id, module: ONNX_ENGINE, settings: all, folder }, host)
    return { id, tasks, slots, engine }
  }
}
