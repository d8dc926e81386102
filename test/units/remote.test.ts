import { setImmediate } from 'node:timers/promises'
import type { Connection } from '@libp2p/interface'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { LumosError } from '../../interface/errors.ts'
import type { Role } from '../../interface/membership.ts'
import type { UnitServer } from '../../interface/remote.ts'
import { INPUT_BYTES_MAX, PERMISSIONS, type Permission, type Route } from '../../interface/units.ts'
import type { MeshContext } from '../../node/feature.ts'
import { unitsForPeers } from '../../node/remote/for-peers.ts'
import { encodeControl } from '../../protocols/wire/control.ts'
import { decodeError } from '../../protocols/wire/errors.ts'
import { FrameStream } from '../../protocols/wire/frames.ts'
import { type Message, MessageReader, messageFrames, TYPE } from '../../protocols/wire/messages.ts'
import type { DrivenNode } from '../../sim/driven-node.ts'
import { createUnits, type UnitRegistry } from '../../units/index.ts'
import { ManualClock } from '../capabilities/manual-clock.ts'
import { HostilePeer } from '../node/hostile-peer.ts'
import { loses, meets, startNode } from '../node/mesh-nodes.ts'
import { callerWith, contextOf, OWNER } from './callers.ts'

const UNIT = '/lumos/unit/1'
/** What peers wait for here, and no unit of a node does. */
const held = { begun: Promise.withResolvers<void>(), aborted: Promise.withResolvers<void>() }

type Device = Awaited<ReturnType<typeof startNode>>
let den: Device
/** By request id, those of the calls that den was asked. */
const traces = new Map<string, string | undefined>()
/** One device of each role, with its own units. */
const devices = new Map<Role, Device>()
const registries = new Map<DrivenNode, UnitRegistry>()
let stops = 0

function unitsOf(node: DrivenNode): UnitRegistry {
  const known = registries.get(node)
  if (known !== undefined) return known
  const units = createUnits({ node, gatewayUrl: () => undefined, rotateToken: () => 0, stop: () => stops++ })
  registries.set(node, units)
  return units
}

/** The units of den, and one that never answers by itself. */
const served = (): UnitServer => {
  const units = unitsOf(den)
  return {
    get: unit => (unit === 'test.wait' ? { permission: 'use', kind: 'command' } : units.get(unit)),
    async execute(unit, input, context) {
      traces.set(context.requestId, context.traceId)
      if (unit !== 'test.wait') return units.execute(unit, input, context)
      held.begun.resolve()
      await new Promise(resolve => context.signal!.addEventListener('abort', resolve, { once: true }))
      held.aborted.resolve()
      return undefined
    },
    stream: (unit, input, context) => units.stream(unit, input, context)
  }
}

beforeAll(async () => {
  den = await startNode('den')
  den.remote.serve(async () => served())
  for (const role of ['admin', 'member', 'edge', 'guest'] as const) {
    const device = await startNode(role, [den], { role })
    devices.set(role, device)
    await meets(device, den)
  }
})

afterAll(async () => {
  for (const node of [...devices.values(), den]) await node[Symbol.asyncDispose]()
})

const of = (role: Role) => devices.get(role)!
const onDen = (more: object = {}) => contextOf(OWNER, { peer: 'den', ...more })
const failure = (call: Promise<unknown>): Promise<LumosError> =>
  call.then(
    () => expect.unreachable(),
    thrown => thrown
  )
const words = ({ code, message, hint, details }: LumosError) => ({ code, message, hint, details })

it('a call that names a peer runs there, and says so', async () => {
  const routes: Route[] = []
  const asked = await unitsOf(of('member')).execute(
    'mesh.status',
    {},
    onDen({ onRoute: (route: Route) => routes.push(route) })
  )
  expect(asked).toMatchObject({ peer_id: den.peerId, name: 'den' })
  expect(routes).toEqual([{ peerId: den.peerId, name: 'den', route: 'remote' }])

  const own = await unitsOf(den).execute('device.list', {}, contextOf(OWNER))
  expect(await unitsOf(of('member')).execute('device.list', {}, onDen())).toEqual(own)
  // The device itself is no peer of its own.
  expect(await unitsOf(den).execute('device.list', {}, onDen())).toEqual(own)
})

