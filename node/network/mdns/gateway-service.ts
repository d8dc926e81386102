/**
 * A gateway that other devices reach, as DNS-SD has it (RFC 6763): `_lumos-gateway._tcp`. It is called by the PeerId, which
 * peers on the network hear anyway; neither the device nor its mesh is named.
 */

import { isIP, isIPv6 } from 'node:net'
import type { Answer, Packet, TxtAnswer } from 'dns-packet'
import { isLinkLocal } from '../address-order.ts'
import type { Link } from './links.ts'

const SERVICE = '_lumos-gateway._tcp.local'
/** The first label, as it is on the wire. */
const LABEL = Buffer.from('\u000e_lumos-gateway', 'latin1')
const TTL_S = 120
/** This node alone knows them. */
const AUTHORITATIVE = 1 << 10
/** What stands in a URL without being escaped. */
const HOST_NAME = /^[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?$/i
/** A PeerId, or what another program calls its gateway. */
const ID = /^[\w-]{1,63}$/
const PORT_MAX = 65_535

export interface OpenGateway {
  /** The IP address that it listens on, of one link or of all. */
  readonly host: string
  readonly port: number
  /** What other devices call it: a request by another name is refused. */
  readonly names: readonly string[]
}

/** A gateway as a packet says it is. */
export interface SaidGateway {
  readonly id: string
  readonly url: string
}

/** Whether a packet may be about a gateway. It costs little, as of a busy network most are not. */
export const concernsGateways = (bytes: Buffer): boolean => bytes.includes(LABEL)

export const GATEWAY_QUESTION: Packet = { type: 'query', questions: [{ name: SERVICE, type: 'PTR' }] }

export function isGatewayQuestion({ questions = [] }: Packet, id: string): boolean {
  const asked = [SERVICE, `${id}.${SERVICE}`].map(name => name.toLowerCase())
  return questions.some(({ name }) => asked.includes(name.toLowerCase()))
}

/**
 * What is said of it on this link; nothing where no name leads there over this link.
 *
 * @param ttlS how long others keep it. With 0 they forget it at once (RFC 6762, 10.1).
 */
export function gatewayAnswer(
  id: string,
  { host, port, names }: OpenGateway,
  link: Link,
  ttlS = TTL_S
): Packet | undefined {
  if (link.kind !== 'lan') return undefined
  const addresses = link.addresses.filter(own => leadsTo(host, own))
  const name = names.find(called => isIP(called) === 0) ?? names.find(called => addresses.includes(called))
  if (addresses.length === 0 || name === undefined) return undefined
  const instance = `${id}.${SERVICE}`
  const target = isIP(name) === 0 ? name : `${id}.local`
  const answers: Answer[] = [
    { name: SERVICE, type: 'PTR', ttl: ttlS, data: instance },
    { name: instance, type: 'SRV', ttl: ttlS, data: { port, target } },
    { name: instance, type: 'TXT', ttl: ttlS, data: ['txtvers=1', 'path=/', `host=${name}`] },
    // A name of a network's own DNS leads where that says.
    ...(target.endsWith('.local') ? addresses : []).map(
      (data): Answer => ({ name: target, type: isIPv6(data) ? 'AAAA' : 'A', ttl: ttlS, data })
    )
  ]
  return { type: 'response', flags: AUTHORITATIVE, answers }
}

/** Whether a gateway that listens on `host` is reached at this address. A link-local one of IPv6 has a zone, which no URL has. */
const leadsTo = (host: string, own: string): boolean => {
  if (isIPv6(own)) return !isLinkLocal(own) && (host === '::' || host === own)
  return host === '0.0.0.0' || host === '::' || host === own
}

/** Those that a packet tells of. It is a claim of any device there. */
export function gatewaysIn({ answers = [], additionals = [] }: Packet): SaidGateway[] {
  const records = [...answers, ...additionals]
  return records.flatMap(record => {
    // One that has gone says so, too.
    if (record.type !== 'SRV' || record.ttl === 0 || !record.name.endsWith(`.${SERVICE}`)) return []
    const { port, target } = record.data
    const text = records.find(
      (other): other is TxtAnswer => other.type === 'TXT' && other.name === record.name
    )
    const host = valueIn(text, 'host') ?? target
    const id = record.name.slice(0, -SERVICE.length - 1)
    const isHost = isIP(host) !== 0 || HOST_NAME.test(host)
    if (!ID.test(id) || !isHost || !Number.isInteger(port) || port < 1 || port > PORT_MAX) return []
    return [{ id, url: `http://${isIPv6(host) ? `[${host}]` : host}:${port}` }]
  })
}

function valueIn(text: TxtAnswer | undefined, key: string): string | undefined {
  const strings = [text?.data ?? []].flat().map(String)
  return strings.find(string => string.startsWith(`${key}=`))?.slice(key.length + 1)
}
