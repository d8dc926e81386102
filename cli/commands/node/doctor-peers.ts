/** What `doctor` says of peers that cannot be asked, of keys that two devices use, of pages, and of models. */

import type { AdoptedPort } from '../../../interface/adoption.ts'
import type { MemberInfo } from '../../../interface/mesh.ts'
import type { PeerInfo } from '../../../interface/node.ts'
import type { SnakeCase } from '../../../interface/snake-case.ts'
import type { ModelList } from '../../../units/model.ts'
import { DUPLICATED_FIX, duplicatedWords } from '../../duplicated.ts'
import { type Finding, fail, ok, warn } from '../../finding.ts'
import { printable } from '../../output.ts'

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

/** A page that may not ask shows its user no more than that nothing comes. */
export function originsFound(origins: readonly string[] = []): Finding[] {
  if (origins.length === 0) return []
  const list = origins.map(origin => printable(origin)).join(', ')
  return [
    warn(
      'pages',
      `Pages of these origins asked /v1 in the last hour, and were refused: ${list}.`,
      'If one is yours, list its origin in the setting gateway.origins, and restart the node.'
    )
  ]
}

/** Ports of other programs that were adopted. Those programs are started by the system at times, and have them then. */
export const adoptedFound = (adopted: readonly SnakeCase<AdoptedPort>[] = []): Finding[] =>
  adopted.map(({ product, port, state, reason, move_command }) =>
    state === 'listening'
      ? ok('adopted', `Port ${port} of ${product} answers for the mesh.`)
      : warn(
          'adopted',
          `Port ${port} of ${product} is waited for: ${reason ?? 'it is not tried yet'}.`,
          `Stop that program and start it again elsewhere: ${move_command}`
        )
  )

export const copiesFound = (members: SnakeCase<MemberInfo[]>): Finding[] =>
  members.flatMap(({ name, duplicated }) =>
    duplicated ? [fail('copy', duplicatedWords(name), DUPLICATED_FIX)] : []
  )

/** The models of this device: a folder that was mistyped, or cannot be read, must not go unnoticed. */
export function modelsFound({ items, left_out }: SnakeCase<ModelList>): Finding {
  const own = items.filter(({ providers }) => providers.some(({ route }) => route === 'local'))
  // A model that does two tasks is listed twice.
  const ids = [...new Set(own.map(({ id }) => id))]
  const serves = ids.length === 0 ? 'This device serves no model.' : `Served here: ${ids.join(', ')}.`
  const [first] = left_out
  if (first === undefined) return ok('models', serves)
  const more = left_out.length === 1 ? '' : ` So are ${left_out.length - 1} more.`
  return warn(
    'models',
    `${serves} Not served is ${first.place}: ${first.reason}${more}`,
    'See all: lumos-node models'
  )
}
