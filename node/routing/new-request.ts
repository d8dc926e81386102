/** A request as the router takes it: what it leaves out is found among the offers. */

import { InvalidInputError, LumosError, NoProviderError } from '../../interface/errors.ts'
import { DEFAULT_BUDGET_MS, type InferenceRequest, MAX_BUDGET_MS } from '../../interface/inference.ts'
import type { NewInferenceRequest } from '../../interface/node.ts'
import { closestNames } from '../../interface/suggest.ts'
import { parseInput, TASK_NAMES, TASKS, type TaskName } from '../../interface/tasks.ts'
import type { ProviderView } from './provider-view.ts'

type Providers = Pick<ProviderView, 'offers'>

/** Fill in what was left out, and refuse what no peer could take. */
export function completeRequest(
  wanted: NewInferenceRequest,
  { providers, newId }: { readonly providers: Providers; newId(): string }
): InferenceRequest {
  const task = wanted.task ?? taskOf(wanted, providers)
  const schema = TASKS[task]
  if (schema === undefined) {
    throw new LumosError('USAGE', `There is no task "${task}".`, {
      hint: `Tasks: ${TASK_NAMES.join(', ')}`
    })
  }
  return {
    id: wanted.id ?? newId(),
    task,
    model: wanted.model,
    ...parseInput(task, wanted.input, wanted.params ?? {}),
    budgetMs: Math.min(Math.max(wanted.budgetMs ?? DEFAULT_BUDGET_MS, 1), MAX_BUDGET_MS)
  }
}

/** The first task of the model whose input has the form that was given. */
function taskOf({ model, input }: NewInferenceRequest, providers: Providers): TaskName {
  if (model === undefined) throw new InvalidInputError('Say which model or which task.')
  const offered = new Set(providers.offers({ model }).map(({ capability }) => capability.task))
  if (offered.size === 0) throw nobodyOffers(model, providers)
  const tasks = TASK_NAMES.filter(task => offered.has(task))
  return tasks.find(task => TASKS[task].input.safeParse(input).success) ?? tasks[0]!
}

export function nobodyOffers(wanted: string, providers: Providers, peer?: string): NoProviderError {
  const offered = providers.offers({}).map(({ capability }) => capability.model)
  const closest = closestNames(wanted, offered)
  const message =
    peer === undefined ? `No device offers "${wanted}".` : `The device "${peer}" does not offer "${wanted}".`
  const hint = `${closest.length > 0 ? `Closest: ${closest.join(', ')}. ` : ''}See all: lumos-node models`
  return new NoProviderError(message, { hint })
}
