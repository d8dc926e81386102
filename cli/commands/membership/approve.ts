/** `approve`: the devices that ask to join, and letting one of them in. */

import { setTimeout as pause } from 'node:timers/promises'
import { systemClock } from '../../../interface/clock.ts'
import type { JoinRequest } from '../../../interface/mesh.ts'
import type { SnakeCase } from '../../../interface/snake-case.ts'
import { findNode, type NodeClient } from '../../client.ts'
import { onInterrupt } from '../../interrupted.ts'
import type { Invocation } from '../../invocation.ts'
import type { Output } from '../../output.ts'
import { roleOf } from '../../role.ts'

interface ApproveOptions {
  readonly role: string
  readonly deny?: boolean
  readonly wait?: number
}

/** A device that asks does so every other second. */
const WAIT_S = 6
const POLL_MS = 200

export async function run({ args, options, output }: Invocation<ApproveOptions>): Promise<void> {
  const node = findNode(options)
  const [peer] = args
  if (peer === undefined) return await listRequests(node, options.wait ?? WAIT_S, output)

  const role = roleOf(options.role)
  const { data } = options.deny
    ? await node.execute<JoinRequest>('mesh.deny', { peer })
    : await node.execute<JoinRequest>('mesh.approve', { peer, role })
  output.data(data, () =>
    options.deny ? `${data.name} is turned away.` : `${data.name} joins as ${role}, in a moment.`
  )
}

async function listRequests(node: NodeClient, waitS: number, output: Output): Promise<void> {
  await node.execute('mesh.listen')
  using _interrupted = onInterrupt(
    output,
    'No device was let in. Devices may ask for ten minutes still: lumos-node approve lists them.'
  )
  const endMs = systemClock.monotonicMs() + waitS * 1000
  let { items } = await requestsOf(node)
  while (items.length === 0 && systemClock.monotonicMs() < endMs) {
    await pause(POLL_MS)
    items = (await requestsOf(node)).items
  }
  output.data({ items }, () => {
    if (items.length === 0) {
      return [
        'No device asks yet. Devices may, for ten minutes. On the one that is to join:',
        '  lumos-node join --nearby',
        'Then again here: lumos-node approve'
      ].join('\n')
    }
    return [
      output.table(
        ['NAME', 'PEER ID', 'CHECK PHRASE'],
        items.map(({ name, peer_id, phrase }) => [name, peer_id, phrase])
      ),
      'If that device shows the same check phrase: lumos-node approve NAME; if not: lumos-node approve NAME --deny'
    ].join('\n')
  })
}

const requestsOf = async (node: NodeClient): Promise<SnakeCase<{ items: JoinRequest[] }>> =>
  (await node.execute<{ items: JoinRequest[] }>('mesh.requests')).data
