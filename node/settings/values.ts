/** What values of settings may be: addresses, ports, paths. */

import { isIP } from 'node:net'
import { isAbsolute } from 'node:path'
import * as z from 'zod'
import { fromTilde } from '../../storage/home/home-path.ts'

/** What this node can dial: an address or a name, a TCP port, and who is expected there. */
const DIALABLE = /^\/(?:ip4|ip6|dns|dns4|dns6)\/[^/\s]+\/tcp\/\d{1,5}(?:\/p2p\/[A-Za-z0-9]+)?$/

export const Host = z.string().refine(host => isIP(host) !== 0, { error: 'expected an IP address' })
/** 0 means any free one. */
export const Port = z.int().min(0).max(65535)
export const Multiaddr = z
  .string()
  .max(256)
  .regex(DIALABLE, 'expected a multiaddr such as /ip4/192.168.1.2/tcp/5867')
/** What other nodes take from a peer: names are not looked up for it. */
export const PublicAddress = z
  .string()
  .refine(isReachable, { error: 'expected an IP address and a port, such as /ip4/203.0.113.7/tcp/5867' })
export const Path = z
  .string()
  .max(4096)
  .transform(fromTilde)
  .refine(isAbsolute, { error: 'expected an absolute path, or one that starts with ~/' })
export const ServerName = z
  .string()
  .regex(/^[a-z0-9][a-z0-9._-]{0,31}$/, 'expected 1 to 32 of a-z, 0-9 and ._-')
/** Up to `/v1`, which may be there. */
export const ServerUrl = z
  .url({ protocol: /^https?$/, error: 'expected an address such as http://192.168.1.9:8000' })
  .refine(holdsNoKey, { error: 'an address is shown and logged: give the key by keyFile or keyVariable' })
  .transform(url => url.replace(/\/(?:v1\/?)?$/, ''))

/** What is no address at all is refused by its form. */
export function holdsNoKey(url: string): boolean {
  const { username = '', password = '', search = '' } = URL.parse(url) ?? {}
  return username + password + search === ''
}

function isReachable(address: string): boolean {
  const [, family, ip = '', port = ''] = /^\/ip([46])\/([^/]+)\/tcp\/(\d{1,5})$/.exec(address) ?? []
  return `${isIP(ip)}` === family && Number(port) > 0 && Number(port) <= 65_535
}
