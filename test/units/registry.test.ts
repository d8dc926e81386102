import assert from 'node:assert/strict'
import { afterAll, beforeAll, describe, it } from 'vitest'
import { LumosError } from '../../interface/errors.ts'
import { snakeCase } from '../../interface/snake-case.ts'
import { PERMISSIONS } from '../../interface/units.ts'
import { createUnits } from '../../units/index.ts'
import { memoryTokens } from '../gateway/memory-tokens.ts'
import { callerWith, contextOf, OWNER } from './callers.ts'
import { startNode } from './started-node.ts'

const context = contextOf(OWNER, { budgetMs: 1000 })

/** What hands out or replaces keys. */
const KEY_UNITS = [
  ...['mesh.renew_identity', 'mesh.export_root', 'mesh.import_root', 'inference.answers'],
  ...['gateway.link', 'gateway.rotate_token', 'gateway.adopt', 'gateway.release'],
  ...['token.create', 'token.list', 'token.revoke']
]

/** Tasks by short names. */
const NAMED = [
  ...['classify', 'detect', 'detect_faces', 'verify_faces', 'recognize_text', 'describe', 'generate_image'],
  ...['transcribe', 'detect_speech', 'synthesize', 'rerank', 'translate']
]

type Started = Awaited<ReturnType<typeof startNode>>
let started: Started

beforeAll(async () => {
  started = await startNode()
})

afterAll(() => started[Symbol.asyncDispose]())

function setUp() {
  const { node, engine } = started
  engine.lastRequest = undefined
  let stops = 0
  const units = createUnits({
    node,
    gatewayUrl: () => 'http://127.0.0.1:1',
    rotateToken: () => 0,
    tokens: memoryTokens().tokens,
    stop: () => stops++
  })
  return { node, engine, units, stops: () => stops }
}

const ask = (content: string) => ({
  model: 'held',
  task: 'text-generation',
  input: { messages: [{ role: 'user', content }] }
})

