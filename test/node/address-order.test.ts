import type { NetworkInterfaceInfo } from 'node:os'
import { multiaddr } from '@multiformats/multiaddr'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { addressOrder, type Interfaces } from '../../node/network/address-order.ts'

const MAC = '02:00:00:00:00:01'

const v4 = (address: string, prefix: number, { internal = false, mac = MAC } = {}): NetworkInterfaceInfo => ({
  address,
  cidr: `${address}/${prefix}`,
  family: 'IPv4',
  netmask: '',
  internal,
  mac
})
const v6 = (address: string, prefix: number, { internal = false, mac = MAC } = {}): NetworkInterfaceInfo => ({
  ...v4(address, prefix, { internal, mac }),
  family: 'IPv6',
  scopeid: 0
})

const LAPTOP: Interfaces = {
  lo: [v4('127.0.0.1', 8, { internal: true }), v6('::1', 128, { internal: true })],
  docker0: [v4('172.17.0.1', 16), v6('fe80::d', 64)],
  'br-9f3c': [v4('172.18.0.1', 16)],
  tailscale0: [v4('100.100.1.2', 32, { mac: '00:00:00:00:00:00' })],
  eth0: [v4('192.168.7.5', 24), v6('2001:db8:7::5', 64), v6('fe80::5', 64)],
  wlan0: [v4('192.168.8.5', 24)]
}

const sorted = (texts: readonly string[], interfaces = LAPTOP, defaultSources = ['192.168.8.5']): string[] =>
  addressOrder({ interfaces, defaultSources })(texts.map(text => multiaddr(`${text}/tcp/5867`))).map(
    address => address.toString().replace('/tcp/5867', '')
  )

describe('the order of addresses', () => {
  it('puts what this device has on links before tunnels, bridges and loopback', () => {
    const own = Object.values(LAPTOP).flatMap(infos =>
      infos!.map(info => `/ip${info.family.at(-1)}/${info.address}`)
    )
    expect(sorted(own)).toEqual([
      '/ip4/192.168.8.5',
      '/ip4/192.168.7.5',
      '/ip6/2001:db8:7::5',
      '/ip6/fe80::5',
      '/ip4/100.100.1.2',
      '/ip4/172.17.0.1',
      '/ip6/fe80::d',
      '/ip4/172.18.0.1',
      '/ip4/127.0.0.1',
      '/ip6/::1'
    ])
  })

  it('puts a peer of the same subnet before one that is routed, and one behind a bridge of its own last', () => {
    const peer = [
      '/ip4/172.17.0.9',
      '/ip4/10.9.9.9',
      '/ip4/51.75.9.1',
      '/ip4/192.168.7.9',
      '/ip4/192.168.8.9'
    ]
    expect(sorted(peer)).toEqual([
      '/ip4/192.168.8.9',
      '/ip4/192.168.7.9',
      '/ip4/10.9.9.9',
      '/ip4/51.75.9.1',
      '/ip4/172.17.0.9'
    ])
  })

  it('takes the narrower network where two of this device hold an address', () => {
    const interfaces = { wg0: [v4('10.0.0.5', 8)], eth0: [v4('10.1.1.5', 24)] }
    expect(sorted(['/ip4/10.2.2.2', '/ip4/10.1.1.9'], interfaces, ['10.0.0.5'])).toEqual([
      '/ip4/10.1.1.9',
      '/ip4/10.2.2.2'
    ])
  })

  const ip = fc.ipV4().filter(text => !text.startsWith('127.') && !text.startsWith('169.254.'))
  const virtual = fc.constantFrom(
    'docker0',
    'br-1',
    'virbr0',
    'veth12',
    'tun0',
    'utun3',
    'wg0',
    'tailscale0',
    'vEthernet (WSL)'
  )

  it('loses and adds no address, and does not depend on the order of different ones', () => {
    fc.assert(
      fc.property(
        fc.array(ip),
        fc.array(fc.tuple(fc.string(), ip, fc.integer({ min: 0, max: 32 }))),
        (ips, links) => {
          const interfaces = Object.fromEntries(links.map(([name, own, prefix]) => [name, [v4(own, prefix)]]))
          const texts = ips.map(each => `/ip4/${each}`)
          const once = sorted(texts, interfaces, [])
          expect(once.toSorted()).toEqual(texts.toSorted())
          expect(sorted(once, interfaces, [])).toEqual(once)
        }
      )
    )
  })

  it('never puts an address of a bridge or a tunnel before one of a link', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(ip, { minLength: 2, maxLength: 2 }),
        virtual,
        fc.boolean(),
        ([a, b], name, leads) => {
          const interfaces = { [name]: [v4(a!, 24)], eth0: [v4(b!, 24)] }
          const own = sorted([`/ip4/${a}`, `/ip4/${b}`], interfaces, leads ? [a!] : [b!])
          expect(own[0]).toBe(`/ip4/${b}`)
        }
      )
    )
  })
})
