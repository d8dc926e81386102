/** A request as the router takes it: what it leaves out is found among the offers. */

import { InvalidInputError, LumosError, NoProviderError } from '../../interface/errors.ts'
import { DEFAULT_BUDGET_MS, MAX_BUDGET_MS, type PreparedRequest } from '../../interface/inference.ts'
import type { InferOptions, NewInferenceRequest } from '../../interface/node.ts'
import { prepare } from '../../interface/prepare.ts'
import { closestNames } from '../../interface/suggest.ts'
import { isTaskName, meantTask, TASK_NAMES, type TaskName } from '../../interface/tasks/index.ts'
import type { ProviderView, Wanted } from './provider-view.ts'
import type { Candidate } from './rank.ts'

type Providers = Pick<ProviderView, 'offers'>

/**
 * Fills in what was left out.
 *
 * @throws {LumosError} when no peer could take the request.
 */
export function prepareNew(
  wanted: NewInferenceRequest,
  { providers, newId }: { readonly providers: Providers; newId(): string }
): PreparedRequest {
  const task = wanted.task ?? taskOf(wanted, providers)
  if (!isTaskName(task)) {
    throw new LumosError('USAGE', `There is no task "${task}".`, {
      hint: `Tasks: ${TASK_NAMES.join(', ')}`
    })
  }
  return prepare({
    id: wanted.id ?? newId(),
    task,
    model: wanted.model,
    input: wanted.input,
    params: wanted.params ?? {},
    budgetMs: Math.min(Math.max(wanted.budgetMs ?? DEFAULT_BUDGET_MS, 1), MAX_BUDGET_MS)
  })
}

/** What the model is for. The form of the input says nothing here. */
function taskOf({ model }: NewInferenceRequest, providers: Providers): TaskName {
  if (model === undefined) throw new InvalidInputError('Say which model or which task.')
  const offered = new Set(providers.offers({ model }).map(({ capability }) => capability.task))
  const task = meantTask(TASK_NAMES.filter(known => offered.has(known)))
  if (task === undefined) throw nobodyOffers({ model }, providers)
  return task
}

/** The peers that a request can be sent to. @throws {NoProviderError} when no device offers it. */
export function offersFor(
  wanted: Wanted,
  providers: Pick<ProviderView, 'offers' | 'named' | 'isConnected'>,
  { peer }: InferOptions
): Candidate[] {
  let able = providers.offers({ task: wanted.task, model: wanted.model })
  const only = peer === undefined ? undefined : providers.named(peer)
  if (peer !== undefined && only !== undefined) {
    able = able.filter(({ peerId }) => peerId === only)
    if (able.length === 0 && !providers.isConnected(only)) throw notConnected(peer)
  }
  if (able.length === 0) throw nobodyOffers(wanted, providers, { peer, only })
  return able
}

const notConnected = (peer: string): NoProviderError =>
  new NoProviderError(`The device "${peer}" is not connected.`, { hint: 'See which are: lumos-node peers' })

/** @param only PeerId of the peer that may answer, called `peer`. */
function nobodyOffers(
  { task, model }: Wanted,
  providers: Providers,
  { peer, only }: { readonly peer?: string | undefined; readonly only?: string | undefined } = {}
): NoProviderError {
  const others = providers.offers({ model }).filter(({ peerId }) => only === undefined || peerId === only)
  if (model !== undefined && task !== undefined && others.length > 0) {
    const tasks = [...new Set(others.map(({ capability }) => capability.task))].join(', ')
    return new NoProviderError(`"${model}" is for ${tasks}, and not for ${task}.`, {
      hint: 'See all: lumos-node models'
    })
  }
  const wanted = model ?? task ?? 'anything'
  const offered = providers.offers({ task }).map(({ capability }) => capability.model)
  // The name itself may be another device's model.
  const closest = closestNames(wanted, offered).filter(name => name !== wanted)
  const message =
    peer === undefined ? `No device offers "${wanted}".` : `The device "${peer}" does not offer "${wanted}".`
  const hint = `${closest.length > 0 ? `Closest: ${closest.join(', ')}. ` : ''}See all: lumos-node models`
  return new NoProviderError(message, { hint })
}
