/** What people's machines have on their networks, or lack: tunnels, bridges, firewalls, a port that is taken. */

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import type { Device } from './device.ts'
import { connect, ip, run } from './system.ts'

/** A VPN that takes the default route, as most do. It is up while the process that would carry it lives. */
export async function addTunnel(device: Device, cidr: string): Promise<void> {
  const { namespace } = device
  await ip(
    `-n ${namespace} tuntap add tun0 mode tun`,
    `-n ${namespace} addr add ${cidr} dev tun0`,
    `-n ${namespace} link set tun0 up`
  )
  // TUNSETIFF, with IFF_TUN and IFF_NO_PI; Node cannot make such calls.
  const hold = `import fcntl, struct, os
f = os.open('/dev/net/tun', os.O_RDWR)
fcntl.ioctl(f, 0x400454ca, struct.pack('16sH', b'tun0', 0x1001))
print('up', flush=True)
while os.read(f, 65535): pass`
  await holding(device, 'python3', '-c', hold)
  await ip(`-n ${namespace} route replace default dev tun0`)
}

/** Bridges as container networks have them, each with one container behind it. */
export async function addBridges({ namespace }: Device, count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    await ip(
      `-n ${namespace} link add br${i} type veth peer name box${i}`,
      `-n ${namespace} addr add 172.${16 + (i % 16)}.${i}.1/24 dev br${i}`,
      `-n ${namespace} link set br${i} up`,
      `-n ${namespace} link set box${i} up`
    )
  }
}

/** A network card that is taken out and put in again, with the same name and addresses. */
export async function recreateCard({ place }: Device): Promise<void> {
  await ip(`-n ${place.namespace} link delete ${place.link}`)
  await connect(place)
}

/** Drops what arrives on this port. @throws {Error} when this machine has no nft. */
export async function wall({ namespace }: Device, protocol: 'tcp' | 'udp', port: number): Promise<void> {
  const table = `add table inet wall; add chain inet wall in { type filter hook input priority 0; }`
  await run(
    ...([
      'ip',
      ['netns', 'exec', namespace, 'nft', `${table}; add rule inet wall in ${protocol} dport ${port} drop`]
    ] as const)
  )
}

/** A program that holds the port of mDNS for itself. */
export async function takeDiscoveryPort(device: Device): Promise<AsyncDisposable> {
  return holding(
    device,
    process.execPath,
    '-e',
    `dgram.createSocket('udp6').bind(5353, () => console.log('up'))`
  )
}

/** A program that runs there once it has said something; it ends with its namespace, or before. */
async function holding({ through }: Device, ...command: string[]): Promise<AsyncDisposable> {
  const [first, ...rest] = [...through, ...command]
  const child = spawn(first!, rest, { stdio: ['ignore', 'pipe', 'ignore'] })
  const ended = once(child, 'close')
  await Promise.race([
    once(child.stdout, 'data'),
    ended.then(() => Promise.reject(new Error(`${command[0]} ended on ${through.at(-1)}`)))
  ])
  return {
    async [Symbol.asyncDispose]() {
      child.kill()
      await ended
    }
  }
}
