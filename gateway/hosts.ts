/** Names and addresses of the gateway. */

import { LumosError } from '../interface/errors.ts'

const HTTP_PORT = 80

/** An IP address that only this device reaches. */
export const isLoopback = (ip: string): boolean => /^(?:::1$|(?:::ffff:)?127\.)/.test(ip)

/** The authority of a URL to this address. */
const authorityOf = (ip: string, port: number): string => `${ip.includes(':') ? `[${ip}]` : ip}:${port}`

/**
 * `localhost` leads to either loopback address, so the gateway takes both: a program that held the other one would be
 * sent the token. `::` takes IPv4 too.
 */
const LISTENED_ON: Readonly<Record<string, readonly string[]>> = {
  '127.0.0.1': ['127.0.0.1', '::1'],
  '::1': ['::1', '127.0.0.1'],
  '0.0.0.0': ['0.0.0.0', '::1']
}
const WILDCARDS: Readonly<Record<string, string>> = { '0.0.0.0': '127.0.0.1', '::': '::1' }

/** Where the gateway listens for `host`. */
export const addressesOf = (host: string): readonly string[] => LISTENED_ON[host] ?? [host]

/** What programs call the gateway: its addresses, what this device calls itself, and the names that were listed. */
export function hostsOf(host: string, port: number, names: readonly string[]): ReadonlySet<string> {
  const own = addressesOf(WILDCARDS[host] ?? host)
  const all = [...own, ...(own.some(isLoopback) ? ['localhost'] : []), ...names]
  const hosts = all.map(name => authorityOf(name, port).toLowerCase())
  // Browsers leave the port of http away.
  return new Set(port === HTTP_PORT ? [...hosts, ...hosts.map(name => name.replace(/:80$/, ''))] : hosts)
}

/**
 * Wider than loopback, a Host that is not listed may be a web page's: so there must be a list.
 *
 * @throws {LumosError} `CONFIG_INVALID`
 */
export function checkReach(
  section: 'gateway' | 'grpc',
  { host, hosts }: { readonly host: string; readonly hosts: readonly string[] }
): void {
  if (isLoopback(host) || hosts.length > 0) return
  const what = section === 'grpc' ? 'gRPC' : 'The gateway'
  throw new LumosError('CONFIG_INVALID', `${what} cannot listen on ${host}: gateway.hosts is empty.`, {
    hint: `List there what other devices call this one, or set ${section}.host to 127.0.0.1.`
  })
}
