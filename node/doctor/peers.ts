/** What `doctor` says of peers that cannot be asked, of keys that two devices use, of pages, and of models. */

import type { AdoptedPort } from '../../interface/adoption.ts'
import type { MemberInfo } from '../../interface/mesh.ts'
import type { LeftOut, ModelInfo, PeerInfo } from '../../interface/node.ts'
import { DUPLICATED_FIX, duplicatedWords } from './duplicated.ts'
import { type Finding, fail, ok, warn } from './finding.ts'

export function silentFound(peers: readonly PeerInfo[]): Finding[] {
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
  const list = origins.join(', ')
  return [
    warn(
      'pages',
      `Pages of these origins asked /v1 in the last hour, and were refused: ${list}.`,
      'If one is yours, list its origin in the setting gateway.origins, and restart the node.'
    )
  ]
}

/** Ports of other programs that were adopted. Those programs are started by the system at times, and have them then. */
export const adoptedFound = (adopted: readonly AdoptedPort[]): Finding[] =>
  adopted.map(({ product, port, state, reason, moveCommand }) =>
    state === 'listening'
      ? ok('adopted', `Port ${port} of ${product} answers for the mesh.`)
      : warn(
          'adopted',
          `Port ${port} of ${product} is waited for: ${reason ?? 'it is not tried yet'}.`,
          `Stop that program and start it again elsewhere: ${moveCommand}`,
          'gateway.release'
        )
  )

export const copiesFound = (members: readonly MemberInfo[]): Finding[] =>
  members.flatMap(({ name, duplicated }) =>
    duplicated ? [fail('copy', duplicatedWords(name), DUPLICATED_FIX)] : []
  )

/** The models of this device: a folder that was mistyped, or cannot be read, must not go unnoticed. */
export function modelsFound(models: readonly ModelInfo[], leftOut: readonly LeftOut[]): Finding {
  const own = models.filter(({ providers }) => providers.some(({ route }) => route === 'local'))
  // A model that does two tasks is listed twice.
  const ids = [...new Set(own.map(({ model }) => model))]
  const serves = ids.length === 0 ? 'This device serves no model.' : `Served here: ${ids.join(', ')}.`
  const [first] = leftOut
  if (first === undefined) return ok('models', serves)
  const more = leftOut.length === 1 ? '' : ` So are ${leftOut.length - 1} more.`
  return warn(
    'models',
    `${serves} Not served is ${first.place}: ${first.reason}${more}`,
    'See all: lumos-node models'
  )
}
