/** The certificate of a server that clients pin: its names are in it, and no authority vouches for it. */

import { generateKeyPairSync } from 'node:crypto'
import { isIP, isIPv4 } from 'node:net'
import { type Certificate, selfSigned } from './certificate.ts'
import { DER, der } from './der.ts'

/** 2.5.29.17 */
const ALTERNATIVE_NAMES = Buffer.from('551d11', 'hex')
/** `[2]` and `[7]` of a general name. */
const DNS_NAME = 0x82
const IP_ADDRESS = 0x87

/** @param names names and IP addresses that it is called by. */
export function createServerCertificate(names: readonly string[]): Certificate {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' })
  const general = names.map(name =>
    isIP(name) === 0 ? der(DNS_NAME, Buffer.from(name)) : der(IP_ADDRESS, bytesOf(name))
  )
  const extension = der(
    DER.sequence,
    der(DER.objectId, ALTERNATIVE_NAMES),
    der(DER.octetString, der(DER.sequence, ...general))
  )
  return selfSigned(privateKey, publicKey.export({ type: 'spki', format: 'der' }), 'lumos-node', extension)
}

function bytesOf(ip: string): Uint8Array {
  if (isIPv4(ip)) return Uint8Array.from(ip.split('.'), Number)
  // A URL writes an address of IPv6 in one form, without an address of IPv4 in it.
  const [head = '', tail] = new URL(`http://[${ip}]`).hostname.slice(1, -1).split('::')
  const groups = (part: string | undefined) => (part ? part.split(':') : [])
  const rest = groups(tail)
  const zeros = Array<string>(8 - groups(head).length - rest.length).fill('0')
  const all = [...groups(head), ...(tail === undefined ? [] : zeros), ...rest]
  return Uint8Array.from(
    all.flatMap(group => [Number.parseInt(group, 16) >> 8, Number.parseInt(group, 16) & 0xff])
  )
}
