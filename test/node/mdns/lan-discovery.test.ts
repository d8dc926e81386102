import { decode, encode } from 'dns-packet'
import { expect, it } from 'vitest'
import { COPY_AGE_MS_MAX, SIGHTINGS_MAX } from '../../../node/network/lan-report.ts'
import {
  ANNOUNCE_INTERVAL_MS,
  ANSWER_INTERVAL_MS,
  ASK_INTERVAL_MS,
  LOOK_INTERVAL_MS
} from '../../../node/network/mdns/lan-discovery.ts'
import { PACKET_BYTES_MAX, RECORDS_MAX } from '../../../node/network/mdns/packets.ts'
import { PACKETS_MAX, PACKETS_PER_SOURCE_MAX } from '../../../node/network/mdns/source-rates.ts'
import { type Cards, type Device, LocalNetwork } from './local-network.ts'

/** Two devices with these cards, started one after the other. */
async function two(one: Cards, other: Cards) {
  const network = new LocalNetwork()
  const [a, b] = [await network.device(one), await network.device(other)]
  await a.discovery.start()
  await b.discovery.start()
  await network.pass(ANSWER_INTERVAL_MS)
  return { network, a, b }
}

const HOME_1 = { eth0: 'home 192.168.0.1/24' }
const HOME_2 = { eth0: 'home 192.168.0.2/24' }
const addressesOf = (device: Device, other: Device) => device.sighted.get(other.peerId)
const linksOf = ({ report }: Device) =>
  report.links.map(({ name, family, state }) => `${name} ${family} ${state}`)
const askedOn = ({ sent }: LocalNetwork, device: Device) =>
  new Set(
    sent.filter(({ from }) => from.startsWith(device.name)).map(({ from }) => from.replace(/^\S+ /, ''))
  )

it('finds both ways at once', async () => {
  const { a, b } = await two(HOME_1, HOME_2)
  expect(addressesOf(a, b)).toEqual(['/ip4/192.168.0.2/tcp/5867'])
  expect(addressesOf(b, a)).toEqual(['/ip4/192.168.0.1/tcp/5867'])
})

it('asks and answers on every link in both families, and not on tunnels', async () => {
  const cards = {
    lo: 'self 127.0.0.1/8 ::1/128',
    tun0: 'vpn 10.8.0.2/24',
    eth0: 'home 192.168.0.1/24 fe80::1/64 2a01:db8::1/64',
    wlan0: 'air 192.168.0.7/24'
  }
  const { network, a, b } = await two(cards, { wlan0: 'air 192.168.0.8/24', tun0: 'vpn 10.8.0.3/24' })
  expect(askedOn(network, a)).toEqual(new Set(['lo IPv4', 'eth0 IPv4', 'eth0 IPv6', 'wlan0 IPv4']))
  expect(linksOf(a)).toEqual([
    'lo ipv4 asking',
    'tun0 ipv4 tunnel',
    'eth0 ipv4 asking',
    'wlan0 ipv4 asking',
    'eth0 ipv6 asking'
  ])
  expect(addressesOf(b, a)).toEqual(['/ip4/192.168.0.7/tcp/5867'])
})

it('answers with the addresses of the link alone, however many bridges there are', async () => {
  const bridges = Object.fromEntries(
    Array.from({ length: 20 }, (_, i) => [`br${i}`, `br${i} 172.${i + 1}.0.1/16`])
  )
  const { a, b } = await two({ ...bridges, ...HOME_1 }, HOME_2)
  expect(addressesOf(b, a)).toEqual(['/ip4/192.168.0.1/tcp/5867'])
})

it.each([
  ['a cable without IPv4', 'cable fe80::1/64', 'cable fe80::2/64', '/ip6zone/eth0/ip6/fe80::2/tcp/5867'],
  ['a cable without a router', 'cable 169.254.1.1/16', 'cable 169.254.2.2/16', '/ip4/169.254.2.2/tcp/5867'],
  ['public addresses', 'lan 51.75.9.1/24', 'lan 51.75.9.2/24', '/ip4/51.75.9.2/tcp/5867'],
  ['IPv6 only', 'lan fd00:9::1/64 fe80::1/64', 'lan fd00:9::2/64 fe80::2/64', '/ip6/fd00:9::2/tcp/5867']
])('finds on %s', async (_, one, other, address) => {
  const { a, b } = await two({ eth0: one }, { eth0: other })
  expect(addressesOf(a, b)).toContain(address)
})

it('finds again within a look when a card came late, got another address, or was made anew', async () => {
  const { network, a, b } = await two({}, HOME_2)
  expect(addressesOf(a, b)).toBeUndefined()
  a.cards = HOME_1
  await network.pass(LOOK_INTERVAL_MS)
  expect(addressesOf(a, b)).toHaveLength(1)

  a.cards = { eth0: 'home 192.168.0.77/24' }
  await network.pass(LOOK_INTERVAL_MS)
  expect(addressesOf(b, a)).toEqual(['/ip4/192.168.0.77/tcp/5867'])

  // The kernel forgets the membership of a card that is gone; one made anew looks the same.
  a.groups.IPv4.joined.clear()
  a.sighted.clear()
  await network.pass(LOOK_INTERVAL_MS)
  expect(addressesOf(a, b)).toHaveLength(1)
})

