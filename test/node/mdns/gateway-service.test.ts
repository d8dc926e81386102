/** A gateway that its user opened to other devices, found on the local network. */

import { decode, encode, type Packet } from 'dns-packet'
import { expect, it } from 'vitest'
import { FIND_MS, FOUND_MAX, findGateways } from '../../../node/network/mdns/gateway-finder.ts'
import { GATEWAY_QUESTION, gatewaysIn, type OpenGateway } from '../../../node/network/mdns/gateway-service.ts'
import { type Device, interfacesOf, LocalNetwork } from './local-network.ts'

const SERVICE = '_lumos-gateway._tcp.local'
const HOME_1 = { eth0: 'home 192.168.0.1/24 fd00::1/64 fe80::1/64', wlan0: 'air 10.0.0.1/24' }
const HOME_2 = { eth0: 'home 192.168.0.2/24 fd00::2/64' }
const OPEN: OpenGateway = { host: '0.0.0.0', port: 5866, names: ['den.lan', '192.168.0.1'] }

async function asked(gateway: OpenGateway | undefined) {
  const network = new LocalNetwork()
  const [node, asker] = [await network.device(HOME_1), await network.device(HOME_2)]
  node.gateway = gateway
  await node.discovery.start()
  return { network, node, asker }
}

const finding = async (network: LocalNetwork, { groups, cards }: Device) => {
  const found = findGateways({ groups, clock: network.clock, interfaces: () => interfacesOf(cards) })
  // Each wait begins after the one before, at the next half second.
  const [all] = await Promise.all([found, network.pass(2 * FIND_MS)])
  return all
}
const aboutGateways = ({ sent }: LocalNetwork, name: string) =>
  sent
    .filter(({ from, bytes }) => from.startsWith(name) && Buffer.from(bytes).includes('_lumos-gateway'))
    .map(({ from, bytes }) => ({ from, packet: decode(Buffer.from(bytes)) }))

it('is found by its name and port, which is all that is said of it', async () => {
  const { network, node, asker } = await asked(OPEN)
  expect(await finding(network, asker)).toEqual([
    { id: node.peerId, url: 'http://den.lan:5866', address: expect.stringMatching(/^192\.168\.0\.1$|^f[de]/) }
  ])
  const [{ packet }] = aboutGateways(network, node.name) as unknown as [{ packet: Packet }]
  expect(packet.answers!.map(({ name, type }) => [name, type])).toEqual([
    [SERVICE, 'PTR'],
    [`${node.peerId}.${SERVICE}`, 'SRV'],
    [`${node.peerId}.${SERVICE}`, 'TXT']
  ])
  const [, , text] = packet.answers!
  expect(text).toMatchObject({ data: ['txtvers=1', 'path=/', 'host=den.lan'].map(one => Buffer.from(one)) })
})

it('that is not open is not said to be there, whoever asks', async () => {
  const { network, node, asker } = await asked(undefined)
  expect(await finding(network, asker)).toEqual([])
  expect(aboutGateways(network, node.name)).toEqual([])
})

it.each<[string, OpenGateway, Record<string, string[]>]>([
  [
    'of all links is answered on the link whose address it is called by',
    { ...OPEN, names: ['192.168.0.1'] },
    { 'eth0 IPv4': ['192.168.0.1'], 'eth0 IPv6': ['192.168.0.1'] }
  ],
  [
    'of one link is not answered on another, and a name of this network has its address',
    { ...OPEN, host: '10.0.0.1', names: ['den.local'] },
    { 'wlan0 IPv4': ['10.0.0.1'] }
  ],
  [
    'of both families has the addresses of both, without those that need a zone',
    { ...OPEN, host: '::', names: ['den.local'] },
    {
      'eth0 IPv4': ['192.168.0.1', 'fd00::1'],
      'eth0 IPv6': ['192.168.0.1', 'fd00::1'],
      'wlan0 IPv4': ['10.0.0.1']
    }
  ],
  ['that no name leads to is not answered', { ...OPEN, names: ['192.168.9.9'] }, {}]
])('%s', async (_, open, expected) => {
  const { network, node } = await asked(open)
  for (const [family, source] of [
    ['IPv4', '192.168.0.9'],
    ['IPv4', '10.0.0.9'],
    ['IPv6', 'fd00::9']
  ] as const)
    node.groups[family].hear(encode(GATEWAY_QUESTION), source)
  await network.pass(500)
  const answers = aboutGateways(network, node.name).map(({ from, packet }) => [
    from.replace(/^\S+ /, ''),
    packet.answers!.flatMap(record =>
      record.type === 'A' || record.type === 'AAAA' ? [String(record.data)] : []
    )
  ])
  expect(Object.fromEntries(answers)).toEqual(expected)
})

