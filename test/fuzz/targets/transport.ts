/** What reads the bytes of a connection before there is any peer to speak of. */

import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { generateKeyPairFromSeed } from '@libp2p/crypto/keys'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import type { AbstractMultiaddrConnection } from '@libp2p/utils'
import { multiaddrConnectionPair } from '@libp2p/utils'
import { multiaddr } from '@multiformats/multiaddr'
import { ProtocolViolationError } from '../../../interface/errors.ts'
import { GATEWAY_QUESTION, gatewayAnswer, gatewaysIn } from '../../../node/network/mdns/gateway-service.ts'
import { lanAddresses } from '../../../node/network/mdns/lan-addresses.ts'
import { linksOf } from '../../../node/network/mdns/links.ts'
import { readPacket, writePacket } from '../../../node/network/mdns/packets.ts'
import { peerRecords, QUESTION } from '../../../node/network/mdns/records.ts'
import { derValues } from '../../../protocols/transport/tls/der.ts'
import { peerOfCertificate } from '../../../protocols/transport/tls/verify.ts'
import { sparingYamux } from '../../../protocols/transport/yamux.ts'
import { SILENT } from '../../node/mdns/local-network.ts'
import {
  certificateOf,
  extensionsOf,
  issued,
  keyInfoOf,
  membersOf,
  proof,
  proofExtension
} from '../../protocols/certificates.ts'
import { fixedKey, mutatedCertificate } from '../certificates.ts'
import type { Target } from '../target.ts'

const NOW_MS = Date.UTC(2026, 0, 1)
/** Streams that a peer may have open, as the settings of yamux say; and one that is being refused. */
const STREAMS_MAX = 1024

/** A peer with its key of a handshake, the same in each run. */
async function handshaker(name: string) {
  const identity = await generateKeyPairFromSeed('Ed25519', createHash('sha256').update(name).digest())
  const { privateKey, publicKey } = fixedKey(name)
  const keyInfo = keyInfoOf(publicKey)
  const members = membersOf(keyInfo, extensionsOf(proofExtension(await proof(identity, keyInfo))))
  return {
    privateKey,
    keyInfo: keyInfo.toString('hex'),
    certificate: issued(members, privateKey),
    peer: String(peerIdFromPrivateKey(identity))
  }
}
const [victim, attacker] = [await handshaker('tls'), await handshaker('attacker')]
/** By the key of a handshake, the peer that has signed it; no peer has signed any other. */
const signers = new Map([victim, attacker].map(({ keyInfo, peer }) => [keyInfo, peer]))

/** Holds the one promise of a handshake: the peer that is named has signed the key that OpenSSL uses. */
async function named(bytes: Uint8Array): Promise<string> {
  const certificate = certificateOf(bytes)
  const peer = String(await peerOfCertificate(certificate, NOW_MS))
  assert.equal(
    peer,
    signers.get(keyInfoOf(certificate.publicKey).toString('hex')),
    'the peer has not signed this key'
  )
  return peer
}

/** version, type, flags, stream, length: https://github.com/hashicorp/yamux/blob/master/spec.md */
function yamuxFrame(type: number, flags: number, stream: number, length: number, body = ''): Buffer {
  const head = Buffer.alloc(12)
  head[1] = type
  head.writeUInt16BE(flags, 2)
  head.writeUInt32BE(stream, 4)
  head.writeUInt32BE(length, 8)
  return Buffer.concat([head, Buffer.from(body)])
}
const [DATA, WINDOW, PING, GO_AWAY] = [0, 1, 2, 3] as const
const [NONE, SYN, ACK, FIN, RST] = [0, 1, 2, 4, 8] as const

/** All that a peer sends on a fresh connection, which it thereby may lose. */
async function muxed(bytes: Uint8Array): Promise<number> {
  const [remote, local] = multiaddrConnectionPair()
  const muxer = sparingYamux()().createStreamMuxer(local)
  try {
    const connection = local as unknown as AbstractMultiaddrConnection
    // Cut in the middle of a frame, and most likely of a header.
    connection.onData(bytes.subarray(0, bytes.length >> 1))
    connection.onData(bytes.subarray(bytes.length >> 1))
    await new Promise(setImmediate)
    assert.ok(muxer.streams.length <= STREAMS_MAX)
    if (local.status !== 'open') throw new ProtocolViolationError('The connection was ended.')
    return muxer.streams.length
  } finally {
    muxer.abort(new Error('done'))
    local.abort(new Error('done'))
    remote.abort(new Error('done'))
  }
}

