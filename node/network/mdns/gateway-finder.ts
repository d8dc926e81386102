/** Looks for gateways on the local networks, for a program that is no node: asks twice, and takes what comes. */

import type { Clock } from '../../../interface/clock.ts'
import { LumosError } from '../../../interface/errors.ts'
import type { Interfaces } from '../address-order.ts'
import { pause } from '../deadline.ts'
import { concernsGateways, GATEWAY_QUESTION, gatewaysIn, type SaidGateway } from './gateway-service.ts'
import type { Group } from './group-socket.ts'
import { arrivedOn, type Family, linksOf } from './links.ts'
import { readPacket, writePacket } from './packets.ts'
import { SourceRates } from './source-rates.ts'

/** One answers a second at most, so the second question comes later than that. */
const ASK_AGAIN_MS = 1200
/** A person waits so long. */
export const FIND_MS = 2500
/** More are a sign of something else. */
export const FOUND_MAX = 64

export interface FoundGateway extends SaidGateway {
  /** Of the device that said so first. */
  readonly address: string
}

export interface FinderParts {
  readonly groups: Readonly<Record<Family, Group>>
  readonly clock: Clock
  interfaces(): Interfaces
}

/** @throws {LumosError} `NOT_SUPPORTED` where no link can be asked on. */
export async function findGateways({ groups, clock, interfaces }: FinderParts): Promise<FoundGateway[]> {
  const links = linksOf(interfaces()).filter(({ kind }) => kind !== 'tunnel')
  const found = new Map<string, FoundGateway>()
  const rates = new SourceRates()
  const hear = (family: Family) => (bytes: Buffer, source: string) => {
    if (!concernsGateways(bytes) || !rates.take(source, clock.monotonicMs())) return
    const packet = readPacket(bytes)
    if (packet?.type !== 'response' || arrivedOn(links, family, source).length === 0) return
    const address = source.split('%')[0]!
    for (const said of gatewaysIn(packet)) {
      const key = `${said.id} ${said.url}`
      if (found.size < FOUND_MAX && !found.has(key)) found.set(key, { ...said, address })
    }
  }
  const ask = async (family: Family): Promise<void> => {
    await groups[family].open(hear(family))
    for (const link of links.filter(one => one.family === family)) {
      groups[family].join(link)
      groups[family].send(writePacket(GATEWAY_QUESTION), link).catch(() => {})
    }
  }
  const families: readonly Family[] = ['IPv4', 'IPv6']
  try {
    const asked = await Promise.allSettled(families.map(ask))
    const failures = asked.flatMap(one => (one.status === 'rejected' ? [one.reason as Error] : []))
    if (failures.length === families.length)
      throw new LumosError('NOT_SUPPORTED', `No network can be asked: ${failures[0]!.message}.`)
    await pause(clock, ASK_AGAIN_MS)
    await Promise.allSettled(families.map(ask))
    await pause(clock, FIND_MS - ASK_AGAIN_MS)
  } finally {
    for (const family of families) groups[family].close()
  }
  return [...found.values()].sort((a, b) => a.url.localeCompare(b.url))
}
