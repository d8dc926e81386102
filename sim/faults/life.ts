/** What a fault means for who runs. */

import type { Entry } from '../history.ts'
import type { Host } from '../host.ts'
import type { Fault } from './fault.ts'

export type LifeChange = Pick<Extract<Entry, { type: 'life' }>, 'node' | 'change'>

const CHANGES = {
  start: 'ready',
  restart: 'ready',
  stop: 'stopped',
  pause: 'paused',
  resume: 'resumed'
} as const

/** @param hosts as they are before it. */
export function lifeAfter(fault: Fault, hosts: readonly Host[]): LifeChange[] {
  if (fault.kind === 'heal') {
    return hosts.flatMap(({ name, state }) => (state === 'paused' ? [{ node: name, change: 'resumed' }] : []))
  }
  if (fault.kind === 'crash') {
    return [{ node: `node-${fault.node}`, change: fault.how === 'power' ? 'lost' : 'stopped' }]
  }
  return fault.kind in CHANGES && 'node' in fault
    ? [{ node: `node-${fault.node}`, change: CHANGES[fault.kind as keyof typeof CHANGES] }]
    : []
}
