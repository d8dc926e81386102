/**
 * Which programs and pages may call this node over TCP.
 *
 * A web page in the user's browser can reach loopback: directly, by a form, or
 * with a name of its own that resolves to 127.0.0.1. A rebound name is
 * same-origin to the browser and sends no Origin, so the Host is the only trace
 * of it: the list is exact. A token keeps out every other program of the machine, and
 * says what its program may do; a browser that has shown it may show a cookie
 * instead. All of it is checked before any route, and before the body is read.
 */

import { hash, timingSafeEqual } from 'node:crypto'
import type { Adoptable } from '../interface/adoption.ts'
import { LumosError } from '../interface/errors.ts'
import type { Caller } from '../interface/units.ts'
import { type Asking, unreadable, valuesOf } from './asking-form.ts'
import { HOLDER, NEIGHBOUR, OWNER, STRANGER } from './callers.ts'
import { isLoopback } from './hosts.ts'
import type { NamedTokens } from './named-tokens.ts'
import { PAGE_PATHS } from './page-paths.ts'
import { isAdopted, isPlain, pathOf } from './paths.ts'
import { usersAt } from './same-user.ts'
import { type Sessions, sessionIdsOf } from './sessions.ts'

/** Say nothing but that the node lives; a service manager asks them without a token. */
const HEALTH_PATHS: ReadonlySet<string> = new Set(['/api/v2/health', '/health/live', '/health/ready'])
const GRPC_HEALTH_PATH = '/grpc.health.v1.Health/Check'

/** A browser begins a session here: with the token, never with another session, which would last for ever. */
const SESSION_PATH = '/api/v2/session'

const MESSAGES_PATH = /^\/v1\/messages(?:[/?]|$)/

export interface TcpAccess {
  /** The only values of `Host` that are answered. */
  readonly hosts: ReadonlySet<string>
  readonly token: string
  /** Absent: there are none. */
  readonly named?: NamedTokens | undefined
  readonly sessions: Sessions
  /** Origins whose pages may use `/v1`. */
  readonly origins: ReadonlySet<string>
  /** The port of gRPC. */
  readonly isGrpc?: true
}

/**
 * The port of another program, whose clients know no token: only programs of this device ask there, no page does, and no
 * more is asked than that program would answer.
 */
export interface AdoptedAccess {
  readonly hosts: ReadonlySet<string>
  readonly product: Adoptable
}

/**
 * The caller, or why this request is not answered.
 *
 * @param access absent for the unix socket, which file permissions guard already.
 */
export function admit(incoming: Asking, access: TcpAccess | AdoptedAccess | undefined): Caller | LumosError {
  const caller = access ? callerOf(incoming, access) : ownerOf(incoming)
  return caller instanceof LumosError ? caller : (unreadable(incoming, isGrpc(access)) ?? caller)
}

/** A program that asks by the socket for others, such as an AI program, asks for no more than the token would give. */
const ownerOf = ({ headers }: Asking): Caller => (headers['x-lumos-as'] === undefined ? OWNER : HOLDER)

const isGrpc = (access: TcpAccess | AdoptedAccess | undefined): boolean =>
  access !== undefined && 'isGrpc' in access

const callerOf = (incoming: Asking, access: TcpAccess | AdoptedAccess): Caller | LumosError =>
  'product' in access
    ? (notForPrograms(incoming, access) ?? NEIGHBOUR)
    : (wrongPlace(incoming, access) ?? proven(incoming, access))

/** Why a request without a token is not answered. Browsers write both headers themselves, and no page takes them away. */
function notForPrograms(incoming: Asking, { hosts, product }: AdoptedAccess): LumosError | undefined {
  const unnamed = wrongAddress(incoming, hosts)
  if (unnamed !== undefined) return unnamed
  const { origin, 'sec-fetch-site': site } = incoming.headers
  if (origin !== undefined || (site !== undefined && site !== 'none'))
    return denied('No page may ask on this port.', 'Pages ask the gateway, with its token: gateway.origins.')
  if (isAdopted(product, pathOf(incoming))) return undefined
  return denied(
    'This path is not answered on this port.',
    'Ask the gateway, with its token: lumos-node status'
  )
}

/** Whether a page of a listed origin asks by this request, and only for what it may use. */
export const isListed = (incoming: Asking, { origins }: TcpAccess): boolean => {
  const given = valuesOf(incoming, 'origin')
  return isOpenai(incoming) && given.length === 1 && origins.has(given[0]!)
}

/** Whether the request is in OpenAI's protocol, and so is its refusal. */
export const isOpenai = ({ url = '' }: Asking): boolean => /^\/v1(?:[/?]|$)/.test(url)

/** Whether it is in Anthropic's protocol, which lies beside that of OpenAI. */
export const isAnthropic = (incoming: Asking): boolean =>
  isOpenai(incoming) &&
  (incoming.headers['anthropic-version'] !== undefined || MESSAGES_PATH.test(incoming.url ?? ''))

/** Whether a path is of Ollama's protocol: `/api` without a version behind it, which others have. */
export const isOllamaPath = (path: string): boolean => /^\/api\/(?!v\d+(?:[/?]|$))/.test(path)