it('says that the port is taken, and finds when it is free again', async () => {
  const network = new LocalNetwork()
  const [a, b] = [await network.device(HOME_1), await network.device(HOME_2)]
  a.groups.IPv4.refusal = 'EADDRINUSE'
  await a.discovery.start()
  await b.discovery.start()
  await network.pass(10_000)
  expect(linksOf(a)).toEqual(['eth0 ipv4 port-taken'])
  expect(a.warnings).toEqual([expect.stringContaining('UDP port 5353')])

  a.groups.IPv4.refusal = undefined
  await network.pass(LOOK_INTERVAL_MS)
  expect(addressesOf(a, b)).toHaveLength(1)
})

it('says why a packet did not leave, and asks again at each look until one does', async () => {
  const { network, a, b } = await two(HOME_1, HOME_2)
  a.groups.IPv4.unsent = 'ENETUNREACH'
  await network.pass(ASK_INTERVAL_MS + LOOK_INTERVAL_MS)
  expect(a.report.links).toMatchObject([{ state: 'asking', error: 'ENETUNREACH' }])

  a.groups.IPv4.unsent = undefined
  b.sighted.clear()
  await network.pass(LOOK_INTERVAL_MS)
  expect(a.report.links).toMatchObject([{ state: 'asking', error: null }])
  expect(addressesOf(b, a)).toHaveLength(1)
})

it('is found by a device whose firewall lets no question in', async () => {
  const { network, a, b } = await two(HOME_1, HOME_2)
  a.sighted.clear()
  b.sighted.clear()
  // Nothing arrives at a any more, so it never answers.
  a.groups.IPv4.hear = () => {}
  await network.pass(ASK_INTERVAL_MS + LOOK_INTERVAL_MS)
  expect(addressesOf(b, a)).toHaveLength(1)
})

it('asks nothing after a minute, and announces itself now and then, until its link changes', async () => {
  const { network, a, b } = await two(HOME_1, HOME_2)
  await network.pass(90_000)
  const before = network.sent.length
  a.sighted.clear()
  await network.pass(60_000)
  const sent = network.sent.slice(before).map(({ bytes }) => decode(Buffer.from(bytes)).type)
  expect(new Set(sent)).toEqual(new Set(['response']))
  expect(sent.length).toBeLessThanOrEqual((2 * 60_000) / ANNOUNCE_INTERVAL_MS + 2)
  expect(addressesOf(a, b)).toHaveLength(1)

  a.cards = { eth0: 'home 192.168.0.77/24' }
  await network.pass(LOOK_INTERVAL_MS)
  const last = network.sent.filter(({ from }) => from.startsWith(a.name)).slice(-2)
  expect(last.map(({ bytes }) => decode(Buffer.from(bytes)).type)).toEqual(['query', 'response'])
})

it('answers questions that come close together once', async () => {
  const { network, a } = await two(HOME_1, HOME_2)
  await network.pass(500)
  const before = network.sent.length
  const question = encode({ type: 'query', questions: [{ name: '_lumos._udp.local', type: 'PTR' }] })
  for (let i = 0; i < 50; i++) a.groups.IPv4.hear(question, '192.168.0.9')
  await network.pass(ANSWER_INTERVAL_MS)
  const answers = network.sent.slice(before).filter(({ from }) => from.startsWith(a.name))
  expect(answers).toHaveLength(1)
})

it('notes a device that answers with its own key until it is gone, and never itself', async () => {
  const { network, a } = await two(HOME_1, HOME_2)
  await network.pass(10_000)
  expect(a.report.copy).toBeNull()
  const own = network.sent.findLast(
    ({ from, bytes }) => from.startsWith(a.name) && decode(Buffer.from(bytes)).type === 'response'
  )!
  a.groups.IPv4.hear(own.bytes, '192.168.0.3')
  expect(a.report.copy).toMatchObject({ address: '192.168.0.3', link: 'eth0' })
  await network.pass(COPY_AGE_MS_MAX)
  expect(a.report.copy).toBeNull()
})

it('knows its own packets where two of its cards are in one network', async () => {
  const network = new LocalNetwork()
  const cards = { eth0: 'home 192.168.0.1/24', wlan0: 'home 192.168.0.2/24' }
  const a = await network.device(cards)
  await a.discovery.start()
  await network.pass(10_000)
  expect(linksOf(a)).toEqual(['eth0 ipv4 asking', 'wlan0 ipv4 asking'])
  expect(a.report.copy).toBeNull()
  expect(a.report.links.map(({ heardMs }) => heardMs)).toEqual([null, null])
})