describe('the registry of units', () => {
  it('lists every unit with the JSON Schema of what goes in and out', () => {
    const listed = setUp().units.list()

    assert.deepEqual(
      listed.map(unit => `${unit.kind} ${unit.name}`),
      [
        'query mesh.status',
        'query mesh.peers',
        'query mesh.discovery',
        'query mesh.show',
        'query mesh.members',
        'command mesh.revoke',
        'command mesh.promote',
        'command mesh.leave',
        'command mesh.renew_identity',
        'command mesh.rename',
        'command mesh.rename_device',
        'command mesh.export_root',
        'command mesh.import_root',
        'command mesh.invite',
        'command mesh.join',
        'query mesh.nearby',
        'command mesh.join_nearby',
        'command mesh.listen',
        'query mesh.requests',
        'command mesh.approve',
        'command mesh.deny',
        'query wake.list',
        'command wake.device',
        'query model.sandbox',
        'query model.list',
        'query model.get',
        'query model.estimate_resources',
        'command model.load',
        'command model.unload',
        'command model.offer',
        'command model.withdraw',
        'command model.pull',
        'command model.import',
        'command model.quantize',
        'command model.create',
        'query model.search',
        'query model.where',
        'command model.replicate',
        'command model.verify',
        'command model.pin',
        'command model.unpin',
        'query model.du',
        'command model.export',
        'command model.delete',
        'command model.gc',
        'query service.list',
        'query service.get',
        'command service.create',
        'command service.delete',
        'command service.start',
        'command service.stop',
        'command service.scale',
        'query service.recommend',
        'command memory.create',
        'query memory.list',
        'query memory.docs',
        'query memory.status',
        'command memory.share',
        'command memory.unshare',
        'command memory.exclude',
        'command memory.forget',
        'command memory.hold',
        'command memory.compact',
        'command memory.verify',
        'query memory.export',
        'command memory.import',
        'query memory.open',
        'query memory.get',
        'query memory.history',
        'query memory.watch',
        'command memory.set',
        'command memory.unset',
        'command memory.append',
        'command memory.remove',
        'command memory.task',
        'command memory.edit',
        'command memory.write',
        'query memory.search',
        'command memory.add',
        'query memory.sources',
        'command memory.remove_source',
        'query engine.list',
        'query engine.get',
        'query engine.features',
        'command engine.install',
        'command engine.remove',
        'command engine.start',
        'command engine.stop',
        'command engine.restart',
        'query device.list',
        'command device.detect',
        'query device.info',
        'query device.metrics',
        'query device.health',
        'command device.set_power_limit',
        'command resource.allocate',
        'command resource.release',
        'command resource.update_slot',
        'query resource.status',
        'query resource.budget',
        'query resource.allocations',
        'query resource.can_allocate',
        'query resource.list',
        'query resource.read',
        'query resource.watch',
        'command inference.run',
        'query inference.explain',
        'query inference.requests',
        'command inference.chat',
        'command inference.complete',
        'command inference.embed',
        ...NAMED.map(name => `command inference.${name}`),
        'command inference.generate_video',
        'command inference.batch',
        'query inference.models',
        'query inference.voices',
        'query inference.answers',
        'query inference.answer',
        'query inference.attach',
        'command inference.cancel',
        'command inference.forget',
        'query inference.verify',
        'query event.list',
        'query event.query',
        'query job.list',
        'query job.show',
        'command job.cancel',
        'command model.check',
        'query mcp.servers',
        'query mcp.tools',
        'command mcp.call',
        'command gateway.link',
        'command gateway.rotate_token',
        'query gateway.grpc',
        'query gateway.adopted',
        'command gateway.adopt',
        'command gateway.release',
        'command token.create',
        'query token.list',
        'command token.revoke',
        'query node.metrics',
        'query config.show',
        'query config.get',
        'command config.set',
        'command config.unset',
        'query doctor.check',
        'query log.tail',
        'query node.status',
        'command node.drain',
        'command node.undrain',
        'command node.stop'
      ]
    )
    const classify = listed.find(unit => unit.name === 'inference.classify')
    const { properties, required } = classify!.input as Record<string, never>
    assert.deepEqual(required, ['image'])
    assert.match(JSON.stringify(properties), /"contentEncoding":"base64"/)
    assert.doesNotThrow(() => JSON.stringify(listed))
  })

  it('names the closest units when asked for one it does not have', async () => {
    await assert.rejects(setUp().units.execute('model.lst', {}, context), (err: LumosError) => {
      assert.equal(err.code, 'UNIT_NOT_FOUND')
      assert.match(err.hint!, /^Closest: .*model\.list.* All: lumos-node exec$/)
      return true
    })
    await assert.rejects(setUp().units.execute('qqqqqqqqqqqqqqqqqq', {}, context), {
      hint: 'All: lumos-node exec'
    })
  })

  it('names every wrong field of an input, and of a large one the first', async () => {
    const wrongFields = async (messages: object[]): Promise<number> => {
      const refused = setUp().units.execute('inference.chat', { messages }, context)
      const err = (await refused.then(
        () => assert.fail(),
        thrown => thrown
      )) as LumosError
      assert.equal(err.code, 'INVALID_INPUT')
      return (err.details.fields as object[]).length
    }
    const wrong = { role: 'user', content: 7 }
    assert.equal(await wrongFields([wrong, wrong]), 2)
    assert.equal(await wrongFields(Array.from({ length: 4096 }, () => wrong)), 1)
  })

  it('finds the peer that a call names, or runs nothing', async () => {
    const { units, stops } = setUp()
    const own = units.list().filter(({ takes_peer }) => !takes_peer)
    for (const { name } of own) {
      const sent = { ...context, peer: 'nobody' }
      await assert.rejects(units.execute(name, {}, sent), { code: 'PEER_NOT_FOUND' })
      assert.throws(() => units.stream(name, {}, sent), { code: 'PEER_NOT_FOUND' })
    }
    assert.equal(stops(), 0)
    const sendable = units.list().filter(({ takes_peer }) => takes_peer)
    assert.deepEqual(
      sendable.map(({ name }) => name),
      ['run', 'explain', 'chat', 'complete', 'embed', ...NAMED, 'answer', 'attach'].map(
        name => `inference.${name}`
      )
    )
  })

  it('denies each unit to a caller that holds every permission but the one it needs', async () => {
    const { units, node, stops } = setUp()
    const { peerId } = node
    for (const { name, permission } of units.list()) {
      const others = callerWith(...PERMISSIONS.filter(other => other !== permission))
      for (const caller of [others, callerWith()]) {
        const denied = { code: 'DENIED', message: new RegExp(`"${permission}"`), hint: /lumos-node exec/ }
        await assert.rejects(units.execute(name, {}, contextOf(caller)), denied)
        assert.throws(() => units.stream(name, {}, contextOf(caller)), denied)
      }
    }
    assert.deepEqual([node.peerId, stops()], [peerId, 0])
  })

  it('takes paths of the device from its own command line only, whatever the caller may do', async () => {
    const { units } = setUp()
    const all = contextOf(callerWith(...PERMISSIONS))
    const path = '/etc/shadow'
    for (const [name, input] of [
      ['model.import', { path }],
      ['model.quantize', { model_id: 'digits-cnn', name: 'small', data: path }],
      ['model.pull', { ref: path }],
      ['model.pull', { ref: '~/secrets' }],
      ['model.pull', { ref: '../secrets' }],
      ['model.create', { name: 'a', path }],
      ['model.create', { name: 'a', source: path }],
      ['model.export', { model_id: 'a', path: '/tmp' }],
      ['inference.batch', { model: 'a', inputs: [path], out: '/tmp/out' }]
    ] as const) {
      const denied = { code: 'DENIED', hint: /^On the device: lumos-node (models|batch)/ }
      await assert.rejects(units.execute(name, input, all), denied, name)
      const peer = contextOf({ ...all.caller, origin: 'peer' })
      await assert.rejects(units.execute(name, input, peer), { code: 'DENIED' }, name)
    }
  })

  it('needs no more than its own permission', async () => {
    const { units } = setUp()
    await units.execute('mesh.status', {}, contextOf(callerWith('read')))
    await units.execute('inference.run', ask('a'), contextOf(callerWith('use')))
    await units.execute('mesh.rename', { name: 'flat' }, contextOf(callerWith('manage')))
    const exported = await units.execute('mesh.export_root', {}, contextOf(callerWith('keys')))
    assert.match((exported as { root_key: string }).root_key, /^lumos-root:/)
  })

  it('asks for "keys" where keys are handed out or replaced, and for "manage" where the node or its mesh changes', () => {
    const held = (permission: string) =>
      setUp()
        .units.list()
        .filter(unit => unit.permission === permission)
    const names = (permission: string) => held(permission).map(({ name }) => name)
    assert.deepEqual(names('keys'), KEY_UNITS)
    const answers = ['answer', 'attach', 'cancel', 'forget', 'verify']
    const inference = ['run', 'chat', 'complete', 'embed', ...NAMED, 'generate_video', ...answers]
    const spaces = ['create', 'list', 'docs', 'status', 'export']
    const written = 'open get history watch set unset append remove task edit write'.split(' ')
    const documents = [...written, 'search', 'add', 'sources', 'remove_source']
    assert.deepEqual(names('use'), [
      'wake.device',
      ...[...spaces, ...documents].map(name => `memory.${name}`),
      ...inference.map(name => `inference.${name}`),
      ...['servers', 'tools', 'call'].map(name => `mcp.${name}`)
    ])
    assert.ok(held('read').every(({ kind }) => kind === 'query'))
    const looks = held('manage').filter(({ kind }) => kind === 'query')
    // They show paths of the device, and what it logs.
    assert.deepEqual(
      looks.map(({ name }) => name),
      ['config.show', 'config.get', 'log.tail']
    )
  })

  it('makes the listing once, until a unit is added', () => {
    const { units } = setUp()
    const listed = units.list()
    assert.equal(units.list(), listed)
    const unit = { ...units.get('mesh.status'), name: 'mesh.again' }
    units.register(unit)
    assert.equal(units.list().length, listed.length + 1)
    assert.throws(() => units.register(unit), { code: 'INTERNAL' })
  })

  it('names every wrong field, and runs nothing', async () => {
    const { engine, units } = setUp()
    const wrong = { task: 'sing', input: 1, params: [], extra: 1 }

    await assert.rejects(units.execute('inference.run', wrong, context), (err: LumosError) => {
      assert.equal(err.code, 'INVALID_INPUT')
      for (const field of ['task', 'params', 'extra']) assert.match(err.message, new RegExp(field))
      return true
    })
    assert.throws(() => units.stream('inference.run', wrong, context), { code: 'INVALID_INPUT' })
    assert.equal(engine.lastRequest, undefined)
  })

  it('refuses a question that names neither a task nor a model', async () => {
    await assert.rejects(setUp().units.execute('inference.run', { input: {} }, context), {
      code: 'INVALID_INPUT'
    })
  })

  it('does not confuse a query with a command', () => {
    assert.throws(() => setUp().units.get('mesh.status', 'command'), { code: 'INVALID_INPUT' })
  })

  it('begins nothing for a caller who has already left', async () => {
    const { units, stops } = setUp()
    const signal = AbortSignal.abort(new LumosError('CANCELLED', 'gone'))

    await assert.rejects(units.execute('node.stop', {}, { ...context, signal }), { code: 'CANCELLED' })
    assert.equal(stops(), 0)
  })
})

