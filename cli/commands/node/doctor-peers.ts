/** What `doctor` says of peers that cannot be asked, and of keys that two devices use. */

import type { MemberInfo } from '../../../interface/mesh.ts'
import type { PeerInfo } from '../../../interface/node.ts'
import type { SnakeCase } from '../../../interface/snake-case.ts'
import { DUPLICATED_FIX, duplicatedWords } from '../../duplicated.ts'
import { type Finding, fail, warn } from '../../finding.ts'

export function silentFound(peers: SnakeCase<PeerInfo[]>): Finding[] {
  const silent = peers.filter(({ software }) => software === null).map(({ name }) => name)
  if (silent.length === 0) return []
  return [
    warn(
      'peers',
      `${silent.join(', ')}: connected, and not asked, as no manifest of it counts here.`,
      'It comes within a minute. If it does not, restart that device, and compare the clocks.'
    )
  ]
}

export const copiesFound = (members: SnakeCase<MemberInfo[]>): Finding[] =>
  members.flatMap(({ name, duplicated }) =>
    duplicated ? [fail('copy', duplicatedWords(name), DUPLICATED_FIX)] : []
  )