/** An answer that some device of the network made up. */
function forged(texts: string[], name = 'x'): Buffer {
  const service = '_lumos._udp.local'
  return encode({
    type: 'response',
    answers: [
      { name: service, type: 'PTR', data: `${name}.${service}` },
      ...texts.map(text => ({ name: `${name}.${service}`, type: 'TXT' as const, data: `dnsaddr=${text}` }))
    ]
  })
}
const STRANGER = '12D3KooWGzBKWGJAFHNCvbYuWGmYcTn7CvLDm5qtcJsjFbaxmEVb'
const at = (address: string) => `${address}/p2p/${STRANGER}`

it.each([
  ['a packet from another network', forged([at('/ip4/192.168.0.9/tcp/1')]), '8.8.8.8'],
  ['an address on the internet', forged([at('/ip4/8.8.8.8/tcp/1')]), '192.168.0.9'],
  ['an address of this machine', forged([at('/ip4/127.0.0.1/tcp/1')]), '192.168.0.9'],
  ['a name to look up', forged([at('/dns4/victim.example/tcp/1')]), '192.168.0.9'],
  ['an address of two parts', forged([at(`${at('/ip4/192.168.0.9/tcp/1')}/tcp/2`)]), '192.168.0.9'],
  ['no id', forged(['/ip4/192.168.0.9/tcp/1']), '192.168.0.9'],
  [
    'more records than any peer has',
    forged(Array(RECORDS_MAX).fill(at('/ip4/192.168.0.9/tcp/1'))),
    '192.168.0.9'
  ],
  [
    'a packet that is too large',
    Buffer.concat([forged([at('/ip4/192.168.0.9/tcp/1')]), Buffer.alloc(PACKET_BYTES_MAX)]),
    '192.168.0.9'
  ],
  ['a damaged packet', forged([at('/ip4/192.168.0.9/tcp/1')]).subarray(0, 90), '192.168.0.9'],
  [
    'a header alone that claims 65535 records',
    Buffer.from(`\0\0\x84\0\0\0\xff\xff\0\0\0\0\x06_lumos`, 'latin1'),
    '192.168.0.9'
  ]
])('takes no sighting from %s', async (_, bytes, source) => {
  const { a } = await two(HOME_1, HOME_2)
  a.sighted.clear()
  a.groups.IPv4.hear(bytes, source)
  expect(a.sighted.size).toBe(0)
})

it('puts its own zone in place of one that a packet names, and the proven address first', async () => {
  const { a } = await two({ eth0: 'home 192.168.0.1/24 fe80::1/64' }, HOME_2)
  const claimed = ['/ip4/172.16.0.1/tcp/1', '/ip6zone/lo/ip6/fe80::9/tcp/1', '/ip4/192.168.0.9/tcp/1'].map(at)
  a.groups.IPv4.hear(forged(claimed), '192.168.0.9')
  expect(a.sighted.get(STRANGER)).toEqual([
    '/ip4/192.168.0.9/tcp/1',
    '/ip4/172.16.0.1/tcp/1',
    '/ip6zone/eth0/ip6/fe80::9/tcp/1'
  ])
})

it('reads so many packets a second of one source and of all, and keeps so many sightings', async () => {
  const { network, a } = await two(HOME_1, HOME_2)
  await network.pass(1000)
  let seen = 0
  a.discovery.addEventListener('peer', () => seen++)
  const packet = forged([at('/ip4/192.168.0.9/tcp/1')])
  for (let i = 0; i < 1000; i++) a.groups.IPv4.hear(packet, '192.168.0.9')
  expect(seen).toBe(PACKETS_PER_SOURCE_MAX)
  for (let i = 0; i < 1000; i++) a.groups.IPv4.hear(packet, `192.168.0.${10 + (i % 200)}`)
  // Those of the other device count, too.
  expect(seen).toBeGreaterThan(PACKETS_MAX - 5)
  expect(seen).toBeLessThanOrEqual(PACKETS_MAX)
  await network.pass(1000)
  for (let i = 0; i < 2 * SIGHTINGS_MAX; i++) a.report.saw({ peerId: `${i}`, address: '', link: '' })
  expect(a.report.sightings()).toHaveLength(SIGHTINGS_MAX)
})

it('hears its peers on a network that is busy with the packets of others', async () => {
  const { network, a } = await two(HOME_1, HOME_2)
  await network.pass(1000)
  a.sighted.clear()
  const other = encode({ type: 'query', questions: [{ name: '_ipp._tcp.local', type: 'PTR' }] })
  for (let i = 0; i < 2 * PACKETS_MAX; i++) a.groups.IPv4.hear(other, `192.168.0.${10 + (i % 200)}`)
  a.groups.IPv4.hear(forged([at('/ip4/192.168.0.9/tcp/1')]), '192.168.0.9')
  expect(a.sighted.has(STRANGER)).toBe(true)
})

it('stops: its timers end, and its links are gone from the report', async () => {
  const { network, a, b } = await two(HOME_1, HOME_2)
  await a.discovery.stop()
  await b.discovery.stop()
  expect(network.clock.timers).toBe(0)
  expect(a.report.links).toEqual([])
})
