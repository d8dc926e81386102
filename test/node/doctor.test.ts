import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { type NetworkView, networkFindings } from '../../node/doctor/network.ts'
import { modelsFound, originsFound, silentFound } from '../../node/doctor/peers.ts'
import { sandboxFound } from '../../node/doctor/sandbox.ts'

type Models = Parameters<typeof modelsFound>
type Link = NetworkView['discovery']['links'][number]
type Sighting = NetworkView['discovery']['sightings'][number]

const link = (name: string, state: Link['state'] = 'asking', more: Partial<Link> = {}): Link => ({
  ...{ name, family: 'ipv4', loopback: name === 'lo', state, sentAgoMs: 1, heardAgoMs: 1, error: null },
  ...more
})
const sighting = (
  dial: NonNullable<Sighting['dial']>['outcome'] | null,
  more: Partial<Sighting> = {}
): Sighting => ({
  ...{ peerId: '12D3', name: 'den', mesh: null, address: '/ip4/10.9.0.2/tcp/5867', link: 'eth0' },
  ...{ seenAgoMs: 3000, connected: false, dial: dial && { outcome: dial, agoMs: 1000 } },
  ...more
})
const ALONE = [{ self: true }]
const TWO = [{ self: true }, { self: false }]

function found(
  { links = [link('lo'), link('eth0')], sightings = [], copy = null }: Partial<NetworkView['discovery']>,
  members = TWO,
  peers: NetworkView['peers'] = []
): string[] {
  const addresses = ['/ip4/127.0.0.1/tcp/1', '/ip6/::1/tcp/1', '/ip4/10.9.0.1/tcp/1']
  return networkFindings({
    status: { addresses },
    discovery: { mdns: true, links, sightings, copy },
    members,
    peers
  }).map(({ check, status, message, fix }) => `${status} ${check}: ${message} ${fix ?? ''}`)
}

it.each([
  ['the links', { links: [link('eth0'), link('tun0', 'tunnel')] }, /^ok mdns: .*on eth0\. A VPN \(tun0\)/],
  [
    'a taken port',
    { links: [link('eth0', 'port-taken')] },
    /^fail mdns: Another program holds UDP port 5353/
  ],
  ['a VPN alone', { links: [link('lo'), link('tun0', 'tunnel')] }, /^warn mdns: Only a VPN is up \(tun0\)/],
  [
    'no network',
    { links: [link('lo')] },
    /^warn mdns: .*no local network.* on another one: .*--peer \/ip4\/10\.9\.0\.1/
  ],
  [
    'its own firewall',
    { links: [link('eth0', 'asking', { error: 'EPERM' })] },
    /^warn mdns: .*firewall of this device/
  ],
  [
    'a firewall',
    { sightings: [sighting('timeout')] },
    /^fail peers: den was seen at 10\.9\.0\.2:5867 3 s ago.*firewall.*TCP port 5867/
  ],
  [
    'silence while it is dialed',
    { sightings: [sighting('dialing', { dial: { outcome: 'dialing', agoMs: 3000 } })] },
    /^fail peers: den was seen.*firewall/
  ],
  ['a closed port', { sightings: [sighting('refused')] }, /^fail peers: .*nothing listens/],
  ['clocks', { sightings: [sighting('connected')] }, /^fail peers: .*ends at once.*clocks/],
  [
    'a copy',
    { copy: { address: '10.9.0.9', link: 'eth0', seenAgoMs: 1 } },
    /^fail copy: .*10\.9\.0\.9.*--new-identity/
  ],
  ['nobody, though others are heard', {}, /^fail peers: This mesh has 2 devices.*none.* Start a node/],
  [
    'silence',
    { links: [link('eth0', 'asking', { heardAgoMs: null })] },
    /^fail peers: .*firewall may stop UDP port 5353/
  ]
])('names %s', (_, discovery, line) => {
  expect(found(discovery)).toContainEqual(expect.stringMatching(line))
})

