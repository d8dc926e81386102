/** What `doctor` says of the peers: who is connected, who cannot be asked, and whose key two devices use. */

import type { MemberInfo } from '../../../interface/mesh.ts'
import type { PeerInfo } from '../../../interface/node.ts'
import type { SnakeCase } from '../../../interface/snake-case.ts'
import { DUPLICATED_FIX, duplicatedWords } from '../../duplicated.ts'
import { type Finding, fail, ok, warn } from './finding.ts'

/** Of peers that are connected. */
export function peersFound(peers: SnakeCase<PeerInfo[]>): Finding[] {
  const silent = peers.filter(({ software }) => software === null).map(({ name }) => name)
  return [
    ok('peers', `${peers.length} connected: ${peers.map(({ name }) => name).join(', ')}.`),
    ...(silent.length === 0
      ? []
      : [
          warn(
            'peers',
            `${silent.join(', ')}: connected, and not asked, as no manifest of it counts here.`,
            'It comes within a minute. If it does not, restart that device, and compare the clocks.'
          )
        ])
  ]
}

export const copiesFound = (members: SnakeCase<MemberInfo[]>): Finding[] =>
  members.flatMap(({ name, duplicated }) =>
    duplicated ? [fail('copy', duplicatedWords(name), DUPLICATED_FIX)] : []
  )
