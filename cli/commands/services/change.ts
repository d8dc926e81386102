/** `services create|delete|start|stop|scale|recommend`. */

import type { ServiceItem } from '../../../units/service.ts'
import type { Recommended } from '../../../units/service-advice.ts'
import { findNode } from '../../client.ts'
import type { Invocation } from '../../invocation.ts'
import { bytes } from '../../quantities.ts'

export async function create({ args, options, output }: Invocation<CreateOptions>): Promise<void> {
  const [service_id, model_id] = args
  const { runtime, source } = options
  const { data } = await findNode(options).execute<{ serviceId: string }>('service.create', {
    ...{ service_id, model_id, runtime, source }
  })
  output.data(
    data,
    () => `${data.service_id} means ${model_id}. See it: lumos-node services show ${service_id}`
  )
}

interface CreateOptions {
  readonly runtime?: string
  readonly source?: string
}

export async function remove({ args, options, output }: Invocation): Promise<void> {
  const [service_id] = args
  const { data } = await findNode(options).execute<{ success: true }>('service.delete', { service_id })
  output.data(data, () => `${service_id} is forgotten. Its model stays.`)
}

export const start = (invocation: Invocation): Promise<void> => changed(invocation, 'start')
export const stop = (invocation: Invocation): Promise<void> => changed(invocation, 'stop')

async function changed({ args, options, output }: Invocation, change: 'start' | 'stop'): Promise<void> {
  const service_id = args[0]
  const { data } = await findNode(options).execute<ServiceItem>(`service.${change}`, { service_id })
  output.data(data, () => `${data.id} is ${data.status} here, with ${data.model_id}.`)
}

export async function scale({ args, options, output }: Invocation): Promise<void> {
  const [service_id, replicas] = [args[0], Number(args[1])]
  const { data } = await findNode(options).execute<{ success: true }>('service.scale', {
    service_id,
    replicas
  })
  output.data(data, () => `${replicas} devices are to hold the default model of ${service_id}.`)
}

export async function recommend({ args, options, output }: Invocation<{ hint?: string }>): Promise<void> {
  const { data } = await findNode(options).execute<Recommended>('service.recommend', {
    ...{ model_id: args[0], hint: options.hint }
  })
  const { resource_class: size, memory_bytes: memory, replicas, expected_throughput: speed } = data
  output.data(data, () =>
    [
      memory === null ? 'How large it is, no device says.' : `It needs a ${size} device: ${bytes(memory)}.`,
      `It should be on ${replicas} ${replicas === 1 ? 'device' : 'devices'} of those that there are.`,
      speed === null ? 'Nothing was measured yet.' : `They gave ${speed.toFixed(1)} tokens a second lately.`
    ].join('\n')
  )
}