it('is answered once a second on a link, also to one who names it, and peers are found as before', async () => {
  const { network, node } = await asked(OPEN)
  const named = encode({
    type: 'query',
    questions: [{ name: `${node.peerId}.${SERVICE}`.toUpperCase(), type: 'SRV' }]
  })
  // Names are compared whatever their case, and an mDNS program asks in the case that it was told.
  const plain = encode(GATEWAY_QUESTION)
  for (let i = 0; i < 50; i++) node.groups.IPv4.hear(i % 2 ? plain : named, '192.168.0.9')
  await network.pass(500)
  expect(aboutGateways(network, node.name)).toHaveLength(1)
  await network.pass(1000)
  node.groups.IPv4.hear(plain, '192.168.0.9')
  // Another network, and a packet that is damaged.
  node.groups.IPv4.hear(plain, '8.8.8.8')
  node.groups.IPv4.hear(plain.subarray(0, 30), '192.168.0.9')
  await network.pass(500)
  expect(aboutGateways(network, node.name)).toHaveLength(2)

  const peer = await network.device(HOME_2)
  await peer.discovery.start()
  await network.pass(1000)
  expect(node.sighted.has(peer.peerId)).toBe(true)
})

it('that stops takes back what it has said, on the links where it has, and is found no more', async () => {
  const { network, node, asker } = await asked(OPEN)
  node.groups.IPv4.hear(encode(GATEWAY_QUESTION), '192.168.0.9')
  await network.pass(500)
  const before = aboutGateways(network, node.name).length
  expect(before).toBe(1)
  await node.discovery.stop()
  const [last, ...others] = aboutGateways(network, node.name).slice(before)
  expect([last!.from, others]).toEqual([`${node.name} eth0 IPv4`, []])
  expect(last!.packet.answers!.map(record => ('ttl' in record ? record.ttl : undefined))).toEqual([0, 0, 0])
  expect(gatewaysIn(last!.packet)).toEqual([])
  expect(await finding(network, asker)).toEqual([])
})

/** What a device of the network may say. */
const forged = (port: number, host: string, target = 'x.local', instance = 'x'): Buffer =>
  encode({
    type: 'response',
    answers: [
      { name: `${instance}.${SERVICE}`, type: 'SRV', ttl: 120, data: { port, target } },
      { name: `${instance}.${SERVICE}`, type: 'TXT', data: host === '' ? [] : [`host=${host}`] }
    ]
  })

it.each([
  ['a port that is none', forged(0, 'den.lan')],
  ['a host with a path', forged(1, 'den.lan/x')],
  ['a host with a user', forged(1, 'me@den.lan')],
  ['letters that act on a terminal', forged(1, '\u001b[2J')],
  ['a name that acts on a terminal', forged(1, 'den.lan', 'x.local', '\u001b[2J')],
  ['no host', forged(1, '', '.')]
])('with %s is not taken', (_, bytes) => {
  expect(gatewaysIn(decode(bytes))).toEqual([])
})

it('of a flood so many are listed, each once, and none from another network', async () => {
  const network = new LocalNetwork()
  const asker = await network.device(HOME_2)
  const found = finding(network, asker)
  await network.pass(500)
  for (let i = 0; i < 3 * FOUND_MAX; i++)
    asker.groups.IPv4.hear(forged(1 + i, 'den.lan'), `192.168.0.${10 + (i % 9)}`)
  asker.groups.IPv4.hear(forged(1, 'far.example'), '8.8.8.8')
  asker.groups.IPv4.hear(
    Buffer.from('\0\0\x84\0\0\0\xff\xff\0\0\0\0\x0e_lumos-gateway', 'latin1'),
    '192.168.0.9'
  )
  const all = await found
  expect(all).toHaveLength(FOUND_MAX)
  expect(all.every(({ url }) => url.startsWith('http://den.lan:'))).toBe(true)
})

it('cannot be looked for where no network can be asked', async () => {
  const network = new LocalNetwork()
  const asker = await network.device(HOME_2)
  for (const group of [asker.groups.IPv4, asker.groups.IPv6]) group.refusal = 'EADDRINUSE'
  await expect(finding(network, asker)).rejects.toMatchObject({ code: 'NOT_SUPPORTED' })
})