it('a call is on the peer in the trace of its client, and in none where the client named none', async () => {
  const traceId = '0af7651916cd43dd8448eb211c80319c'
  for (const more of [{ requestId: 'traced', traceId }, { requestId: 'untraced' }])
    await unitsOf(of('member')).execute('mesh.status', {}, onDen(more))
  expect([traces.get('traced'), traces.get('untraced')]).toEqual([traceId, undefined])
})

it.each<[string, unknown]>([
  ['model.get', { model_id: 'missing' }],
  ['model.get', { model: 7, also: 1 }],
  ['job.show', { id: 'none' }],
  ['event.list', { since: 'yesterday' }]
])('%s of %j fails on a peer as it fails here', async (unit, input) => {
  const here = await failure(unitsOf(den).execute(unit, input, contextOf(OWNER)))
  const there = await failure(unitsOf(of('member')).execute(unit, input, onDen()))
  expect(words(there)).toEqual(words(here))
  expect(there.stack).not.toContain('units/model.ts')
})

const UNITS: Readonly<Record<Permission, string>> = {
  read: 'model.list',
  use: 'inference.cancel',
  manage: 'device.detect',
  keys: 'mesh.export_root'
}
const MAY: readonly [Role, readonly Permission[]][] = [
  ['guest', ['use']],
  ['edge', ['read', 'use']],
  ['member', ['read', 'use']],
  ['admin', ['read', 'use', 'manage']]
]

it.each(MAY)('a device with the role %s may %j on another one, and no more', async (role, may) => {
  for (const permission of PERMISSIONS) {
    const asked = unitsOf(of(role)).execute(UNITS[permission], { id: 'x' }, onDen())
    const denied = await asked.then(
      () => undefined,
      ({ code, details }: LumosError) => (code === 'DENIED' ? details.permission : undefined)
    )
    expect(denied).toBe(may.includes(permission) ? undefined : permission)
  }
})

it('a caller here cannot have a peer do what it may not do here', async () => {
  const reader = contextOf(callerWith('read'), { peer: 'den' })
  const denied = await failure(unitsOf(of('admin')).execute('device.detect', {}, reader))
  expect(denied).toMatchObject({
    code: 'DENIED',
    details: { permission: 'manage' },
    hint: expect.stringContaining('exec')
  })
  expect(() => unitsOf(of('admin')).stream('device.detect', {}, reader)).toThrow('"manage"')
})

it('units that sign as a device, stop it, ask models or read memory are refused to each peer with the reason', async () => {
  const admin = { origin: 'peer', peerId: 'x', permissions: PERMISSIONS } as const
  const refused: string[] = []
  for (const { name, input_bytes_max } of unitsOf(den).list()) {
    const err = await failure(unitsOf(den).execute(name, { '': 0 }, contextOf(admin)))
    if (err.code === 'DENIED') refused.push(name)
    // What is open takes no more than travels.
    else expect([name, input_bytes_max]).toEqual([name, INPUT_BYTES_MAX])
    if (err.code === 'DENIED') expect(err.message).toMatch(/not run for another device\. .+\.$/)
  }
  const all = unitsOf(den)
    .list()
    .map(({ name }) => name)
  const domain = (...names: string[]) => all.filter(name => names.includes(name.split('.')[0]!))
  const signing = ['revoke', 'promote', 'leave', 'renew_identity', 'rename', 'rename_device', 'export_root']
  const joining = ['import_root', 'invite', 'join', 'join_nearby', 'listen', 'approve', 'deny']
  expect(refused.toSorted()).toEqual(
    [
      ...domain('memory', 'inference', 'gateway'),
      ...[...signing, ...joining].map(name => `mesh.${name}`),
      'model.search',
      'node.stop',
      'wake.device'
    ].toSorted()
  )
  expect(stops).toBe(0)
})

it('what demands the own command line of a device is refused to an admin, and no call is passed on', async () => {
  const asked = unitsOf(of('admin')).execute('model.import', { path: '/etc' }, onDen())
  expect(await failure(asked)).toMatchObject({
    code: 'DENIED',
    message: expect.stringContaining('own command line')
  })
  const peer = contextOf({ origin: 'peer', peerId: 'x', permissions: PERMISSIONS }, { peer: 'guest' })
  expect((await failure(unitsOf(den).execute('model.list', {}, peer))).message).toContain('not passed on')
})

