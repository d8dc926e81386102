/** `models show`: one model, and each device that has it. */

import type { ModelDetails } from '../../../units/model.ts'
import { findNode } from '../../client.ts'
import type { Invocation } from '../../invocation.ts'
import { bytes } from '../../quantities.ts'
import { speedOf } from './speed.ts'
import { whereOf } from './where.ts'

export async function run({ args, options, output }: Invocation): Promise<void> {
  const [model] = args as [string]
  const { data } = await findNode(options).execute<ModelDetails>('model.get', { model_id: model })

  output.data(data, () => {
    const { id, tasks, status, format, size, requirements, weights, providers } = data
    const facts = [
      ['Model', id],
      ['Tasks', tasks.join(', ')],
      ['State', status],
      ['Format', format ?? 'not known here'],
      ['Size', size === null ? 'not known here' : bytes(size)],
      ['Memory', requirements === null ? 'not known here' : `${bytes(requirements.memory_min)} when loaded`],
      ...(weights === null ? [] : [['Weights', weightsText(weights)]])
    ]
    const rows = providers.map(provider => [
      whereOf(provider),
      provider.state,
      String(provider.slots),
      provider.context_tokens === null ? '-' : `${provider.context_tokens} tokens`,
      speedOf([provider])
    ])
    const where = output.table(['WHERE', 'STATE', 'SLOTS', 'CONTEXT', 'SPEED'], rows)
    return `${facts.map(([name, value]) => `${name!.padEnd(7)} ${value}`).join('\n')}\n\n${where}`
  })
}

const weightsText = ({ cid, pinned, copies, state }: NonNullable<ModelDetails['weights']>): string =>
  [
    cid,
    ...(pinned ? ['pinned'] : []),
    ...(copies === null ? [] : [`${copies} copies wanted`]),
    ...(state === 'whole' ? [] : [state])
  ].join(', ')
