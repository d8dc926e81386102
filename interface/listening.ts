/** Why the system refuses a place to listen at, in the same words for the ports of peers and of programs. */

import { networkInterfaces } from 'node:os'
import { LumosError } from './errors.ts'

/** Below, Linux and macOS let only root listen. */
const PORT_FOR_ALL_MIN = 1024

export interface ListeningPlace {
  readonly host: string
  readonly port: number
  /** Of the settings, such as `swarm`: it has `host` and `port`. */
  readonly section: string
}

/** Whether the next port may be free. Windows reserves ranges of ports for virtual machines, and refuses those. */
export function isPortTaken(thrown: unknown, port: number): boolean {
  const { code } = thrown as NodeJS.ErrnoException
  return code === 'EADDRINUSE' || (code === 'EACCES' && port >= PORT_FOR_ALL_MIN)
}

/** `thrown` as a `LumosError` that names the setting, where the place is what is wrong; anything else as it was. */
export function listeningRefused(thrown: unknown, { host, port, section }: ListeningPlace): unknown {
  const { code } = thrown as NodeJS.ErrnoException
  if (code === 'EACCES' && port > 0 && port < PORT_FOR_ALL_MIN) {
    return new LumosError('CONFIG_INVALID', `${section}.port: only root may listen on port ${port}.`, {
      hint: `Choose one of ${PORT_FOR_ALL_MIN} to 65535.`,
      cause: thrown
    })
  }
  if (code !== 'EADDRNOTAVAIL') return thrown
  const own = Object.values(networkInterfaces()).flatMap(infos => infos?.map(({ address }) => address) ?? [])
  return new LumosError(
    'CONFIG_INVALID',
    `${section}.host: this device has no address ${host}; it has ${own.join(', ')}.`,
    { hint: `Leave ${section}.host out to listen where a node usually does.`, cause: thrown }
  )
}