it('names another mesh to a device that is alone, and fails for no device that is', () => {
  const lines = found({ sightings: [sighting(null, { name: null, mesh: 'home' })] }, ALONE)
  expect(lines.at(-1)).toMatch(/^warn peers: A mesh is here .*home\. .*lumos-node join --nearby$/)
  expect(found({}, ALONE).at(-1)).toMatch(/^warn peers: No peer/)
})

it('is content with connected peers, and warns of one that is sighted and not reached', () => {
  expect(found({}, TWO, [{ name: 'den' }]).at(-1)).toMatch(/^ok peers: 1 connected: den/)
  expect(found({ sightings: [sighting('timeout')] }, TWO, [{ name: 'attic' }]).at(-1)).toMatch(
    /^warn peers: den/
  )
  // Not dialed yet, or gone for a while.
  for (const each of [sighting(null), sighting('dialing'), sighting('timeout', { seenAgoMs: 60_000 })])
    expect(found({ sightings: [each] }, TWO, [{ name: 'attic' }]).at(-1)).toMatch(/^ok peers/)
})

it('counts a peer without a manifest as connected, and says that it is not asked', () => {
  const silent = { peerId: '12D3', name: 'attic', path: 'tcp/tls', address: '', rttMs: 1, software: null }
  const peers = [{ ...silent, capabilities: [], duplicated: false }]
  expect(found({}, TWO, peers).at(-1)).toMatch(/^ok peers: 1 connected: attic/)
  expect(silentFound(peers)).toMatchObject([
    { status: 'warn', message: expect.stringMatching(/^attic: connected/) }
  ])
  expect(silentFound([])).toEqual([])
})

it('says which pages were refused, and by which setting one of them may ask', () => {
  expect(originsFound([])).toEqual([])
  expect(originsFound(['https://chat.example', 'http://\u001b[31mred'])).toMatchObject([
    {
      status: 'warn',
      message: expect.stringMatching(/refused: https:\/\/chat\.example, http:\/\/.{1,12}31mred\.$/),
      fix: expect.stringContaining('gateway.origins')
    }
  ])
})

it('says which models this device serves, and that it left one out', () => {
  const provider = {
    peerId: '12D3',
    name: 'den',
    route: 'local' as const,
    slots: 1,
    warm: true,
    offeredTo: null
  }
  const items = [{ model: 'digits-cnn', task: 'image-classification', providers: [provider] }]
  const served = modelsFound(...([[...items, ...items], []] as unknown as Models))
  expect(served).toMatchObject({ status: 'ok', message: 'Served here: digits-cnn.' })
  const left = { place: '/tmp/typo', model: null, reason: 'there is no such folder.' }
  const found = modelsFound(...([[], [left, left]] as unknown as Models))
  expect(found.status).toBe('warn')
  expect(found.message).toBe(
    'This device serves no model. Not served is /tmp/typo: there is no such folder. So are 1 more.'
  )
})

it.runIf(process.platform !== 'win32')(
  'says that a unit keeps a bubblewrap with the setuid bit from its rights',
  async () => {
    const folder = await mkdtemp(join(tmpdir(), 'lumos-doctor-'))
    const places = { proc: folder, bubblewrap: join(folder, 'bwrap') }
    const messageOf = async (noNewPrivs: 0 | 1, mode: number) => {
      await writeFile(join(folder, 'status'), `Name:\tnode\nNoNewPrivs:\t${noNewPrivs}\n`)
      await writeFile(places.bubblewrap, '')
      await chmod(places.bubblewrap, mode)
      return sandboxFound('none', places).message
    }
    try {
      expect(await messageOf(1, 0o4755)).toMatch(/NoNewPrivileges/)
      for (const message of [await messageOf(0, 0o4755), await messageOf(1, 0o755)])
        expect(message).toMatch(/a hole in one reads/)
      expect(sandboxFound('bubblewrap', places).status).toBe('ok')
    } finally {
      await rm(folder, { recursive: true })
    }
  }
)
