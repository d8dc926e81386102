import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { Readable } from 'node:stream'
import { peerIdFromString } from '@libp2p/peer-id'
import { describe, expect, it, vi } from 'vitest'
import { chatChunks } from '../../gateway/openai/chat-stream.ts'
import { systemClock } from '../../interface/clock.ts'
import type { InferenceChunk } from '../../interface/inference.ts'
import type { Manifest } from '../../interface/manifest.ts'
import type { Membership } from '../../interface/membership.ts'
import type { FeatureComponents, MeshContext } from '../../node/feature.ts'
import type { Interfaces } from '../../node/network/address-order.ts'
import { tcpNetwork } from '../../node/network/lan-network.ts'
import { ProviderView } from '../../node/routing/provider-view.ts'
import { Router } from '../../node/routing/router.ts'
import { Bursts } from '../../node/wake/bursts.ts'
import { Helping } from '../../node/wake/helpers.ts'
import { type Lan, lanOf } from '../../node/wake/lan.ts'
import { magicPacket } from '../../node/wake/magic-packet.ts'
import { WakeFeature } from '../../node/wake/wake.ts'
import { WAKEABLE_MAX, WAKEABLE_TABLES, WakeableDevices } from '../../node/wake/wakeable.ts'
import { WAKE_MS_MAX, WAKINGS_MAX } from '../../node/wake/waking.ts'
import { askToWake, decodePart, encodePart, MACS_MAX, WAKE_PROTOCOL } from '../../protocols/wake/index.ts'
import { encodeControl } from '../../protocols/wire/control.ts'
import { openDatabase } from '../../storage/database/database.ts'
import { ManualClock } from '../capabilities/manual-clock.ts'
import { knows, loses, startNode, temporaryHome } from './mesh-nodes.ts'

const MAC = Uint8Array.of(0x3c, 0x07, 0x54, 1, 2, 3)
const log = { debug() {}, info() {}, warn() {}, error() {} }
const card = (address: string, mac: string): Interfaces => ({
  card: [{ address, netmask: '255.0.0.0', family: 'IPv4', mac, internal: false, cidr: `${address}/8` }]
})

describe('magic packets', () => {
  it('leave on the broadcast address of each network, over UDP, with the hardware address sixteen times', async () => {
    const receiver = createSocket('udp4')
    receiver.bind(0)
    await once(receiver, 'listening')
    const lan = lanOf(() => card('127.0.0.1', '3c:07:54:01:02:03'), receiver.address().port)
    const received = once(receiver, 'message')
    expect(await lan.broadcast([magicPacket(MAC)])).toBe(1)
    const [bytes] = (await received) as [Buffer]
    receiver.close()
    expect(bytes.toString('hex')).toBe(`${'ff'.repeat(6)}${'3c0754010203'.repeat(16)}`)
    expect(lan.macs()).toEqual([MAC])
    expect([lan.holds(['127.9.9.9']), lan.holds(['10.0.0.1'])]).toEqual([true, false])
  })

  it('are made for single cards only, and for eight of a device at most', () => {
    expect(decodePart(encodePart([MAC]))).toEqual([MAC])
    const many = Array.from({ length: MACS_MAX + 1 }, () => MAC)
    const group = Uint8Array.of(1, 0, 0x5e, 0, 0, 1)
    const wrong = [[], many, [group], [new Uint8Array(6)], [new Uint8Array(6).fill(255)], [MAC.subarray(1)]]
    for (const macs of wrong) expect(() => decodePart(encodeControl({ macs }))).toThrow('as agreed')
  })
})

const capability = { task: 'text-generation', model: 'echo', slots: 1, warm: true } as const
const hardware = { platform: 'linux', arch: 'x64', cpu: 'any', cores: 8, memoryBytes: 1e10, accelerators: [] }
const stated = (peerId: string, addresses = ['/ip4/10.0.0.9/tcp/5867']) =>
  ({ peerId, hardware, addresses, capabilities: [capability] }) as unknown as Manifest
const member = (peerId: string, role = 'member') =>
  ({ peerId, role, name: `name-${peerId}`, issuer: `admin of ${peerId.slice(0, 4)}` }) as Membership

