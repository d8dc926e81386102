/**
 * Adapters: small repositories that change how another model answers, and name that model, their base. Each is served
 * as a model of its own, under its own name, once its base is here.
 */

import * as z from 'zod'
import type { LeftOut } from '../../interface/node.ts'
import { closestNames } from '../../interface/suggest.ts'
import { invalid } from './description.ts'
import type { FoundModel } from './found-model.ts'
import { readJson } from './json-file.ts'
import { fileIn } from './model-paths.ts'

/** As PEFT writes it beside an adapter. */
export const ADAPTER_CONFIG = 'adapter_config.json'

const AdapterConfig = z.object({
  /** A CID, or the name of a model of this device. */
  base_model_name_or_path: z.string().min(1).max(512),
  peft_type: z.literal('LORA', { error: 'only LORA is known here' }).default('LORA')
})

/**
 * What the adapter in a folder is made for: its base, and the real path of the file that names it.
 *
 * @throws {LumosError} `MODEL_INVALID`, saying what is wrong.
 */
export async function baseNamedIn(folder: string, root: string): Promise<{ base: string; path: string }> {
  const path = await fileIn(folder, ADAPTER_CONFIG, root)
  const { base_model_name_or_path: base } = await readJson(path, ADAPTER_CONFIG, AdapterConfig)
  return { base, path }
}

/** A model that can be a base, and the CID of its repository where it has one. */
export interface Base {
  readonly model: FoundModel
  readonly cid: string | undefined
}

export type Adapt = (adapter: FoundModel, base: FoundModel) => FoundModel

export class Adapters {
  readonly #adapt: Adapt
  /** What each became, so that the same one is the same model. */
  readonly #known = new WeakMap<FoundModel, { readonly base: FoundModel; readonly adapted: FoundModel }>()

  constructor(adapt: Adapt) {
    this.#adapt = adapt
  }

  /** @throws {LumosError} `MODEL_INVALID` where its base is not here, or takes no adapter of its kind. */
  adapted(adapter: FoundModel, bases: readonly Base[]): FoundModel {
    const wanted = adapter.base!
    const base = bases.find(
      ({ model, cid }) => cid === wanted || model.id === wanted || model.aliases?.includes(wanted)
    )?.model
    if (base === undefined) {
      const closest = closestNames(
        wanted,
        bases.map(({ model }) => model.id)
      )
      const hint = closest.length > 0 ? `; closest: ${closest.join(', ')}` : ''
      throw invalid(`it is an adapter of ${wanted}, which this device does not serve${hint}`)
    }
    const known = this.#known.get(adapter)
    if (known?.base === base) return known.adapted
    if (base.engine !== adapter.engine)
      throw invalid(`it is an adapter for ${adapter.engine}, and ${base.id} is opened by ${base.engine}`)
    const adapted = { ...this.#adapt(adapter, base), base: base.id, format: 'adapter' }
    this.#known.set(adapter, { base, adapted })
    return adapted
  }
}

export const refused = (place: string, model: string, reason: string): LeftOut => ({
  place,
  model,
  code: 'MODEL_INVALID',
  reason
})
