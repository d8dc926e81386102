/** `services` and `services show`: what each is here, and which devices answer to it. */

import type { SnakeCase } from '../../../interface/snake-case.ts'
import type { ServiceItem } from '../../../units/service.ts'
import { findNode } from '../../client.ts'
import type { Invocation } from '../../invocation.ts'

type Item = SnakeCase<ServiceItem>

export async function list({ options, output }: Invocation): Promise<void> {
  const { data } = await findNode(options).execute<{ services: ServiceItem[] }>('service.list', {})
  output.data(data, () =>
    data.services.length === 0
      ? 'No device of the mesh has a service. To configure some: lumos-node init clip,chat'
      : output.table(
          ['SERVICE', 'HERE', 'MODEL', 'TASKS', 'DEVICES'],
          data.services.map(one => [
            ...[one.id, one.status, one.model_id, one.tasks.join(', ') || '-'],
            devicesOf(one)
          ])
        )
  )
}

export async function show({ args, options, output }: Invocation): Promise<void> {
  const { data } = await findNode(options).execute<ServiceItem>('service.get', { service_id: args[0] })
  output.data(data, () =>
    [
      `${data.id} is ${data.status} here, with ${data.model_id}. Devices: ${devicesOf(data)}.`,
      ...(data.models.length === 0
        ? []
        : [
            output.table(
              ['AS', 'MODEL', 'RUNTIME', 'STATE', 'REASON'],
              data.models.map(({ alias, model_id, runtime, state, reason, job_id }) => [
                ...[alias, model_id, runtime, state],
                reason ?? (job_id === null ? '-' : `job ${job_id}`)
              ])
            )
          ])
    ].join('\n\n')
  )
}

const devicesOf = ({ devices }: Pick<Item, 'devices'>): string =>
  devices.map(({ name, state }) => `${name} (${state})`).join(', ') || 'none'
