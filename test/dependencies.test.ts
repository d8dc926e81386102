import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { defaultPeerScoreParams } from '@libp2p/gossipsub/score'
import type { Connection, Stream } from '@libp2p/interface'
import { describe, expect, it } from 'vitest'
import { connectPeers } from './protocols/peers.ts'

const ROOT = join(import.meta.dirname, '..')

/** All of libp2p that a node runs. What is not here, such as WebRTC, UPnP or mplex, has cost others dearly. */
const NETWORK = new Set([
  '@libp2p/crypto',
  '@libp2p/gossipsub',
  '@libp2p/identify',
  '@libp2p/interface',
  '@libp2p/interface-internal',
  '@libp2p/kad-dht',
  '@libp2p/logger',
  '@libp2p/mdns',
  '@libp2p/multistream-select',
  '@libp2p/noise',
  '@libp2p/peer-collections',
  '@libp2p/peer-id',
  '@libp2p/peer-record',
  '@libp2p/peer-store',
  '@libp2p/ping',
  '@libp2p/record',
  '@libp2p/tcp',
  '@libp2p/tls',
  '@libp2p/utils',
  '@libp2p/yamux',
  'libp2p'
])

/**
 * What the entry of `helia` imports for nodes of its own, and this project never makes. The build leaves all of it out, which
 * `test/package.test.ts` checks.
 */
const BESIDE_HELIA =
  /^(@libp2p\/(autonat|bootstrap|circuit-relay-v2|config|dcutr|http(-.*)?|keychain|mplex|upnp-nat|webrtc|websockets)|@?node-datachannel(\/.*)?|react-native-webrtc)$/

interface Lockfile {
  readonly packages: Record<string, { readonly hasInstallScript?: boolean; readonly integrity?: string }>
}
const lockfile = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8')) as Lockfile
const manifest = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
  dependencies: Record<string, string>
  devDependencies: Record<string, string>
  allowScripts: Record<string, boolean>
}
const installed = Object.entries(lockfile.packages)
  .filter(([path]) => path !== '')
  .map(([path, entry]) => ({ name: path.slice(path.lastIndexOf('node_modules/') + 13), ...entry }))

describe('the packages this is made of', () => {
  it('are, of the network stack, those that were chosen and no others', () => {
    const stack = installed.filter(({ name }) =>
      /^(@libp2p\/|libp2p$|@chainsafe\/libp2p|.*(webrtc|datachannel))/.test(name)
    )
    expect(stack.length).toBeGreaterThan(10)
    expect(
      stack.map(({ name }) => name).filter(name => !NETWORK.has(name) && !BESIDE_HELIA.test(name))
    ).toEqual([])
  })

  it('are pinned to a version and a hash each', () => {
    const versions = Object.entries({ ...manifest.dependencies, ...manifest.devDependencies })
    expect(versions.filter(([, version]) => !/^\d+\.\d+\.\d+$/.test(version))).toEqual([])
    expect(installed.filter(({ integrity }) => integrity === undefined)).toEqual([])
  })

  it('run nothing when they are installed, but for those that were looked at', () => {
    const scripted = installed.filter(({ hasInstallScript }) => hasInstallScript === true)
    const unseen = scripted.filter(({ name }) => !Object.hasOwn(manifest.allowScripts, name))
    expect(unseen.map(({ name }) => name)).toEqual([])
  })
})

describe('what the libraries do that we work around', () => {
  it('middleware of libp2p runs old handlers again, so our source has none', async () => {
    const folders = ['cli', 'gateway', 'node', 'protocols', 'sim', 'units']
    const files = folders.flatMap(folder =>
      readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' }).map(name =>
        join(ROOT, folder, name)
      )
    )
    const source = files.filter(file => file.endsWith('.ts')).map(file => readFileSync(file, 'utf8'))
    expect(source.length).toBeGreaterThan(50)
    expect(source.filter(text => /libp2p\s*\.use\(/.test(text))).toEqual([])

    // When this fails, libp2p has mended it: 4 streams, 4 calls.
    await using peers = await connectPeers()
    const protocol = '/test/middleware/1'
    let calls = 0
    await peers.listener.handle(protocol, () => {
      calls++
    })
    await peers.listener.use(protocol, [
      (stream: Stream, connection: Connection, next) => next(stream, connection)
    ])
    for (let i = 0; i < 4; i++) {
      const stream = await peers.connection.newStream(protocol)
      await stream.close()
      await new Promise(resolve => setTimeout(resolve, 20))
    }
    expect(calls).toBeGreaterThan(4)
  })

  it('gossip silences the eleventh peer behind one address, so we weigh addresses with nothing', () => {
    expect(defaultPeerScoreParams.IPColocationFactorThreshold).toBe(10)
    expect(defaultPeerScoreParams.IPColocationFactorWeight).toBeLessThan(0)
    expect(readFileSync(join(ROOT, 'node/network/gossip.ts'), 'utf8')).toContain(
      'IPColocationFactorWeight: 0'
    )
  })
})
