/** `status`: the name of this node, and how it is doing. */

import type { AdoptedPort } from '../../../interface/adoption.ts'
import type { MeshInfo } from '../../../interface/mesh.ts'
import type { NodeStatus } from '../../../interface/status.ts'
import { findNode } from '../../client.ts'
import type { Invocation } from '../../invocation.ts'
import { bytes, duration } from '../../quantities.ts'

type Status = NodeStatus & { gateway: string | null; adopted: readonly AdoptedPort[] }

export async function run({ options, output }: Invocation): Promise<void> {
  const node = findNode(options)
  const { data: status } = await node.execute<Status>('mesh.status')
  const { role, advice } = (await node.execute<MeshInfo>('mesh.show')).data

  output.data(status, () =>
    [
      `${output.paint('bold', status.name)}  ${status.peer_id}`,
      `up ${duration(status.uptime_s)}, ${status.peers} ${status.peers === 1 ? 'peer' : 'peers'} in mesh "${status.mesh}"`,
      `gateway  ${status.gateway ?? 'closed'}`,
      // A node of an earlier version has none.
      ...(status.adopted ?? []).map(({ port, product, state }) =>
        state === 'listening'
          ? `adopted  ${port} of ${product}`
          : output.paint('yellow', `adopted  waits for ${port} of ${product}`)
      ),
      ...status.addresses.map(address => `address  ${address}`),
      `requests ${status.requests.running} answered now, ${status.requests.queued} waiting, ${status.requests.own} asked from here`,
      `memory   ${bytes(status.memory_bytes)}`,
      ...(status.yielding.length === 0
        ? []
        : [
            `yields   ${status.yielding.map(why => YIELDS[why]).join('; ')} (serving.yield: never ends this)`
          ]),
      ...(status.drained
        ? ['drained  no request of another device is taken (exec node.undrain ends this)']
        : []),
      ...(status.storage === 'ok' ? [] : [output.paint('red', `disk     ${STORAGE[status.storage]}`)]),
      `version  ${status.version}`,
      // A device that was removed, or whose certificate has ended, can do little until its owner does something.
      ...(role === null ? advice.map(words => output.paint('yellow', words)) : [])
    ].join('\n')
  )
}

/** Requests of other devices go elsewhere meanwhile. */
const YIELDS = {
  cpu: 'other programs use the processors',
  memory: 'other programs wait for memory',
  battery: 'the battery is low'
}

const STORAGE = {
  full: 'full: nothing new is stored until there is space; answers go on',
  failing: 'failing: what is new may not be stored; look at its health, and back it up'
}