const records = peerRecords('self', SILENT)
const honest = peerRecords(victim.peer, SILENT)
const CARD = { mac: '02:00:00:00:00:01', netmask: '', internal: false }
const interfaces = {
  eth0: [
    { ...CARD, address: '192.168.0.1', cidr: '192.168.0.1/24', family: 'IPv4' as const, scopeid: 0 as never },
    { ...CARD, address: 'fe80::1', cidr: 'fe80::1/64', family: 'IPv6' as const, scopeid: 2 }
  ]
}
const LOCAL = /^(\/ip4\/(10|172|192|169)\.|\/ip6\/f[cd]|\/ip6zone\/eth0\/ip6\/fe[89ab])[^/]*\/tcp\/\d+$/

/** A packet of any device of the network. What is dialed for it is an address of that network. */
function sighted(bytes: Uint8Array): string[] {
  const packet = readPacket(Buffer.from(bytes))
  if (packet === undefined) throw new ProtocolViolationError('The packet is not about peers.')
  const found = packet.type === 'response' ? records.peerIn(packet) : undefined
  const arrival = { link: linksOf(interfaces)[0]!, source: '192.168.0.9', interfaces }
  const addresses = lanAddresses(found?.multiaddrs ?? [], arrival).map(String)
  for (const address of addresses) assert.match(address, LOCAL)
  return addresses
}

/** What `connect --find` shows of a packet: addresses, and nothing that acts on a terminal. */
function gatewaysOf(bytes: Uint8Array): string[] {
  const packet = readPacket(Buffer.from(bytes))
  if (packet === undefined) throw new ProtocolViolationError('The packet is not about gateways.')
  const urls = gatewaysIn(packet).map(({ url }) => url)
  for (const url of urls) assert.match(url, /^http:\/\/(?:[\w.-]+|\[[\da-f:.%\w]+\]):\d{1,5}$/i)
  return urls
}

const gateway = { host: '::', port: 5866, names: ['den.local', '192.168.0.1'] }

export const TRANSPORT_TARGETS: readonly Target[] = [
  {
    name: 'gateway packet',
    seeds: [
      writePacket(GATEWAY_QUESTION),
      writePacket(gatewayAnswer(victim.peer, gateway, linksOf(interfaces)[0]!)!)
    ],
    words: ['host=', '\u000e_lumos-gateway', '\u00c0\u000c', '[::1]', '@', '/../'],
    share: 0.2,
    read: gatewaysOf
  },
  {
    name: 'discovery packet',
    seeds: [
      writePacket(QUESTION),
      writePacket(
        honest.answer(
          ['/ip4/192.168.0.9/tcp/5867', '/ip6/fe80::9/tcp/5867', '/ip4/51.75.9.1/tcp/1'].map(address =>
            multiaddr(`${address}/p2p/${victim.peer}`)
          )
        )
      )
    ],
    words: ['dnsaddr=/', 'ip6zone/lo/', '/dns4/x', '\u0006_lumos', '\u00c0\u000c', '/ip4/127.0.0.1'],
    read: sighted
  },
  {
    name: 'tls certificate',
    // The certificate that was once believed, whatever key it named, needs 30,455 with the seed of the tests.
    share: 4,
    seeds: [victim.certificate, attacker.certificate],
    mutate: (_bytes, random) =>
      mutatedCertificate(attacker.certificate, victim.certificate, attacker.privateKey, random),
    read: named
  },
  {
    name: 'der',
    seeds: [victim.certificate],
    read: bytes => derValues(Buffer.from(bytes)).length
  },
  {
    name: 'yamux',
    share: 0.2,
    seeds: [
      Buffer.concat([
        yamuxFrame(WINDOW, SYN, 1, 0),
        yamuxFrame(DATA, NONE, 1, 5, 'hello'),
        yamuxFrame(DATA, FIN, 1, 0)
      ]),
      Buffer.concat([yamuxFrame(DATA, SYN, 3, 2, 'ab'), yamuxFrame(WINDOW, RST, 3, 0)]),
      yamuxFrame(PING, SYN, 0, 7)
    ],
    words: [
      yamuxFrame(PING, ACK, 0, 7),
      yamuxFrame(GO_AWAY, NONE, 0, 0),
      yamuxFrame(WINDOW, SYN, 5, 2 ** 32 - 1)
    ].map(frame => frame.toString('latin1')),
    read: muxed
  }
]