it('an answer in pieces comes as it is made, and ends there when its caller leaves', async () => {
  const items = unitsOf(of('member')).stream('event.list', { names: ['model.*'], since: 'oldest' }, onDen())
  const all = unitsOf(of('member')).stream('event.list', { since: 'oldest' }, onDen())
  const next = items[Symbol.asyncIterator]().next()
  for await (const item of all) {
    expect(item).toMatchObject({ type: 'event' })
    break
  }
  // A stream of its own each: one that waits holds up no other call.
  expect(await unitsOf(of('member')).execute('device.list', {}, onDen())).toBeDefined()
  void next.catch(() => {})
  await of('member').remote.execute(den.peerId, {
    unit: 'mesh.status',
    input: {},
    requestId: 'r',
    budgetMs: 5000
  })
})

const wait = { unit: 'test.wait', input: {}, requestId: 'r1', budgetMs: 60_000 }

it('a call that is cancelled is cancelled on the peer, and one whose time is over ends', async () => {
  const leaving = new AbortController()
  const call = failure(of('member').remote.execute(den.peerId, wait, { signal: leaving.signal }))
  await held.begun.promise
  leaving.abort()
  expect((await call).code).toBe('CANCELLED')
  await held.aborted.promise
  const late = of('member').remote.execute(den.peerId, { ...wait, budgetMs: 20 })
  expect((await failure(late)).code).toBe('TIMEOUT')
})

it('of 10,000 calls at once each is answered or refused', async () => {
  const call = { unit: 'device.list', input: {}, requestId: 'r1', budgetMs: 60_000 }
  const calls = Array.from({ length: 10_000 }, () => of('edge').remote.execute(den.peerId, call))
  const ends = await Promise.allSettled(calls)
  const answered = ends.filter(({ status }) => status === 'fulfilled').length
  const refused = ends.filter(end => end.status === 'rejected' && end.reason.code === 'OVERLOADED').length
  expect(answered).toBeGreaterThanOrEqual(256)
  expect(answered + refused).toBe(10_000)
})

it('a peer has a rate, and a number under way, of what costs more than an answer from memory; others keep theirs', async () => {
  const clock = new ManualClock()
  const waiting: (() => void)[] = []
  const ask = (peerId: string, unit: string) =>
    limited
      .execute(peerId, { ...wait, unit }, new AbortController().signal)
      .then(String, ({ code }: LumosError) => code)
  const members = { get: () => ({ role: 'member' }) } as unknown as MeshContext['members']
  const limited = unitsForPeers({ members, clock, log: {} as never }, async () => ({
    get: unit => ({ permission: 'use' as const, kind: unit === 'test.wait' ? 'command' : 'query' }),
    execute: async unit => unit === 'test.wait' && new Promise<void>(resolve => waiting.push(resolve)),
    async *stream() {}
  }))
  const calls = Array.from({ length: 33 }, () => ask('a', 'test.wait'))
  expect(await calls.at(-1)).toBe('OVERLOADED')
  for (const end of waiting.splice(0)) end()
  await Promise.all(calls)
  const many = async (peerId: string, unit: string, count: number) => {
    let done = 0
    for (let n = 0; n < count; n++) {
      const asked = ask(peerId, unit)
      await setImmediate()
      for (const end of waiting.splice(0)) end()
      if ((await asked) !== 'RATE_LIMITED') done++
    }
    return done
  }
  expect(await many('a', 'test.wait', 200)).toBe(200 - 32)
  expect([await many('a', 'event.query', 5), await many('a', 'model.list', 500)]).toEqual([0, 500])
  for (const unit of ['model.du', 'model.where', 'mcp.tools']) expect(await many('a', unit, 1)).toBe(0)
  expect(await many('b', 'event.query', 5)).toBe(5)
  clock.advance(1000)
  expect(await many('a', 'event.query', 20)).toBe(10)
})

it('a device whose version has no such protocol is too old, and says so', async () => {
  await using old = await HostilePeer.member(den)
  await old.hello(await old.dial(den), await old.sealed())
  const call = den.remote.execute(old.peerId, { ...wait, budgetMs: 5000 })
  expect(await failure(call)).toMatchObject({
    code: 'NOT_SUPPORTED',
    message: expect.stringContaining('too old')
  })
})

