/** Link-local IPv6, the only addresses of a cable between two devices, on a machine that has one. */

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { networkInterfaces } from 'node:os'
import { multiaddr } from '@multiformats/multiaddr'
import { describe, it, onTestFinished } from 'vitest'
import { zonedTcp } from '../../protocols/transport/zoned-tcp.ts'
import { createPeer } from './peers.ts'

const [zone, ip] = Object.entries(networkInterfaces())
  .flatMap(([name, infos = []]) => infos.map(({ address }) => [name, address] as const))
  .find(([, address]) => address.startsWith('fe80:')) ?? ['', '']

if (ip === '') console.warn('DID NOT RUN: TCP with zones. This machine has no link-local IPv6 address.')

describe.skipIf(ip === '')('TCP at a link-local address', () => {
  const pair = async (listen: string) => {
    const [dialer, listener] = await Promise.all([
      createPeer([], zonedTcp() as never),
      createPeer([listen], zonedTcp() as never)
    ])
    onTestFinished(async () => void (await Promise.all([dialer.stop(), listener.stop()])))
    return { dialer, listener, port: listener.getMultiaddrs()[0]!.getComponents()[1]!.value }
  }

  it('dials by the zone of the address, and shows the dialer without one', async () => {
    const { dialer, listener, port } = await pair('/ip6/::/tcp/0')
    const place = `/ip6zone/${zone}/ip6/${ip}/tcp/${port}`
    const opened = once(listener as never, 'connection:open')
    const { remoteAddr } = await dialer.dial(multiaddr(`${place}/p2p/${listener.peerId}`))
    assert.ok(remoteAddr.toString().startsWith(place))
    const [{ detail }] = await opened
    assert.match(detail.remoteAddr.toString(), new RegExp(`^/ip6/${ip}/tcp/\\d+/`))
  })

  it('dials what has no zone as it is', async () => {
    const { dialer, listener } = await pair('/ip4/127.0.0.1/tcp/0')
    assert.equal((await dialer.dial(listener.getMultiaddrs())).status, 'open')
  })
})
