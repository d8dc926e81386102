/** `wake`: devices that may be woken; or wakes one, and waits until it is connected. */

import type { SnakeCase } from '../../../interface/snake-case.ts'
import type { Wakeable, Woken } from '../../../interface/wake.ts'
import { findNode } from '../../client.ts'
import type { Invocation } from '../../invocation.ts'
import type { Output } from '../../output.ts'

type Item = SnakeCase<Wakeable>

export async function run({ args, options, output }: Invocation): Promise<void> {
  const [device] = args as [string?]
  const node = findNode(options)
  const { data } = await node.execute<{ items: Wakeable[] }>('wake.list')
  if (device === undefined) return output.data(data, () => listed(data.items, output))
  const known = data.items.find(({ name, peer_id }) => name === device || peer_id === device)
  if (known?.connected === false) output.note(`Waking ${known.name}: ${lastTime(known)}.`)
  const woken = await node.execute<Woken>('wake.device', { device })
  const { name, wake_ms } = woken.data
  output.data(woken.data, () =>
    wake_ms === 0 ? `${name} is connected already.` : `${name} is connected, after ${seconds(wake_ms)}.`
  )
}

function listed(items: readonly Item[], output: Output): string {
  if (items.length === 0)
    return 'No device has said that it may be woken. In the settings of one that may: wake.allow: true'
  const rows = items.map(({ name, peer_id, connected, wake_ms, models }) => [
    name,
    peer_id,
    connected ? 'connected' : 'sleeps, or is off',
    wake_ms === null ? '–' : seconds(wake_ms),
    models.join(', ')
  ])
  return output.table(['NAME', 'PEER ID', 'STATE', 'WAKES IN', 'MODELS'], rows)
}

const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`

const lastTime = ({ wake_ms }: Item): string =>
  wake_ms === null ? 'it was not woken from here before' : `it took ${seconds(wake_ms)} the last time`
