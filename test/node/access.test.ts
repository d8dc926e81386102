import { afterEach, describe, expect, it } from 'vitest'
import { echoModel } from '../../capabilities/engines/echo.ts'
import { Registry } from '../../capabilities/serving/registry.ts'
import { systemClock } from '../../interface/clock.ts'
import { LumosError } from '../../interface/errors.ts'
import { CAPABILITIES_MAX } from '../../interface/manifest.ts'
import type { InferOptions, LumosNode } from '../../interface/node.ts'
import { prepare } from '../../interface/prepare.ts'
import type { NodeLogger } from '../../node/log/log.ts'
import { ModelAccess } from '../../node/membership/model-access.ts'
import type { DrivenNode } from '../../sim/driven-node.ts'
import { knows, meets, startNode } from './mesh-nodes.ts'

const say = (content: string) => ({ model: 'echo', input: { messages: [{ role: 'user', content }] } })

/** Who answered, or why nobody did. */
async function asked(node: LumosNode, peer?: string): Promise<string> {
  let route = ''
  const options: InferOptions = {
    peer,
    onRoute({ name = '' }: { name?: string }) {
      route = name
    }
  }
  return await Array.fromAsync(node.infer(say('may I?'), options)).then(
    () => route,
    (err: LumosError) => err.code
  )
}

describe('a model', () => {
  const nodes: DrivenNode[] = []
  afterEach(() => Promise.all(nodes.splice(0).map(node => node.stop({ drainMs: 0 }))))
  const start = async (...args: Parameters<typeof startNode>) => {
    const node = await startNode(...args)
    nodes.push(node)
    return node
  }
  const offering = (access: Record<string, unknown>) => ({ settings: { 'engines.echo': true, access } })

  it('that is offered to some is answered to them and to nobody else', async () => {
    const founder = await start('founder')
    const den = await start('den', [founder], offering({ echo: { roles: ['admin'], peers: ['friend'] } }))
    const friend = await start('friend', [founder, den])
    const other = await start('other', [founder, den])
    await Promise.all([founder, friend, other].map(node => Promise.all([knows(node, den), meets(node, den)])))

    expect(await asked(founder, 'den')).toBe('den')
    expect(await asked(friend, 'den')).toBe('den')
    expect(await asked(other, 'den')).toBe('DENIED')
    // Whoever it belongs to is asked nothing.
    expect(await asked(den)).toBe('den')
  })

  it('is not inherited with a PeerId in the settings; with a name it is, and the log says so', async () => {
    const warned: unknown[] = []
    const log: NodeLogger = {
      debug() {},
      info() {},
      warn: fields => void ('names' in fields && warned.push(fields)),
      error() {},
      child: () => log,
      isLevelEnabled: () => false
    }
    const founder = await start('founder')
    const first = await start('friend', [founder])
    const byName = await start('by-name', [founder, first], {
      ...offering({ echo: { peers: ['friend'] } }),
      log
    })
    const byId = await start('by-id', [founder, first], {
      ...offering({ echo: { peers: [first.peerId] } }),
      log
    })
    expect(warned).toEqual([{ model: 'echo', names: ['friend'] }])
    const all = (node: DrivenNode) =>
      Promise.all([byName, byId].map(other => Promise.all([knows(node, other), meets(node, other)])))
    await all(first)
    expect([await asked(first, 'by-name'), await asked(first, 'by-id')]).toEqual(['by-name', 'by-id'])

    await founder.mesh.revoke('friend')
    const heir = await start('friend', [founder, byName, byId])
    await all(heir)
    expect([await asked(heir, 'by-name'), await asked(heir, 'by-id')]).toEqual(['by-name', 'DENIED'])
  })

  it('that one member denies is had from the next who offers it', async () => {
    const open = await start('open', [], { settings: { 'engines.echo': true } })
    const closed = [
      await start('closed-1', [open], offering({ echo: {} })),
      await start('closed-2', [open], offering({ echo: { peers: ['nobody'] } }))
    ]
    const asker = await start('asker', [open, ...closed])
    await Promise.all([open, ...closed].map(node => Promise.all([knows(asker, node), meets(asker, node)])))
    for (const { peerId } of closed) expect(await asked(asker, peerId)).toBe('DENIED')
    for (let i = 0; i < 10; i++) expect(await asked(asker)).toBe('open')
  })

  it('stays loaded for as long as its asker says, unless that is a guest', async () => {
    const seen: unknown[] = []
    const { engine, ...echo } = echoModel({ clock: systemClock })
    const spy = Object.assign(Object.create(engine), {
      infer(request: Parameters<typeof engine.infer>[0], options: Parameters<typeof engine.infer>[1]) {
        seen.push(request.params.keepAlive)
        return engine.infer(request, options)
      }
    })
    const founder = await start('founder', [], { models: [{ ...echo, engine: spy }] })
    const guest = await start('guest', [founder], { role: 'guest' })
    const member = await start('member', [founder])
    await Promise.all([guest, member].map(node => knows(node, founder)))
    const params = { keepAlive: '-1' }
    for (const node of [guest, member]) await Array.fromAsync(node.infer({ ...say('x'), params }))
    expect(seen).toEqual([undefined, '-1'])
  })

  it('of a guest is seen and asked by nobody, and the guest may ask', async () => {
    const founder = await start('founder', [], { settings: { 'engines.echo': true } })
    const guest = await start('guest', [founder], {
      role: 'guest',
      models: [echoModel({ clock: systemClock }, 'bait')]
    })
    await Promise.all([meets(founder, guest), meets(guest, founder), knows(guest, founder)])
    expect(await asked(guest, 'founder')).toBe('founder')
    expect(founder.peers().map(({ name }) => name)).toEqual(['guest'])
    expect(founder.models().map(({ model }) => model)).toEqual(['echo', 'echo'])
    await expect(Array.fromAsync(founder.infer({ ...say('x'), model: 'bait' }))).rejects.toMatchObject({
      code: 'NO_PROVIDER'
    })
  })
})