/** Whether it is in the REST API of LM Studio, whose errors are those of OpenAI. */
export const isLmStudio = ({ url = '' }: Asking): boolean => /^\/api\/v0(?:[/?]|$)/.test(url)

/** Whether it is in the Open Inference Protocol of KServe. */
export const isKserve = ({ url = '' }: Asking): boolean => /^\/v2(?:[/?]|$)/.test(url)

export function wrongPlace(incoming: Asking, access: TcpAccess): LumosError | undefined {
  const unnamed = wrongAddress(incoming, access.hosts)
  if (unnamed !== undefined) return unnamed
  if (foreignOrigin(incoming, access) === undefined) return undefined
  const hint = isOpenai(incoming) ? 'If it is your page, list its origin in gateway.origins.' : undefined
  return denied('This Origin may not ask here.', hint)
}

function wrongAddress(incoming: Asking, hosts: ReadonlySet<string>): LumosError | undefined {
  const named = valuesOf(incoming, 'host')
  if (named.length !== 1 || !hosts.has(named[0]!.toLowerCase())) {
    return denied(
      'This Host is not served here.',
      `Call one of these, or list the name in gateway.hosts: ${[...hosts].join(', ')}.`
    )
  }
  // In absolute form the request line names a host of its own, which then counts instead.
  if (!incoming.url?.startsWith('/')) return denied('The request must name a path.')
  // Each check below reads the path, and the router reads it again.
  if (isPlain(pathOf(incoming))) return undefined
  return denied('The path has another spelling.', 'Write letters unescaped, and no segment "." or "..".')
}

/** The origin of a page that may not ask here. */
export function foreignOrigin(incoming: Asking, access: TcpAccess): string | undefined {
  if (isListed(incoming, access)) return undefined
  return valuesOf(incoming, 'origin').find(
    origin => !(origin.startsWith('http://') && access.hosts.has(origin.slice(7)))
  )
}

function proven(incoming: Asking, access: TcpAccess): Caller | LumosError {
  const { method, socket } = incoming
  const path = pathOf(incoming)
  const reads = method === 'GET' || method === 'HEAD'
  // With a slash at the end there is no such route, which is no question of a token.
  const isHealth = access.isGrpc
    ? path === GRPC_HEALTH_PATH
    : reads && HEALTH_PATHS.has(path.replace(/\/$/, ''))
  if (isHealth && isLoopback(socket.remoteAddress ?? '')) return STRANGER
  if (reads && PAGE_PATHS.test(path)) return STRANGER

  const shown = tokensOf(incoming)
  const [given] = shown
  if (new Set(shown).size > 1) return unauthenticated('Authorization and x-api-key name two tokens.')
  const caller = given === undefined ? undefined : holderOf(given, access)
  if (caller !== undefined) return caller

  const begins = method === 'POST' && path === SESSION_PATH
  if (begins && given !== undefined && access.sessions.redeem(given, () => usersAt(socket))) return HOLDER
  if (shown.length === 0 && !begins) {
    const session = sessionIdsOf(incoming).flatMap(id => access.sessions.callerOf(id) ?? [])[0]
    if (session !== undefined) return foreign(incoming) ?? session
  }
  return unauthenticated(given ? 'The bearer token is not that of this node.' : 'A bearer token is needed.')
}

/** What each header shows as a token, in `x-api-key` as clients of Anthropic send it. Empty: a header without one. */
function tokensOf(incoming: Asking): string[] {
  const bearers = valuesOf(incoming, 'authorization').map(value => /^Bearer (\S+)$/i.exec(value)?.[1] ?? '')
  return [...bearers, ...valuesOf(incoming, 'x-api-key')]
}

/** The one place where a token is compared. */
const holderOf = (given: string, { token, named }: TcpAccess): Caller | undefined =>
  equals(given, token) ? HOLDER : named?.callerOf(given)

const unauthenticated = (words: string): LumosError =>
  new LumosError('UNAUTHENTICATED', words, { hint: 'Print it: lumos-node token show' })

/**
 * A browser sends its cookies along with whatever any page of the same address
 * asks, whatever its port. These two headers, which no page can write, tell
 * whose request it is: only the gateway's own pages may change something, and
 * no other page loads anything.
 */
function foreign(incoming: Asking): LumosError | undefined {
  const { method, headers } = incoming
  const reads = method === 'GET' || method === 'HEAD'
  // `none` is a person who typed the address. Old browsers do not say.
  const own = ['same-origin', 'none', undefined].includes(headers['sec-fetch-site'])
  if (own && (reads || headers.origin === `http://${headers.host}`)) return undefined
  return denied('With a cookie only pages of this gateway may ask.')
}

const denied = (message: string, hint?: string): LumosError => new LumosError('DENIED', message, { hint })

/** Takes the same time for every wrong token. */
function equals(a: string, b: string): boolean {
  const digest = (text: string) => hash('sha256', text, 'buffer')
  return timingSafeEqual(digest(a), digest(b))
}