describe('inference.run', () => {
  it('answers text with the sum of its pieces, and says who answered', async () => {
    const { units, node, engine } = setUp()
    const routes: string[] = []

    const answer = await units.execute('inference.run', ask('a b  c'), {
      ...context,
      onRoute: route => routes.push(route.peerId)
    })

    assert.deepEqual(answer, { task: 'text-generation', model: 'held', output: { text: 'a b  c' } })
    assert.deepEqual(routes, [node.peerId])
    assert.equal(engine.lastRequest?.id, 'r1')
    assert.ok(engine.lastRequest.budgetMs > 0 && engine.lastRequest.budgetMs <= 1000)
  })

  it('streams the pieces, then done', async () => {
    const items = await Array.fromAsync(setUp().units.stream('inference.run', ask('a b'), context))

    assert.deepEqual(items, [
      { type: 'text', index: 0, text: 'a ' },
      { type: 'text', index: 1, text: 'b' },
      { type: 'done', index: 2, finish_reason: 'stop', usage: {} }
    ])
  })

  it('passes on to one peer only when one is named', async () => {
    const { units } = setUp()
    await assert.rejects(units.execute('inference.run', ask('a'), { ...context, peer: 'other' }), {
      code: 'PEER_NOT_FOUND'
    })
  })
})

describe('the other units', () => {
  it('tell the status with the gateway beside it', async () => {
    const { units, node } = setUp()
    const status = (await units.execute('mesh.status', {}, context)) as Record<string, unknown>
    assert.deepEqual([status.peer_id, status.gateway], [node.peerId, 'http://127.0.0.1:1'])
    assert.deepEqual(Object.keys(status), [
      ...Object.keys(node.status()).map(snakeCase),
      'gateway',
      'refused_origins',
      'adopted'
    ])
  })

  it('give one model, or the names it may have meant', async () => {
    const { units } = setUp()
    const found = (await units.execute('model.get', { model_id: 'held' }, context)) as Record<string, unknown>
    assert.deepEqual([found.id, found.tasks], ['held', ['tensor', 'text-generation']])

    await assert.rejects(units.execute('model.get', { model_id: 'hled' }, context), (err: LumosError) => {
      assert.equal(err.code, 'MODEL_NOT_FOUND')
      assert.match(err.hint!, /held/)
      return true
    })
  })

  it('stream a whole answer as one item', async () => {
    const items = await Array.fromAsync(setUp().units.stream('model.list', {}, context))
    assert.equal(items.length, 1)
  })
})