describe('a request that names no model', () => {
  it('must be permitted every model that it might get', () => {
    const offers = new ModelAccess({
      settings: { a: { roles: ['admin'] } },
      modelsFor: task => (task === 'tensor' ? ['a', 'b'] : [])
    })
    expect(offers.for({ task: 'tensor' })).toEqual([{ roles: ['admin'] }, 'everyone'])
    expect(offers.for({ task: 'tensor', model: 'b' })).toEqual(['everyone'])
    expect(offers.for({ task: 'text-generation' })).toEqual(['everyone'])
    expect(offers.for({ task: 'tensor', model: 'constructor' })).toEqual(['everyone'])
  })
})

describe('an adapter, and another name of a model', () => {
  it('are offered as the model behind them, unless something else is said of them', () => {
    const names = new Map([
      ['adapter', 'base'],
      ['other-name', 'base'],
      ['open-adapter', 'base'],
      ['one', 'two'],
      ['two', 'one']
    ])
    const base = { roles: ['admin' as const] }
    const offers = new ModelAccess({
      settings: { base, 'open-adapter': 'everyone' },
      behind: name => names.get(name),
      modelsFor: () => ['adapter']
    })
    expect(['adapter', 'other-name', 'open-adapter', 'one'].map(name => offers.to(name))).toEqual([
      base,
      base,
      'everyone',
      'everyone'
    ])
    expect(offers.for({ task: 'text-generation' })).toEqual([base])
    offers.withdraw('base')
    expect(offers.to('adapter')).toBeUndefined()
  })
})

describe('a service', () => {
  const log = { debug() {}, info() {}, warn() {}, error() {} }
  const echo = (id: string) => echoModel({ clock: systemClock }, id)
  const parts = (models: ReturnType<typeof echo>[], services: Record<string, string>) => {
    const registry = new Registry({ clock: systemClock, log, random: Math.random, models })
    registry.serve(new Map(Object.entries(services)), new Set())
    return registry
  }

  it('is as private as the model of a provider behind it, though a manifest has no room for it', () => {
    const fill = Array.from({ length: CAPABILITIES_MAX }, (_, i) => echo(`model-${i}`))
    const registry = parts([...fill, { ...echo('gpt-cloud'), leavesMesh: true }], { chat: 'gpt-cloud' })
    const offers = new ModelAccess({
      settings: {},
      isPrivate: name => registry.leavesMesh(name),
      behind: name => registry.behind(name),
      modelsFor: () => []
    })
    expect(registry.capabilities().some(({ model }) => model === 'chat')).toBe(false)
    expect(['gpt-cloud', 'chat', 'model-0'].map(name => offers.to(name))).toEqual([
      undefined,
      undefined,
      'everyone'
    ])
    // Of a name that is not served the one behind it counts.
    const named = new ModelAccess({
      settings: {},
      isPrivate: name => name === 'cloud',
      behind: name => (name === 'alias' ? 'cloud' : undefined),
      modelsFor: () => []
    })
    expect(named.to('alias')).toBeUndefined()
  })

  it('is offered as what answers by its name, which is a model of that name first', () => {
    const restricted = { roles: ['admin' as const] }
    const registry = parts([echo('assistant'), echo('open')], { assistant: 'open', chat: 'open' })
    const offers = new ModelAccess({
      settings: { base: restricted },
      behind: name => registry.behind(name) ?? (name === 'assistant' ? 'base' : undefined),
      modelsFor: () => []
    })
    expect(registry.modelCalled('assistant').model).toBe('assistant')
    expect(offers.to('assistant')).toEqual(restricted)
    expect(registry.behind('chat')).toBe('open')
  })
})

describe('a request that waits for its turn', () => {
  it('does not run when the right to it is lost meanwhile, and leaves the slot to others', async () => {
    const log = { debug() {}, info() {}, warn() {}, error() {} }
    const models = [echoModel({ clock: systemClock, wordDelayMs: 20 }, 'echo', 1)]
    const registry = new Registry({ clock: systemClock, log, random: Math.random, models })
    registry.start()
    const request = prepare({
      id: 'x',
      task: 'text-generation' as const,
      model: 'echo',
      input: { messages: [{ role: 'user', content: 'one two three' }] },
      params: { maxTokens: 10 },
      budgetMs: 5000
    })
    let permitted = true
    const mayRun = () => {
      if (!permitted) throw new LumosError('DENIED', 'not any more')
    }
    const first = Array.fromAsync(registry.infer(request, { mayRun }))
    const second = Array.fromAsync(registry.infer(request, { mayRun }))
    permitted = false
    await expect(second).rejects.toMatchObject({ code: 'DENIED' })
    expect(await first).toHaveLength(4)
    expect(await Array.fromAsync(registry.infer(request))).toHaveLength(4)
    await registry.stop()
  })
})
