/**
 * Who may speak to this node over TCP.
 *
 * A web page in the user's browser can reach loopback: directly, by a form, or
 * with a name of its own that resolves to 127.0.0.1. A rebound name is
 * same-origin to the browser and sends no Origin, so the Host is the only trace
 * of it: the list is exact. The token keeps out everybody else on the machine.
 * All of it is checked before any route, and before the body is read.
 */

import { createHash, timingSafeEqual } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { LumosError } from '../interface/errors.ts'

/** Say nothing but that the node lives; a service manager asks them without a token. */
const HEALTH_PATHS: ReadonlySet<string> = new Set(['/api/v2/health', '/health/live', '/health/ready'])

const JSON_TYPE = /^application\/json(?:\s*;\s*charset="?utf-8"?)?$/i

export interface Access {
  /** The only values of `Host` that are answered. */
  readonly hosts: ReadonlySet<string>
  readonly token: string
}

/** An IP address that only this device reaches. */
export const isLoopback = (ip: string): boolean => ip === '::1' || ip.startsWith('127.')

/** The authority of a URL to this address. */
export const authorityOf = (ip: string, port: number): string =>
  `${ip.includes(':') ? `[${ip}]` : ip}:${port}`

/** What a browser or a program on this device calls the gateway. */
export const hostsOf = (ip: string, port: number): ReadonlySet<string> =>
  new Set([authorityOf(ip, port), `localhost:${port}`])

/**
 * Why this request is not answered, or nothing.
 *
 * @param access absent for the unix socket, which file permissions guard already.
 */
export function refusalOf(incoming: IncomingMessage, access: Access | undefined): LumosError | undefined {
  return (
    (access && (wrongPlace(incoming, access.hosts) ?? unproven(incoming, access))) ?? unreadable(incoming)
  )
}

function wrongPlace(incoming: IncomingMessage, hosts: ReadonlySet<string>): LumosError | undefined {
  const named = valuesOf(incoming, 'host')
  if (named.length !== 1 || !hosts.has(named[0]!)) return denied('This Host is not served here.')

  // In absolute form the request line names a host of its own, which then counts instead.
  if (!incoming.url?.startsWith('/')) return denied('The request must name a path.')

  const origins = valuesOf(incoming, 'origin')
  const known = origins.every(origin => origin.startsWith('http://') && hosts.has(origin.slice(7)))
  return known ? undefined : denied('This Origin may not ask here.')
}

function unproven(incoming: IncomingMessage, { token }: Access): LumosError | undefined {
  const path = incoming.url?.split('?', 1)[0] ?? ''
  if (incoming.method === 'GET' && HEALTH_PATHS.has(path)) return undefined

  const given = /^Bearer (\S+)$/i.exec(incoming.headers.authorization ?? '')?.[1]
  if (given !== undefined && equals(given, token)) return undefined
  return new LumosError('UNAUTHENTICATED', 'A bearer token is needed.', {
    hint: "It is in the file gateway.token of the node's home."
  })
}

/** A form can post without asking the browser's leave, but never as JSON. */
function unreadable(incoming: IncomingMessage): LumosError | undefined {
  if (incoming.method !== 'POST') return undefined
  const [type, ...others] = valuesOf(incoming, 'content-type')
  const plain = incoming.headers['content-encoding'] === undefined
  if (type !== undefined && others.length === 0 && JSON_TYPE.test(type) && plain) return undefined
  return new LumosError('MEDIA_TYPE_UNSUPPORTED', 'The body must be application/json, uncompressed.')
}

const denied = (message: string): LumosError => new LumosError('DENIED', message)

/** Every value of a header: Node keeps only the first of some that are sent twice. */
const valuesOf = (incoming: IncomingMessage, name: string): string[] => incoming.headersDistinct[name] ?? []

/** Takes the same time for every wrong token. */
function equals(a: string, b: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest()
  return timingSafeEqual(digest(a), digest(b))
}
