/** `engine list|status|remove|start|stop|restart`. */

import type { EngineInfo } from '../../../interface/engines.ts'
import { findNode } from '../../client.ts'
import type { Invocation } from '../../invocation.ts'

export async function list({ options, output }: Invocation): Promise<void> {
  const { data } = await findNode(options).execute<{ items: EngineInfo[] }>('engine.list', {})
  output.data(data, () => output.table(['ENGINE', 'STATUS', 'VERSION', 'MODELS'], data.items.map(rowOf)))
}

export async function status({ args, options, output }: Invocation): Promise<void> {
  const [name] = args as [string]
  const { data } = await findNode(options).execute<EngineInfo>('engine.get', { name })
  output.data(data, () => sentenceOf(data))
}

export const changeTo =
  (change: 'remove' | 'start' | 'stop' | 'restart') =>
  async ({ args, options, output }: Invocation): Promise<void> => {
    const [name] = args as [string]
    const { data } = await findNode(options).execute<EngineInfo>(`engine.${change}`, { name })
    output.data(data, () => sentenceOf(data))
  }

const rowOf = ({ name, status: state, version, models }: EngineInfo): string[] => [
  name,
  state,
  version ?? '-',
  models.join(', ') || 'none'
]

function sentenceOf({ name, status: state, version, accelerators, path, models }: EngineInfo): string {
  if (state === 'absent')
    return `${name} is not installed. It is brought by: lumos-node engine install ${name}`
  if (state === 'stopped') return `${name} is stopped. It goes on with: lumos-node engine start ${name}`
  const what = version === null ? name : `${name} ${[version, ...accelerators].join(', ')} in ${path}`
  return `${what} is ready. It opens: ${models.join(', ') || 'no model yet'}.`
}
