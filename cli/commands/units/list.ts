/** `units`: what the node can do. */

import { LumosError } from '../../../interface/errors.ts'
import { findNode } from '../../client.ts'
import type { Invocation } from '../../invocation.ts'

interface ListOptions {
  readonly domain?: string
  readonly names?: boolean
}

const domainOf = ({ name }: { readonly name: string }): string => name.slice(0, name.indexOf('.'))

export async function list({ options, output }: Invocation<ListOptions>): Promise<void> {
  const { domain, names } = options
  const all = await findNode(options).units()
  const items = all.filter(unit => domain === undefined || domainOf(unit) === domain)
  if (items.length === 0) {
    throw new LumosError('UNIT_NOT_FOUND', `There is no domain "${domain}".`, {
      hint: `Domains: ${[...new Set(all.map(domainOf))].sort().join(', ')}.`
    })
  }
  output.data({ items }, () =>
    names
      ? items.map(({ name }) => name).join('\n')
      : output.table(
          ['UNIT', 'KIND', 'NEEDS', 'SUMMARY'],
          items.map(({ name, kind, permission, summary }) => [name, kind, permission, summary])
        )
  )
}

export { list as run }
