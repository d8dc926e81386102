/** Which model another program is led to. */

import { LumosError } from '../../../interface/errors.ts'
import type { SnakeCase } from '../../../interface/snake-case.ts'
import type { ModelList } from '../../../units/model.ts'

type Listed = SnakeCase<ModelList>['items'][number]

/** Of one that a program chats with. */
export interface ChosenModel {
  readonly id: string
  /** Tokens of a prompt and its answer together, where a device states them. */
  readonly contextTokens: number | undefined
  /** Whether a device that has it says that it takes pictures. */
  readonly takesImages: boolean
  readonly leavesMesh: boolean
}

/** Agents begin with thousands of tokens, and read whole files. */
export const AGENT_TOKENS_MIN = 16_384

/**
 * The one that was named, which may come to the mesh later. Else the largest that has room for an agent, and of the others
 * the largest. One that leaves the mesh is taken when it is named.
 *
 * @param items the models that write text.
 * @throws {LumosError} `MODEL_NOT_FOUND`
 */
export function modelFor(items: readonly Listed[], named: string | undefined): ChosenModel {
  if (named !== undefined)
    return factsOf(
      named,
      items.filter(({ id }) => id === named)
    )
  const inside = items.filter(({ providers }) => !providers.some(one => one.leaves_mesh))
  const [best] = inside
    .map(item => ({ ...factsOf(item.id, [item]), size: item.size ?? 0 }))
    .sort((a, b) => Number(hasRoom(b)) - Number(hasRoom(a)) || b.size - a.size)
  if (best !== undefined) return best
  if (items[0] !== undefined) {
    throw new LumosError(
      'MODEL_NOT_FOUND',
      'Only servers outside of the mesh offer a model that writes text.',
      {
        hint: `What the program asks goes there once you name one: --model ${items[0].id}`
      }
    )
  }
  throw new LumosError('MODEL_NOT_FOUND', 'No model of the mesh generates text.', {
    hint: 'Get one: lumos-node models pull NAME, or name one with --model.'
  })
}

/** Where no device states its context, it is taken to be enough. */
export const hasRoom = ({ contextTokens = AGENT_TOKENS_MIN }: Pick<ChosenModel, 'contextTokens'>): boolean =>
  contextTokens >= AGENT_TOKENS_MIN

function factsOf(id: string, items: readonly Listed[]): ChosenModel {
  const providers = items.flatMap(item => item.providers)
  const contexts = providers.flatMap(one => one.context_tokens ?? [])
  return {
    id,
    // A prompt that is too long for one device goes to another.
    contextTokens: contexts.length === 0 ? undefined : Math.max(...contexts),
    takesImages: providers.some(one => one.takes_images),
    leavesMesh: providers.some(one => one.leaves_mesh)
  }
}
