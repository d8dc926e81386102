/** LoRA adapters in GGUF: found beside the file that names their base, and put together with it. */

import { baseNamedIn } from '../../models/adapters.ts'
import { invalid } from '../../models/description.ts'
import type { FoundModel } from '../../models/found-model.ts'
import { fileIn } from '../../models/model-paths.ts'
import { readGguf } from './gguf.ts'
import { adapterOf } from './gguf-facts.ts'
import type { Variant } from './gguf-names.ts'

/** Of an adapter, before its base is known. */
interface AdapterSettings {
  readonly architecture: string
  /** Real path. */
  readonly file: string
}

/** The adapter that these files are; undefined where they are none. Of several sizes it is the first. */
export async function adapterIn(
  { path, root }: { readonly path: string; readonly root: string },
  [variant]: readonly Variant[]
): Promise<Omit<FoundModel, 'id' | 'engine'> | undefined> {
  const [name] = variant?.files ?? []
  if (name === undefined) return undefined
  const file = await fileIn(path, name, root)
  // What is wrong with a file is said where it is opened as a model.
  const adapter = await readGguf(file).then(adapterOf, () => undefined)
  if (adapter === undefined) return undefined
  const { base, path: config } = await baseNamedIn(path, root)
  const settings: AdapterSettings = { ...adapter, file }
  return { base, tasks: ['text-generation'], folder: root, hashes: {}, parts: [file, config], settings }
}

/** @throws {LumosError} `MODEL_INVALID` where both are of different architectures. */
export function withAdapter(adapter: FoundModel, base: FoundModel): FoundModel {
  const { architecture, file } = adapter.settings as AdapterSettings
  const settings = base.settings as { readonly architecture: string }
  if (architecture !== settings.architecture)
    throw invalid(`it is an adapter for ${architecture}, and ${base.id} is ${settings.architecture}`)
  return {
    ...base,
    id: adapter.id,
    aliases: [],
    parts: [...base.parts, ...adapter.parts],
    fileBytes: (base.fileBytes ?? 0) + (adapter.fileBytes ?? 0),
    settings: { ...settings, adapter: file }
  }
}
