/** `memory share|unshare|exclude`: which devices have a space. */

import { LumosError } from '../../../interface/errors.ts'
import type { Space } from '../../../units/memory/shapes.ts'
import { findNode } from '../../client.ts'
import type { Invocation } from '../../invocation.ts'
import { confirm } from '../../prompt.ts'

const ROLES = ['admin', 'member', 'edge', 'guest']

/** Those that an option names. */
const RIGHTS = ['write', 'own', 'carry'] as const

interface ShareOptions {
  readonly write?: boolean
  readonly own?: boolean
  readonly carry?: boolean
}

export async function share({ args, options, output }: Invocation<ShareOptions>): Promise<void> {
  const [space, to] = args as [string, string]
  const [right = 'read', ...others] = RIGHTS.filter(name => options[name])
  if (others.length > 0) throw new LumosError('USAGE', 'Give one of --write, --own and --carry.')
  const { data } = await findNode(options).execute<Space>('memory.share', { space, right, ...toOf(to) })
  output.data(data, () => `${wordsOf(to)} may ${right} ${data.name} now.`)
}

export async function unshare({ args, options, output }: Invocation): Promise<void> {
  const [space, to] = args as [string, string]
  const { data } = await findNode(options).execute<Space>('memory.unshare', { space, ...toOf(to) })
  output.data(data, () => `${wordsOf(to)} has no right in ${data.name} now. What it has read, it has.`)
}

export async function exclude({
  args,
  options,
  output
}: Invocation<{ readonly yes?: boolean }>): Promise<void> {
  const [space, peer] = args as [string, string]
  const node = findNode(options)
  await confirm(`Let nothing count that ${peer} wrote in ${space}? It cannot be taken back.`, options.yes)
  const { data } = await node.execute<Space>('memory.exclude', { space, peer })
  output.data(data, () => `Nothing that ${peer} wrote in ${data.name} counts now.`)
}

/** A device that is named as a role is meant by its PeerId. */
const toOf = (to: string) => (ROLES.includes(to) ? { role: to } : { peer: to })

const wordsOf = (to: string): string => (ROLES.includes(to) ? `Each ${to} device` : to)
