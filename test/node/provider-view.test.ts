import { describe, expect, it } from 'vitest'
import { systemClock } from '../../interface/clock.ts'
import type { Inference } from '../../interface/inference.ts'
import type { Capability } from '../../interface/manifest.ts'
import { ProviderView, type ProviderViewComponents } from '../../node/routing/provider-view.ts'

const capability = (model: string): Capability => ({ task: 'text-generation', model, slots: 1, warm: true })
const service: Inference = { infer: () => Promise.reject(new Error('not asked here')) as never }
const remote: Inference = { infer: () => Promise.reject(new Error('not asked here')) as never }
const hardware = { platform: 'linux', arch: 'x64', cpu: 'any', cores: 2, memoryBytes: 1e9, accelerators: [] }
const manifest = { hardware, onBattery: true }
type Roles = Record<string, 'member' | 'admin' | 'guest'>

/** A view of `self`, which has the model `own`, and of peers that all offer `echo`. */
function viewOf(
  roles: Roles,
  {
    lost = [],
    claims = [],
    demonstrations = [],
    own = [capability('own')]
  }: Partial<Record<'lost' | 'claims' | 'demonstrations', string[]>> & { own?: Capability[] } = {}
) {
  const list = Object.entries(roles).map(([peerId, role]) => ({ peerId, name: `name-${peerId}`, role }))
  const members = {
    list: () => list,
    get: (id: string) => list.find(({ peerId }) => peerId === id),
    lastKnown: (id: string) => list.find(({ peerId }) => peerId === id)
  } as unknown as ProviderViewComponents['members']
  return new ProviderView({
    self: { peerId: 'self', name: 'unborn' },
    own: {
      ...service,
      capabilities: ({ offered } = { offered: false }) => [
        ...own,
        ...(offered ? [] : demonstrations.map(capability))
      ]
    },
    table: {
      providers: ({ model = 'echo' }) =>
        model === 'echo'
          ? [...Object.keys(roles), ...claims].map(peerId => ({
              peerId,
              manifest,
              capability: capability('echo')
            }))
          : []
    } as unknown as ProviderViewComponents['table'],
    members,
    peers: {
      isConnected: id => id === 'near',
      isLost: id => lost.includes(id),
      rttMs: id => (id === 'near' ? 3 : null),
      client: () => remote as never
    },
    clock: systemClock
  })
}
const peersOf = (view: ProviderView, wanted = {}) => view.offers(wanted).map(({ peerId }) => peerId)

describe('the view of providers', () => {
  it('has this node and the members that offer, with the way to each', () => {
    expect(viewOf({ near: 'member', far: 'admin' }).offers({})).toMatchObject([
      { peerId: 'self', local: true, name: 'unborn', capability: { model: 'own' } },
      {
        ...{ peerId: 'near', local: false, name: 'name-near', connected: true, rttMs: 3 },
        device: { tier: 0, onBattery: true }
      },
      { peerId: 'far', local: false, name: 'name-far', connected: false, rttMs: null }
    ])
  })

  it('has what is wanted only', () => {
    const view = viewOf({ near: 'member' })
    expect(peersOf(view, { model: 'own' })).toEqual(['self'])
    expect(peersOf(view, { model: 'echo' })).toEqual(['near'])
    expect(peersOf(view, { task: 'tensor', model: 'own' })).toEqual([])
  })

  it('has a demonstration only where no device offers a model of its name, nor one for the task', () => {
    const view = viewOf({ near: 'member' }, { demonstrations: ['echo', 'demo'] })
    expect(peersOf(view, { model: 'echo' })).toEqual(['near'])
    expect(peersOf(view, { model: 'demo' })).toEqual(['self'])
    expect(peersOf(view, { task: 'text-generation' })).not.toContain('demo')
    expect(view.offers({}).map(({ capability: { model } }) => model)).toEqual(['own', 'echo', 'demo'])
    const alone = viewOf({}, { demonstrations: ['echo'] })
    expect(alone.offers({ model: 'echo' }).map(({ peerId }) => peerId)).toEqual(['self'])
  })

  it('has its own model outside the mesh only where that is asked for by name', () => {
    const view = viewOf({}, { own: [{ ...capability('far'), leavesMesh: true }] })
    expect(peersOf(view, { task: 'text-generation' })).toEqual([])
    expect(peersOf(view, { task: 'text-generation', model: 'far' })).toEqual(['self'])
  })

  it('leaves out guests, peers that are lost, peers that are no members, and what others say of this node', () => {
    const roles: Roles = { near: 'member', gone: 'member', guest: 'guest', self: 'member' }
    const view = viewOf(roles, { lost: ['gone'], claims: ['stranger'] })
    expect(peersOf(view)).toEqual(['self', 'near'])
  })

  it('finds a peer by its name, this node by its own, and refuses a name that means none', () => {
    const view = viewOf({ near: 'member', self: 'admin' })
    expect([view.named('name-near'), view.named('name-self')]).toEqual(['near', 'self'])
    expect(() => view.named('far')).toThrow('No member is called "far".')
    expect(viewOf({}).named('unborn')).toBe('self')
  })

  it('asks this node itself without a connection', () => {
    const view = viewOf({ near: 'member' })
    expect(view.client('near')).toBe(remote)
    expect(view.client('self')).not.toBe(remote)
  })
})
