/** `models offer|withdraw`: which other devices may use a model of this one. */

import type { Access } from '../../../interface/membership.ts'
import { findNode } from '../../client.ts'
import type { Invocation } from '../../invocation.ts'
import { roleOf } from '../../role.ts'

interface OfferOptions {
  readonly role?: readonly string[]
  readonly peer?: readonly string[]
}

export async function offer({ args, options, output }: Invocation<OfferOptions>): Promise<void> {
  const [model] = args as [string]
  const { role, peer } = options
  const some = role !== undefined || peer !== undefined
  const to: Access = some ? { roles: role?.map(roleOf), peers: peer?.slice() } : 'everyone'
  const { data } = await findNode(options).execute('model.offer', { model_id: model, to })
  output.data(data, () => {
    const named = [...(role ?? []).map(name => `the role ${name}`), ...(peer ?? [])]
    return `${model} is offered to ${named.length > 0 ? named.join(' and ') : 'every member'} now.`
  })
}

export async function withdraw({ args, options, output }: Invocation): Promise<void> {
  const [model] = args as [string]
  const { data } = await findNode(options).execute('model.withdraw', { model_id: model })
  output.data(
    data,
    () => `${model} is offered to no other device now. Back: lumos-node models offer ${model}`
  )
}