/** What den answers to `frames`, until it ends the stream. */
async function answersTo(
  connection: Connection,
  frames: Parameters<FrameStream['writeAll']>[0],
  count: number
) {
  const stream = new FrameStream(await connection.newStream(UNIT))
  const reader = new MessageReader()
  const codes: string[] = []
  try {
    await stream.writeAll(frames)
    while (codes.length < count) {
      const frame = await stream.read()
      if (frame === undefined) break
      const message: Message | undefined = reader.push(frame)
      if (message !== undefined)
        codes.push(message.type === TYPE.error ? decodeError(message.control).code : 'answer')
    }
    await stream.close()
  } catch (err) {
    codes.push((err as LumosError).code)
  }
  return codes
}

const CALL = { unit: 'model.list', budgetMs: 5000, requestId: 'r' }
const request = (control: Uint8Array, ...data: Uint8Array[]) => [
  ...messageFrames(TYPE.request, 1, 0, control, data)
]
const sent = (call: object, input: string | Uint8Array) =>
  request(encodeControl({ ...CALL, ...call }), Buffer.from(input as string))

it('hostile calls are refused one by one, and the next one is answered', async () => {
  await using peer = await HostilePeer.member(den)
  const connection = await peer.dial(den)
  await peer.hello(connection, await peer.sealed())
  const refusals: [ReturnType<typeof request>, string][] = [
    [sent({ unit: 'no.such' }, '{}'), 'UNIT_NOT_FOUND'],
    [sent({ unit: 'x'.repeat(200) }, '{}'), 'PROTOCOL_VIOLATION'],
    [sent({ budgetMs: -1 }, '{}'), 'PROTOCOL_VIOLATION'],
    [sent({ requestId: '\u001b[31m' }, '{}'), 'PROTOCOL_VIOLATION'],
    [sent({ traceId: 'x'.repeat(32) }, '{}'), 'PROTOCOL_VIOLATION'],
    [request(Uint8Array.of(0xff, 0x01)), 'PROTOCOL_VIOLATION'],
    [request(encodeControl(CALL)), 'PROTOCOL_VIOLATION'],
    [sent({}, '{"a":'), 'INVALID_INPUT'],
    [sent({}, Uint8Array.of(0xc3, 0x28)), 'INVALID_INPUT'],
    [sent({}, `${'['.repeat(30_000)}${']'.repeat(30_000)}`), 'INVALID_INPUT'],
    [sent({}, JSON.stringify({ a: 'x'.repeat(INPUT_BYTES_MAX) })), 'INPUT_TOO_LARGE'],
    [sent({}, JSON.stringify({ a: 'x'.repeat(8 * 2 ** 20) })), 'INPUT_TOO_LARGE'],
    [sent({ unit: 'node.stop' }, '{}'), 'DENIED'],
    [sent({ stream: true, unit: 'device.detect' }, '{}'), 'DENIED']
  ]
  for (const [frames, code] of refusals) expect(await answersTo(connection, frames, 1)).toEqual([code])
  expect(await answersTo(connection, sent({}, '{}'), 1)).toEqual(['answer'])
  // The same number twice, and what was never begun, cost the stream.
  for (const frames of [
    [...sent({}, '{}'), ...sent({}, '{}')],
    [...messageFrames(TYPE.cancel, 9, 0, new Uint8Array(0))]
  ])
    expect((await answersTo(connection, frames, 3)).at(-1)).toBe('PEER_UNREACHABLE')
  expect(await answersTo(connection, sent({}, '{}'), 1)).toEqual(['answer'])
})

it('a device that is removed loses the calls that it has under way', async () => {
  const member = of('member')
  const waiting = failure(member.remote.execute(den.peerId, wait))
  const items = unitsOf(member).stream('event.list', {}, onDen())
  const streaming = failure(items[Symbol.asyncIterator]().next())
  await setImmediate()
  const gone = loses(den, member)
  await den.mesh.revoke(member.peerId)
  await gone
  expect((await waiting).code).toMatch(/PEER_UNREACHABLE|CANCELLED|PEER_REVOKED/)
  expect((await streaming).code).toMatch(/PEER_UNREACHABLE|CANCELLED|PEER_REVOKED/)
})
