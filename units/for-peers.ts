/** Which units other devices may call here, beside what their role permits. A unit that is not named here is not for them. */

import { LumosError } from '../interface/errors.ts'
import type { Unit } from '../interface/units.ts'

/** Units of these domains act on the device that they run on: its owner may look after it from another one. */
const OPEN: ReadonlySet<string> = new Set([
  'config',
  'device',
  'doctor',
  'engine',
  'event',
  'job',
  'log',
  // Each server has an offer of its own, which the unit checks.
  'mcp',
  'mesh',
  'model',
  'node',
  'resource',
  'service',
  'wake'
])

const SIGNS =
  'It would sign in the name of this device, or take it to another mesh. Run it on the device itself.'

/** By name or by domain, and why. */
const REFUSED: Readonly<Record<string, string>> = {
  inference: 'A device asks models by /lumos/inference/1, which checks to whom each is offered.',
  memory: 'Rights in a space belong to a device. Share the space with the device that asks.',
  gateway: 'Ways into this device are for its own user.',
  'node.stop': 'A node that has stopped cannot be started from another device.',
  'model.search': 'It asks hubs, in the name of this device, whatever is searched.',
  'wake.device': 'A device asks for this by /lumos/wake/1.'
}

/**
 * Throws unless a peer may call it here. A call that came from a peer goes to no other one.
 *
 * @throws {LumosError} `DENIED`
 */
export function checkForPeers({ name, kind }: Pick<Unit, 'name' | 'kind'>, peer?: string): void {
  const domain = name.split('.', 1)[0]!
  const reason =
    REFUSED[name] ??
    REFUSED[domain] ??
    (domain === 'mesh' && kind === 'command' ? SIGNS : undefined) ??
    (OPEN.has(domain) ? undefined : 'It is for the user of this device.') ??
    (peer === undefined ? undefined : 'A call that came from another device is not passed on.')
  if (reason !== undefined) throw new LumosError('DENIED', `${name} is not run for another device. ${reason}`)
}