/** A node in 10.0.0.0/8 with real parts, on virtual time; packets are counted, and `open` opens nothing. */
async function asker({
  roles = { tower: 'member' } as Record<string, string>,
  near = true,
  allow = true
} = {}) {
  const clock = new ManualClock()
  const [connected, packets, opened] = [new Set<string>(), [] as string[], [] as string[]]
  const manifests = new Map<string, Manifest>()
  const database = openDatabase(`${await temporaryHome()}/wake.db`, {
    migrations: WAKEABLE_TABLES.migrations,
    synchronous: 'NORMAL'
  })
  const members = Object.entries(roles).map(([id, role]) => member(id, role))
  const get = (id: string) => members.find(({ peerId }) => peerId === id)
  const lan: Lan = {
    macs: () => [MAC],
    holds: ips => near && ips.some(ip => ip.startsWith('10.')),
    broadcast: async sent => packets.push(...sent.map(bytes => Buffer.from(bytes.slice(-6)).toString('hex')))
  }
  const components = { database, clock, settings: { allow } } as unknown as FeatureComponents
  const feature = new WakeFeature(components, () => lan)
  const mesh = {
    ...{ peerId: 'self', clock, log, isConnected: (id: string) => connected.has(id) },
    members: { get, lastKnown: get, list: () => members },
    stated: (id: string) => manifests.get(id),
    async open(id: string) {
      opened.push(id)
      throw new Error('nothing is there')
    }
  } as unknown as MeshContext
  const part = feature.join(mesh)
  const came = (peerId: string) => {
    connected.add(peerId)
    void part.onMember!({ connection: { remotePeer: peerId } } as never)
  }
  const says = (peerId: string, bytes: Uint8Array | null = encodePart([MAC]), addresses?: string[]) => {
    manifests.set(peerId, stated(peerId, addresses))
    part.onManifest!(peerId, bytes ?? undefined)
  }
  const answers: Record<string, () => AsyncGenerator<InferenceChunk>> = {}
  const providers = new ProviderView({
    self: { peerId: 'self', name: 'self' },
    own: { infer: () => Promise.reject(new Error('not here')) as never, capabilities: () => [] },
    table: {
      get: id => (connected.has(id) ? ({ manifest: manifests.get(id) } as never) : undefined),
      providers: () =>
        [...connected].map(peerId => ({ peerId, manifest: manifests.get(peerId)!, capability }))
    },
    members: { get, lastKnown: get, list: () => members },
    peers: {
      isConnected: id => connected.has(id),
      isLost: id => !connected.has(id),
      rttMs: () => 1,
      client: id => ({ infer: () => answers[id]!() }) as never
    },
    clock,
    waker: () => feature
  })
  const router = new Router({
    ...{ clock, log, random: () => 0, newId: () => 'id', policy: 'balanced' as const, providers },
    emit() {}
  })
  return {
    clock,
    feature,
    part,
    connected,
    packets,
    opened,
    came,
    says,
    answers,
    router,
    database,
    mesh,
    lan
  }
}

const request = { model: 'echo', input: { messages: [{ role: 'user', content: 'hi' }] } }
async function* answer(): AsyncGenerator<InferenceChunk> {
  yield { type: 'text', index: 0, text: 'hello' }
  yield { type: 'done', index: 1, finishReason: 'stop', usage: {} }
}
const settled = () => new Promise(resolve => setImmediate(resolve))

it('tells its hardware addresses only where its settings let it be woken', async () => {
  const parts = async (allow: boolean) => (await asker({ allow })).part.manifest!()
  expect(await parts(false)).toBeUndefined()
  expect(decodePart((await parts(true))!)).toEqual([MAC])
})

it('is named in a comment of a stream of `/v1`, on one line whoever wrote it', async () => {
  const pieces = ['loading', 'waking den\n\ndata: {}\u2028'].map(stage => ({
    choice: 0,
    piece: { type: 'progress' as const, index: 0, stage, done: 0 }
  }))
  const options = { id: 'i', created: 1, model: 'm', choices: 1, withUsage: false, withLogprobs: false }
  const [first] = await Array.fromAsync(chatChunks(Readable.from(pieces), options))
  expect(first).toBe(': waking den  data: {} \n')
})

