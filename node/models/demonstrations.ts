/** The models that ship with the node are for its own programs. */

import type { Registry } from '../../capabilities/index.ts'
import { InvalidInputError } from '../../interface/errors.ts'
import type { DataDir } from '../../storage/home/data-dir.ts'

interface Own {
  readonly registry: Pick<Registry, 'modelCalled'>
  readonly home: Pick<DataDir, 'modelsDir'>
}

/** @throws {LumosError} `MODEL_NOT_FOUND`; `INVALID_INPUT` for a model that no other device may be offered. */
export function mustBeOfferable({ registry, home }: Own, model: string): void {
  if (!registry.modelCalled(model).demonstration) return
  throw new InvalidInputError(
    `"${model}" ships with the node as a demonstration, and is offered to no device.`,
    { hint: `To offer it, copy its folder into ${home.modelsDir}.` }
  )
}
