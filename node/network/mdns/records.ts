/**
 * Questions and answers about peers, in the form of `@libp2p/mdns`, whose own code writes and reads them here. Its
 * socket is not used: it sends by the default route only, and joins the group of an interface once.
 */

import type { ComponentLogger, PeerDiscovery, PeerInfo } from '@libp2p/interface'
import { mdns } from '@libp2p/mdns'
import type { Multiaddr } from '@multiformats/multiaddr'
import type { Answer, Packet } from 'dns-packet'

const SERVICE = '_lumos._udp.local'
export const QUESTION: Packet = { type: 'query', questions: [{ name: SERVICE, type: 'PTR' }] }
const TTL_S = 120
/** A text is a length of one byte and so many. */
const TEXT_BYTES_MAX = 255

/** The parts of the service of `@libp2p/mdns` that a packet passes through. */
interface PacketReader extends PeerDiscovery {
  mdns: { respond(answers: Answer[]): void }
  _onMdnsQuery(packet: Packet): void
  _onMdnsResponse(packet: Packet): void
}

/** @param peerName what this node is called in its answers; those of this name are not read. */
export function peerRecords(peerName: string, logger: ComponentLogger) {
  const serviceName = `${peerName}.${SERVICE}`
  const reader = (addresses: readonly Multiaddr[] = []): PacketReader =>
    mdns({ serviceTag: SERVICE, peerName })({
      addressManager: { getAddresses: () => addresses },
      logger
    } as never) as PacketReader

  return {
    isQuestion: ({ questions }: Packet): boolean => questions?.[0]?.name === SERVICE,

    /** An answer with this node's own name: its own, or of a device that uses the same key. */
    isOwn: ({ answers = [] }: Packet): boolean =>
      answers.some(answer => answer.type === 'PTR' && answer.data === serviceName),

    /** @param addresses with the id of the peer. */
    answer(addresses: readonly Multiaddr[]): Packet {
      const answers: Answer[] = []
      const service = reader(addresses)
      service.mdns = { respond: records => void answers.push(...records) }
      service._onMdnsQuery(QUESTION)
      // The library leaves out addresses that are not private, which are those of some local networks.
      const texts = answers.flatMap(answer => (answer.type === 'TXT' ? [`${answer.data}`] : []))
      for (const text of addresses.map(address => `dnsaddr=${address}`)) {
        if (texts.includes(text) || text.length > TEXT_BYTES_MAX) continue
        answers.push({ name: serviceName, type: 'TXT', class: 'IN', ttl: TTL_S, data: text })
      }
      return { type: 'response', flags: AUTHORITATIVE, answers }
    },

    /** The peer that a packet is an answer of, as it says. */
    peerIn(packet: Packet): PeerInfo | undefined {
      let found: PeerInfo | undefined
      const service = reader()
      service.addEventListener('peer', ({ detail }) => {
        found = detail
      })
      service._onMdnsResponse(packet)
      return found
    }
  }
}

export type PeerRecords = ReturnType<typeof peerRecords>

/** This node alone knows its addresses. */
const AUTHORITATIVE = 1 << 10