describe('a device that sleeps', () => {
  it('is woken for a request that no other device answers; its asker is told, and its wake time is kept', async () => {
    const { clock, feature, packets, came, says, answers, router } = await asker()
    says('tower')
    answers.tower = answer
    const [ranked] = router.explain({ model: 'echo' })
    expect(ranked!.parts[0]).toEqual({ reason: 'sleeps, and has to be woken', ms: 20_000 })
    const chunks = router.infer(router.prepare(request))
    expect((await chunks.next()).value).toMatchObject({ type: 'progress', stage: 'waking name-tower' })
    const next = chunks.next()
    await settled()
    clock.advance(12_000)
    await settled()
    expect(packets).toEqual(Array.from({ length: 3 }, () => '3c0754010203'))
    came('tower')
    expect((await next).value).toMatchObject({ type: 'text', text: 'hello' })
    await Array.fromAsync(chunks)
    expect(feature.list()).toMatchObject([{ name: 'name-tower', connected: true, wakeMs: 12_000 }])
    expect(router.decisions.get('id')).toMatchObject({ outcome: 'answered' })
    // What waking took says nothing of the next answer.
    expect(router.recordOf('tower', 'echo').firstChunkMs).toBeUndefined()
    clock.advance(WAKE_MS_MAX)
    expect(packets).toHaveLength(3)
  })

  it('is not woken while another device answers, is slow, or is silent', async () => {
    const { clock, packets, came, says, answers, router } = await asker({
      roles: { tower: 'member', near: 'member' }
    })
    says('tower')
    says('near', null)
    came('near')
    let finish = () => {}
    answers.near = async function* () {
      await new Promise<void>(resolve => {
        finish = resolve
      })
      yield* answer()
    }
    expect(router.explain({ model: 'echo' }).map(({ candidate }) => candidate.peerId)).toEqual([
      'near',
      'tower'
    ])
    const run = Array.fromAsync(router.infer(router.prepare(request)))
    await settled()
    clock.advance(30_000)
    await settled()
    finish()
    expect(await run).toHaveLength(2)
    expect(packets).toEqual([])
  })

  it('is woken once for many requests, with a bounded number of packets, and left alone when it does not come', async () => {
    const { clock, feature, packets, says, router } = await asker()
    says('tower')
    const runs = Array.from({ length: 50 }, (_, i) =>
      Array.fromAsync(router.infer(router.prepare({ ...request, id: `${i}` }))).then(
        () => 'none',
        err => err.code
      )
    )
    await settled()
    for (let ms = 0; ms <= WAKE_MS_MAX; ms += 5000) {
      clock.advance(5000)
      await settled()
    }
    expect(new Set(await Promise.all(runs))).toEqual(new Set(['PEER_UNREACHABLE']))
    expect(packets).toHaveLength(18)
    expect(feature.asleep()).toEqual([])
    expect(() => router.explain({ model: 'echo' })).toThrow('No device offers')
    clock.advance(600_000)
    expect(feature.asleep()).toHaveLength(1)
  })

  it('is one of four at one time; requests for more fail at once', async () => {
    const ids = Array.from({ length: WAKINGS_MAX + 1 }, (_, i) => `tower${i}`)
    const { feature, says } = await asker({ roles: Object.fromEntries(ids.map(id => [id, 'member'])) })
    for (const id of ids) says(id)
    const leaving = new AbortController()
    const all = ids.map(id =>
      feature.wake(`name-${id}`, { signal: leaving.signal }).catch(err => err.code ?? 'left')
    )
    expect(await all.at(-1)).toBe('NO_CAPACITY')
    leaving.abort()
    await Promise.all(all)
  })

  it('is woken by members of its network where this device is in none of them: three are asked, each until it cannot', async () => {
    const ids = ['far', 'farther', 'near', 'farthest', 'guest']
    const roles = { tower: 'member', ...Object.fromEntries(ids.map(id => [id, 'member'])) }
    const { clock, feature, packets, says, came, opened } = await asker({ near: false, roles })
    says('tower')
    for (const id of ids) {
      says(id, null, [id === 'near' ? '/ip4/10.0.0.3/tcp/1' : '/ip4/192.168.7.3/tcp/1'])
      came(id)
    }
    const woken = feature.wake('name-tower')
    await vi.waitFor(() => expect(opened).toEqual(['tower', 'near', 'far', 'farther']), 10_000)
    clock.advance(5000)
    await vi.waitFor(() => expect(opened.slice(4)).toEqual(['tower', 'farthest', 'guest']), 10_000)
    came('tower')
    expect(await woken).toMatchObject({ wakeMs: 5000 })
    expect(packets).toEqual([])
  })

  it('gets one packet for requests that come and go at once', async () => {
    const { packets, says, router } = await asker()
    says('tower')
    for (let i = 0; i < 20; i++) {
      const leaving = new AbortController()
      const run = Array.fromAsync(router.infer(router.prepare(request), { signal: leaving.signal }))
      await settled()
      leaving.abort()
      await expect(run).rejects.toThrow()
    }
    expect(packets).toHaveLength(1)
  })

  it('is woken only where it said so, and no guest is', async () => {
    const { feature, says } = await asker({ roles: { tower: 'member', visitor: 'guest' } })
    says('tower')
    expect(feature.asleep()).toHaveLength(1)
    expect(() => says('tower', Uint8Array.of(1, 2, 3))).toThrow('')
    expect(feature.asleep()).toHaveLength(1)
    says('tower', null)
    expect(feature.asleep()).toEqual([])
    await expect(feature.wake('name-tower')).rejects.toMatchObject({ code: 'NOT_SUPPORTED' })
    await expect(feature.wake('attic')).rejects.toMatchObject({ code: 'PEER_NOT_FOUND' })
  })

  it('is remembered over a restart, for two weeks; made-up devices of one admin push out each other', async () => {
    const made = Object.fromEntries(Array.from({ length: WAKEABLE_MAX }, (_, i) => [`made${i}`, 'member']))
    const first = await asker({ roles: { tower: 'member', ...made } })
    first.says('tower')
    for (const id of Object.keys(made)) first.says(id)
    expect(first.feature.asleep()).toHaveLength(WAKEABLE_MAX)
    expect(first.feature.asleep()[0]!.peerId).toBe('tower')
    first.feature.join(first.mesh)
    expect(first.feature.asleep()[0]).toMatchObject({ peerId: 'tower', wakeMs: 20_000 })
    first.clock.advance(15 * 24 * 3600 * 1000)
    expect(first.feature.asleep()).toEqual([])
  })
})

