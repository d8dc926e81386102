/** Names of hosts for a socket. The check is on the addresses that are dialed: a name may mean another one each time. */

import { lookup as lookupHost } from 'node:dns'
import type { LookupFunction } from 'node:net'
import { isNear as isNearHost } from '../settings/near.ts'

/** The network; others than the system's are for tests. */
export interface Names {
  readonly lookup?: typeof lookupHost | undefined
  readonly isNear?: ((host: string) => boolean) | undefined
}

interface Wanted {
  /** The one that is asked for. The name of a proxy, which the person has set, may lead anywhere. */
  readonly host: string
  /** Whether it may lead to an address of the own network. */
  readonly mayBeNear: boolean
  /** Called with whether it does. */
  onFound?(isNear: boolean): void
}

export function guardedLookup(
  { host, mayBeNear, onFound }: Wanted,
  { lookup = lookupHost, isNear = isNearHost }: Names
): LookupFunction {
  return (name, options, callback) =>
    lookup(name, { ...options, all: true }, (err, addresses) => {
      if (err !== null) return callback(err, [])
      if (name === host) {
        const near = addresses.some(({ address }) => isNear(address))
        if (near && !mayBeNear)
          return callback(new Error("it has an address of this device's own network"), [])
        onFound?.(near)
      }
      if (options.all) callback(null, addresses)
      else callback(null, addresses[0]!.address, addresses[0]!.family)
    })
}
