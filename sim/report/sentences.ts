/** What happened in a run, as a person would tell it. */

import type { Fault, Nodes } from '../faults/fault.ts'
import type { Entry, History } from '../history.ts'

/** A fault, as a sentence without its full stop. */
function sentenceOf(fault: Fault): string {
  switch (fault.kind) {
    case 'start':
      return `${nodes([fault.node])} starts`
    case 'stop':
      return `${nodes([fault.node])} stops in good order`
    case 'crash':
      return fault.how === 'power' ? `${nodes([fault.node])} loses power` : `${nodes([fault.node])} is killed`
    case 'restart':
      return `${nodes([fault.node])} starts again`
    case 'pause':
      return `${nodes([fault.node])} is paused`
    case 'resume':
      return `${nodes([fault.node])} goes on`
    case 'slow-cpu':
      return `${nodes([fault.node])} is ${fault.factor} times slower`
    case 'clock':
      return `the clock of ${nodes([fault.node])} jumps by ${Math.round(fault.jumpMs / 1000)} s`
    case 'disk':
      return `the disk of ${nodes([fault.node])} is ${fault.full ? 'full' : 'roomy again'}`
    case 'link': {
      const change = [fault.preset, fault.state, fault.model && JSON.stringify(fault.model)].filter(Boolean)
      return `links ${between(fault)}: ${change.join(', ')}`
    }
    case 'reset':
      return `connections ${between({ ...fault, both: true })} are reset`
    case 'partition':
      return `partition (${fault.state}): ${fault.groups.map(nodes).join(' | ')}`
    case 'flap':
      return `links ${between(fault)} are up ${fault.upMs} ms and ${fault.state} ${fault.downMs} ms in turn`
    case 'hostile':
      return `a ${fault.behaviour}, ${fault.by === undefined ? 'no member' : 'a member'}, attacks ${nodes(fault.victims)}`
    case 'calm':
      return 'all hostile peers are gone'
    case 'heal':
      return 'all links, clocks, disks and processors are well again'
  }
}

/** More names than that tell nobody anything. */
const NAMES_MAX = 8

const nodes = (which: Nodes): string =>
  which === 'all'
    ? 'all'
    : which.length > NAMES_MAX
      ? `${which.length} nodes`
      : which.map(index => `node-${index}`).join(', ')

const between = ({ from, to, both }: { from: Nodes; to: Nodes; both?: boolean }): string =>
  `${both ? 'between' : 'from'} ${nodes(from)} ${both ? 'and' : 'to'} ${nodes(to)}`

/** What an entry says in the list of what happened; nothing for what is drawn or counted elsewhere. */
export function lineOf(entry: Entry, history: History): string | undefined {
  if (entry.type === 'fault') return sentenceOf(entry.fault)
  if (entry.type === 'note') return entry.text
  if (entry.type === 'healed') return `from now on all must recover, within ${entry.withinMs / 1000} s`
  if (entry.type === 'uncaught') return `${entry.kind}: ${entry.message}`
  if (entry.type === 'rejected') return `${entry.node} is shown ${entry.what}`
  if (entry.type === 'acknowledged') {
    const { fact } = entry
    return fact.kind === 'revoked'
      ? `${entry.node} has removed ${history.nameOf(fact.peerId)}`
      : `${entry.node} has named the mesh "${fact.name}"`
  }
  if (entry.type !== 'event') return undefined
  if (entry.event === 'mesh.member_revoked')
    return `${entry.node} learns that ${history.nameOf(entry.data.peerId)} was removed`
  if (entry.event === 'peer.duplicated')
    return `${entry.node} sees two devices with the key of ${history.nameOf(entry.data.peerId)}`
  return undefined
}
