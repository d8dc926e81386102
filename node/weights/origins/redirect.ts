/** Where a redirect may lead: an origin chooses the address, so it is checked as input. */

import { ProtocolViolationError } from '../../../interface/errors.ts'

/** Hubs use two: to the renamed repository, and to the network that delivers. */
export const REDIRECTS_MAX = 5

/**
 * @param isNear whether a host is in a network of one's own.
 * @param mayBeNear whether the origin itself is there.
 * @throws {ProtocolViolationError}
 */
export function redirected(
  from: URL,
  location: string | undefined,
  { isNear, mayBeNear }: { isNear(host: string): boolean; mayBeNear: boolean }
): URL {
  const to = location !== undefined && URL.canParse(location, from.href) ? new URL(location, from) : undefined
  if (to === undefined) throw new ProtocolViolationError(`${from.host} redirects, and does not say where to.`)
  const refuse = (why: string) =>
    new ProtocolViolationError(`${from.host} redirects to ${to.host || to.protocol}, ${why}.`)
  if (to.protocol !== 'https:' && to.protocol !== 'http:') throw refuse('which is not HTTP')
  if (from.protocol === 'https:' && to.protocol === 'http:') throw refuse('which is not encrypted')
  if (!mayBeNear && isNear(to.hostname)) throw refuse("which is an address of this device's own network")
  to.username = ''
  to.password = ''
  return to
}