/** What answers other members, over what a node remembers. */
async function helper(options?: { readonly near: boolean }) {
  const parts = await asker(options)
  const devices = new WakeableDevices(parts.database, () => 'admin')
  devices.heard(stated('tower'), encodePart([MAC]), 0)
  const helping = new Helping(parts.clock, devices, new Bursts(parts.clock, parts.lan))
  return { ...parts, helping }
}

describe('a member that is asked to wake another one', () => {
  it('sends to devices of its network that said so, once in four seconds, and sixty times an hour for a member', async () => {
    const { clock, helping, packets, part } = await helper()
    expect(part.protocols![0]!.openers).toEqual(['admin', 'member', 'edge'])
    const wake = (asker: string, peer: string) => helping.wake(asker, peer)
    expect(await wake('near', 'tower')).toBe(1)
    expect(await wake('other', 'tower')).toBe(0)
    await expect(wake('near', 'away')).rejects.toMatchObject({ code: 'PEER_NOT_FOUND' })
    for (let i = 0; i < 58; i++) {
      clock.advance(5000)
      await wake('near', 'tower')
    }
    await expect(wake('near', 'tower')).rejects.toMatchObject({ code: 'OVERLOADED' })
    expect(packets).toHaveLength(59)
  })

  it('sends nothing into a network that the device is not in', async () => {
    const { helping, packets } = await helper({ near: false })
    await expect(helping.wake('near', 'tower')).rejects.toMatchObject({ code: 'PEER_NOT_FOUND' })
    expect(packets).toEqual([])
  })
})

it('an only device that stopped is woken for a request, and answers it when it is back', async () => {
  const network = tcpNetwork({ hosts: ['127.0.0.1'], port: 0, peers: [] })
  const loopback = { ...network.device!, interfaces: () => card('127.0.0.1', '3c:07:54:01:02:03') }
  const home = await temporaryHome()
  await using a = await startNode('a', [], { network: { ...network, device: loopback } })
  const others = a.status().addresses
  const options = {
    home,
    settings: { 'wake.allow': true, 'engines.echo': true },
    network: { ...tcpNetwork({ hosts: ['127.0.0.1'], port: 0, peers: others }), device: loopback }
  }
  const b = await startNode('b', [a], options)
  await knows(a, b)
  // Another member asks for a packet. The manifest that has the addresses of b may come after the first one.
  await vi.waitFor(async () => {
    const stream = await b.network().libp2p.dialProtocol(peerIdFromString(a.peerId), WAKE_PROTOCOL)
    expect(await askToWake(stream, b.peerId, { clock: systemClock })).toBe(1)
  }, 10_000)
  const lost = loses(a, b)
  await b.stop({ drainMs: 0 })
  await lost
  expect(a.models()[0]!.providers).toMatchObject([{ name: 'b', state: 'asleep' }])
  const chunks = a.infer(request)[Symbol.asyncIterator]()
  expect((await chunks.next()).value).toMatchObject({ stage: 'waking b' })
  const next = chunks.next()
  await using _back = await startNode('b', [a], options)
  expect((await next).value).toMatchObject({ type: 'text' })
  await chunks.return?.()
  expect(a.wake.list()).toMatchObject([{ name: 'b', connected: true, models: ['echo'] }])
})
