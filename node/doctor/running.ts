/** What the doctor finds of a node that runs. */

import type { AdoptedPort } from '../../interface/adoption.ts'
import type { MeshInfo } from '../../interface/mesh.ts'
import type { LumosNode } from '../../interface/node.ts'
import { type Finding, fail, ok, warn } from './finding.ts'
import { networkFindings } from './network.ts'
import { openFilesFound } from './open-files.ts'
import { adoptedFound, copiesFound, modelsFound, originsFound, silentFound } from './peers.ts'
import { sandboxFound } from './sandbox.ts'

const STORAGE_ADVICE: Readonly<Record<'full' | 'failing', [message: string, fix: string]>> = {
  full: [
    'The disk is full. Answers go on; nothing new is stored.',
    'Free some space: the node stores the rest within seconds, without a restart.'
  ],
  failing: ['The disk does not do what it is asked.', 'Look at its health, and back it up.']
}

/** @param origins of pages that the gateway refused lately. @param adopted ports of other programs. */
export async function nodeFindings(
  node: LumosNode,
  origins: readonly string[],
  adopted: readonly AdoptedPort[]
): Promise<Finding[]> {
  const [status, discovery, peers, members] = [
    node.status(),
    node.discovery(),
    node.peers(),
    node.mesh.members()
  ]
  return [
    ok('node', `${status.name} is running as ${status.peerId}.`),
    ...(status.drained
      ? [
          warn(
            'serving',
            'This device was told to take no requests of other devices.',
            'Run: lumos-node exec node.undrain',
            'node.undrain'
          )
        ]
      : []),
    status.storage === 'ok'
      ? ok('storage', 'The disk takes what is to be stored.')
      : fail('storage', ...STORAGE_ADVICE[status.storage]),
    ...openFilesFound('/proc/self'),
    ...membershipFound(node.mesh.info()),
    modelsFound(node.models(), node.leftOut()),
    sandboxFound(await node.sandbox()),
    ...originsFound(origins),
    ...adoptedFound(adopted),
    ...networkFindings({ status, discovery, peers, members }),
    ...silentFound(peers),
    ...copiesFound(members.filter(({ self }) => !self || discovery.copy === null))
  ]
}

const membershipFound = ({ name, advice }: Pick<MeshInfo, 'name' | 'advice'>): Finding[] =>
  advice.length === 0
    ? [ok('mesh', `This device is a member of "${name}".`)]
    : advice.map(words => warn('mesh', `${words}.`, 'See more: lumos-node mesh show'))
