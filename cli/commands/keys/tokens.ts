/** `token create|list|revoke`: tokens of programs, each for a part of what the gateway can do. */

import type { NamedToken } from '../../../interface/tokens.ts'
import { findNode } from '../../client.ts'
import type { Invocation } from '../../invocation.ts'

interface CreateOptions {
  readonly allow: readonly string[]
  readonly units?: readonly string[]
  readonly expires?: string
}

type Created = NamedToken & { readonly secret: string }

export async function create({ args, options, output }: Invocation<CreateOptions>): Promise<void> {
  const { allow, units, expires } = options
  const input = { name: args[0], permissions: allow, units, expires_in: expires }
  const { data } = await findNode(options).execute<Created>('token.create', input)
  output.data(data, () => data.secret)
  if (!output.json) output.note(`This is shown once. To end it: lumos-node token revoke ${data.name}`)
}

export async function list({ options, output }: Invocation): Promise<void> {
  const { data } = await findNode(options).execute<{ items: NamedToken[] }>('token.list')
  output.data(data, () =>
    output.table(
      ['NAME', 'MAY', 'UNITS', 'LAST USED', 'EXPIRES'],
      data.items.map(({ name, permissions, units, last_used_at_ms, expires_at_ms }) => [
        name,
        permissions.join(','),
        units?.join(',') ?? 'all',
        minute(last_used_at_ms, 'never'),
        minute(expires_at_ms, 'never')
      ])
    )
  )
}

export async function revoke({ args, options, output }: Invocation): Promise<void> {
  const { data } = await findNode(options).execute<{ name: string }>('token.revoke', { name: args[0] })
  output.data(data, () => `The token ${data.name} has ended, with all that was begun with it.`)
}

/** In UTC, without seconds. */
const minute = (ms: number | null, none: string): string =>
  ms === null ? none : new Date(ms).toISOString().slice(0, 16).replace('T', ' ')
