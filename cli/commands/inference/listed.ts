/** The models that write text, and the one that a conversation is with where none is named. */

import { LumosError } from '../../../interface/errors.ts'
import { textGeneration } from '../../../interface/tasks/text-generation.ts'
import type { NodeClient } from '../../client.ts'
import { shellWord } from '../../shell-word.ts'

export interface ListedModel {
  readonly id: string
  readonly ready: boolean
  /** Whether what it is asked goes to a server outside of the mesh. */
  readonly leaves_mesh: boolean
  readonly devices: readonly string[]
}

export async function writers(node: NodeClient): Promise<readonly ListedModel[]> {
  const wanted = { type: textGeneration.name }
  return (await node.execute<{ models: ListedModel[] }>('inference.models', wanted)).data.models
}

/**
 * One that is loaded already, else any. None that leaves the mesh: a person names that.
 *
 * @throws {LumosError} `NO_PROVIDER`
 */
export function firstModel(models: readonly ListedModel[]): ListedModel {
  const inside = models.filter(one => !one.leaves_mesh)
  const model = inside.find(({ ready }) => ready) ?? inside[0]
  if (model !== undefined) return model
  const [outside] = models
  if (outside === undefined) {
    throw new LumosError('NO_PROVIDER', 'No device offers a model that writes text.', {
      hint: 'See what there is: lumos-node models'
    })
  }
  throw new LumosError('NO_PROVIDER', 'Only servers outside of the mesh offer a model that writes text.', {
    hint: `What you write goes there once you name one: lumos-node chat ${shellWord(outside.id)}`
  })
}
