import { readFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { createProgram } from '../../cli/program.ts'
import type { Role } from '../../interface/membership.ts'
import type { LumosNode } from '../../interface/node.ts'
import type { FeatureDeclaration } from '../../node/feature.ts'
import type { JobKind } from '../../node/jobs/job-kind.ts'
import type { DrivenNode } from '../../sim/driven-node.ts'
import { createUnits } from '../../units/index.ts'
import { HostilePeer, listeningLog } from './hostile-peer.ts'
import { startNode, temporaryHome } from './mesh-nodes.ts'
import * as notesCommand from './notes/command.ts'
import { notes } from './notes/feature.ts'
import { LATER, NOTE_BYTES_MAX, NOTES_PROTOCOL, type Notes } from './notes/interface.ts'
import { notesUnits } from './notes/units.ts'

/** What the lists of the product would say of the feature: each has one import of it. */
const FEATURES = [notes]
type Node<N> = N & { readonly notes: Notes }
const unitsOf = (node: Node<LumosNode>) => notesUnits(node)
const DOMAINS = [notesCommand]

const startWithNotes = async (...[name, others, options]: Parameters<typeof startNode>) =>
  (await startNode(name, others, { features: FEATURES, ...options })) as Node<
    Awaited<ReturnType<typeof startNode>>
  >

it('costs one import in each of four lists, and no other line outside its folder', () => {
  const lines = readFileSync(import.meta.filename, 'utf8').split('\n')
  expect(lines.filter(line => /^import .* from '\.\/notes\//.test(line))).toHaveLength(4)
})

it('a feature takes part in a mesh from its start to its end', async () => {
  await using den = await startWithNotes('den')
  const attic = await startWithNotes('attic', [den])
  await Promise.all([den.notes.has(`met ${attic.peerId}`), attic.notes.has(`met ${den.peerId}`)])

  await attic.notes.tell(den.peerId, 'hello')
  await den.notes.has('told hello')

  await attic.notes.publish('x'.repeat(NOTE_BYTES_MAX + 1))
  // Gossip reaches a peer once its subscription has: until then each try is another message.
  for (let i = 0; !den.notes.seen.some(note => note.startsWith('read ')); i++) {
    await attic.notes.publish(`all ${i}`)
    await new Promise(resolve => setImmediate(resolve))
  }
  expect(
    den.notes.seen.filter(note => note.startsWith('read')).every(note => note.startsWith('read all'))
  ).toBe(true)

  await attic.stop()
  await den.notes.has(`lost ${attic.peerId}`)
  expect(attic.notes.seen.at(0)).toBe('started')
  expect(attic.notes.seen.slice(-2)).toEqual(['stopped', 'closed'])
  expect(attic.notes.seen).toContain('refuses')
  await attic[Symbol.asyncDispose]()
})

it('what a feature says in the manifest reaches the same feature of other members', async () => {
  await using den = await startWithNotes('den')
  await using attic = await startWithNotes('attic', [den])
  await attic.notes.has(`met ${den.peerId}`)
  den.notes.keep('tea')
  await attic.notes.has(`${den.peerId} keeps tea`)
})

it('a feature that fails to say its part leaves the manifest to the others', async () => {
  const fails: FeatureDeclaration = {
    name: 'fails',
    create: async () => ({
      name: 'fails',
      join: () => ({
        manifest() {
          throw new Error('no part')
        }
      })
    })
  }
  await using den = await startWithNotes('den', [], { features: [fails, notes] })
  await using attic = await startWithNotes('attic', [den])
  den.notes.keep('tea')
  await attic.notes.has(`${den.peerId} keeps tea`)
})

it('a manifest without a part, and one whose part is too long, say nothing to a feature', async () => {
  await using den = await startWithNotes('den')
  await using peer = await HostilePeer.member(den)
  const connection = await peer.dial(den)
  await peer.hello(connection, await peer.sealed({ parts: { notes: new Uint8Array(4097) } }))
  await den.notes.has(`${peer.peerId} keeps nothing`)
  await peer.hello(
    connection,
    await peer.sealed({ sequence: 2, parts: { notes: new Uint8Array([104, 105]) } })
  )
  await den.notes.has(`${peer.peerId} keeps hi`)
})

describe('a feature of a node', () => {
  it('has settings in a section of its own', async () => {
    await using den = await startWithNotes('den', [], { settings: { 'notes.charsMax': 3 } })
    den.notes.keep('tea')
    expect(() => den.notes.keep('coffee')).toThrow('3 characters')
    await expect(startWithNotes('attic', [], { settings: { 'notes.charsMin': 3 } })).rejects.toMatchObject({
      code: 'CONFIG_INVALID'
    })
  })

  it('has tables of its own, and those of a mesh are emptied in another one', async () => {
    const home = await temporaryHome()
    await using other = await startNode('other')
    {
      await using den = await startWithNotes('den', [], { home })
      den.notes.keep('tea')
    }
    {
      await using den = await startWithNotes('den', [], { home })
      expect(den.notes.kept()).toEqual(['tea'])
      await den.enter(await other.admit({ subject: den.peerId, role: 'member', name: 'den' }))
      expect(den.notes.kept()).toEqual([])
      expect(den.notes.count()).toBe(1)
    }
    await rm(home, { recursive: true, force: true })
  })

  it('has events of its own, checked against their schemas', async () => {
    await using den = await startWithNotes('den')
    const heard: string[] = []
    den.events.addEventListener('notes.kept', ({ detail }) => heard.push(detail.text))
    den.notes.keep('tea')
    expect(heard).toEqual(['tea'])
    const [event] = await Array.fromAsync(
      den.events.subscribe({ names: ['notes.*'], since: 'oldest', follow: false })
    )
    expect(event).toMatchObject({ name: 'notes.kept', data: { text: 'tea' } })

    const units = createUnits({ node: den, gatewayUrl: () => '', rotateToken: () => 0, stop() {} })
    const { item } = units.list().find(({ name }) => name === 'event.list')!
    expect(JSON.stringify(item)).toContain('notes.kept')
  })

  it('has jobs of its own, which are cancelled and go on after a restart as all do', async () => {
    const home = await temporaryHome()
    let id: string
    {
      await using den = await startWithNotes('den', [], { home })
      id = den.jobs.begin('notes.bring', ['tea', LATER, 'milk']).id
      await den.notes.has('waits')
      expect(den.jobs.get(id)).toMatchObject({ state: 'running', progress: { done: 1, total: 3 } })

      const other = den.jobs.begin('notes.bring', [LATER])
      expect([other.state, den.jobs.cancel(other.id).state]).toEqual(['queued', 'cancelled'])
      expect(() => den.jobs.begin('notes.bring', 'tea')).toThrow('notes.bring')
    }
    {
      await using den = await startWithNotes('den', [], { home })
      // A step that was done again would fail: no note is kept twice.
      const job = (await Array.fromAsync(den.jobs.watch(id))).at(-1)
      expect(job).toMatchObject({ state: 'done', result: ['tea', LATER, 'milk'] })
    }
    await rm(home, { recursive: true, force: true })
  })

  it('is reached by its units and its commands', async () => {
    await using den = await startWithNotes('den')
    const registry = createUnits({ node: den, gatewayUrl: () => '', rotateToken: () => 0, stop() {} })
    for (const unit of unitsOf(den)) registry.register(unit)
    const caller = { origin: 'local', permissions: ['use'] } as const
    const context = { requestId: 'one', budgetMs: 1000, caller }
    expect(await registry.execute('notes.keep', { text: 'tea' }, context)).toEqual({ kept: ['tea'] })

    await createProgram(true, DOMAINS).parseAsync(['node', 'lumos-node', 'note', 'tea'])
    expect(notesCommand.asked).toEqual([['tea']])
  })

  it('cannot take a name that is taken, nor emit or bring what is not its own', async () => {
    const named = (name: string, declared: Partial<FeatureDeclaration> = {}): FeatureDeclaration => ({
      name,
      create: async () => ({ name, facet: {}, join: () => ({}) }),
      ...declared
    })
    const started = (feature: FeatureDeclaration) => startNode('den', [], { features: [feature] })
    await expect(started(named('mesh'))).rejects.toThrow('cannot be named mesh')
    await expect(started(named('Not a name'))).rejects.toThrow('cannot be named')
    const other = named('tea', { events: { 'notes.kept': notes.events!['notes.kept']! } })
    await expect(started(other)).rejects.toThrow('declares the event notes.kept')
    const taken = named('job', { events: { 'job.changed': notes.events!['notes.kept']! } })
    await expect(started(taken)).rejects.toThrow('declares the event job.changed')
    await expect(startNode('den', [], { features: [named('tea'), named('tea')] })).rejects.toThrow(
      'be named tea'
    )
    const kind = { name: 'notes.bring' } as JobKind
    const works = named('tea', { create: async () => ({ name: 'tea', jobs: [kind] }) })
    await expect(started(works)).rejects.toThrow('brings the job notes.bring')
    const stores = named('tea', { create: async ({ database }) => ({ name: 'tea', facet: database }) })
    await expect(started(stores)).rejects.toThrow('declares no tables')
    const speaks = named('tea', {
      create: async ({ emit }) => {
        emit('tea.made' as 'notes.kept', { text: 'tea' })
        return { name: 'tea', join: () => ({}) }
      }
    })
    await expect(started(speaks)).rejects.toThrow('has no event tea.made')
  })
})

it.each<[Role, boolean]>([
  ['admin', true],
  ['member', true],
  ['edge', false],
  ['guest', false]
])('a peer with the role %s opens a protocol for members and admins: %s', async (role, may) => {
  const { log, saw } = listeningLog()
  await using node = await startWithNotes('den', [], { log })
  await using peer = await HostilePeer.member(node as DrivenNode, role)
  const connection = await peer.dial(node)
  await peer.hello(connection, await peer.sealed())
  await node.notes.has(`met ${peer.peerId}`)

  if (may) {
    const stream = await connection.newStream(NOTES_PROTOCOL)
    stream.send(new TextEncoder().encode('hi'))
    await stream.close()
    await node.notes.has('told hi')
  } else {
    await connection.newStream(NOTES_PROTOCOL).catch(() => {})
    await saw('DENIED')
  }
})
