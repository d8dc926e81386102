import { multiaddr } from '@multiformats/multiaddr'
import { describe, expect, it } from 'vitest'
import type { Manifest } from '../../interface/manifest.ts'
import { manifestAddresses } from '../../node/network/stated-addresses.ts'

const PEER = '12D3KooWBE8JpfLUgwNy45C9Hy51QFNyjmudNuautZLUcCURAkTa'
const OTHER = '12D3KooWCiGGbW1j3yRcRiony9ahXSamT8voUkBxWSHSkxhnrcnf'
const counts = (address: string, own: string): boolean =>
  manifestAddresses({ peerId: PEER, addresses: [address] } as unknown as Manifest, [multiaddr(own)])
    .length === 1

describe('an address that a peer states of itself', () => {
  it.each([
    ['/ip4/192.168.7.1/tcp/1', true],
    ['/ip4/8.8.8.8/tcp/1', true],
    ['/ip6/fe80::1/tcp/1', true],
    ['/memory/board', true],
    // Of the machine that reads it.
    ['/ip4/127.0.0.1/tcp/22', false],
    ['/ip4/127.8.8.8/tcp/22', false],
    ['/ip4/0.0.0.0/tcp/22', false],
    ['/ip6/::1/tcp/22', false],
    ['/ip6/::/tcp/22', false],
    ['/ip6/::ffff:127.0.0.1/tcp/22', false],
    ['/unix/run%2Fdocker.sock', false],
    ['/ip6zone/eth0/ip6/fe80::1/tcp/1', false],
    // Of no single device.
    ['/ip4/224.0.0.251/tcp/1', false],
    ['/ip4/255.255.255.255/tcp/1', false],
    ['/ip6/ff02::fb/tcp/1', false],
    // By way of others.
    ['/dns4/victim.example/tcp/1', false],
    ['/dnsaddr/victim.example', false],
    [`/ip4/8.8.8.8/tcp/1/p2p/${OTHER}/p2p-circuit`, false],
    ['/no/such/thing', false],
    // Of two, one is checked and the other may be dialed.
    ['/ip4/8.8.8.8/ip4/127.0.0.1/tcp/22', false],
    ['/ip4/8.8.8.8/tcp/1/tcp/22', false],
    ['/ip4/8.8.8.8/tcp/1/ip4/127.0.0.1/tcp/22', false],
    ['/memory/board/ip4/127.0.0.1/tcp/22', false]
  ])('counts at %s: %s', (address, expected) => {
    expect(counts(`${address}/p2p/${PEER}`, '/ip4/192.168.7.2/tcp/1')).toBe(expected)
  })

  it('must end with its own PeerId', () => {
    expect(counts(`/ip4/192.168.7.1/tcp/1/p2p/${OTHER}`, '/ip4/192.168.7.2/tcp/1')).toBe(false)
    expect(counts('/ip4/192.168.7.1/tcp/1', '/ip4/192.168.7.2/tcp/1')).toBe(false)
  })

  it('may be one of this machine for a node that listens nowhere else', () => {
    expect(counts(`/ip4/127.0.0.1/tcp/1/p2p/${PEER}`, '/ip4/127.0.0.1/tcp/2')).toBe(true)
    expect(counts(`/ip4/0.0.0.0/tcp/1/p2p/${PEER}`, '/ip4/127.0.0.1/tcp/2')).toBe(false)
  })
})
