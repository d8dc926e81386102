/** Pulls of real nodes from a hub that counts what it sends, and from each other. */

import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { rm } from 'node:fs/promises'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { EventData } from '../../interface/events.ts'
import { hasEnded, type JobInfo } from '../../interface/jobs.ts'
import type { LumosNode } from '../../interface/node.ts'
import type { Pulled } from '../../interface/weights.ts'
import { createUnits } from '../../units/index.ts'
import { contextOf, OWNER } from '../units/callers.ts'
import { FakeHub } from '../weights/fake-hub.ts'
import { meets, startNode, temporaryHome } from './mesh-nodes.ts'

const MIB = 1024 * 1024
const REF = 'hf:acme/tiny'

async function hub(): Promise<FakeHub> {
  const server = await FakeHub.start()
  onTestFinished(() => server[Symbol.asyncDispose]())
  server.put('config.json', '{}', { git: true })
  server.put('model.bin', randomBytes(5 * MIB + 17))
  server.put('other.bin', randomBytes(2 * MIB))
  return server
}

const settingsOf = ({ url }: FakeHub) => ({ 'weights.origins.hf': url })
const bytesOf = ({ files }: FakeHub): number =>
  [...files.values()].reduce((sum, { bytes }) => sum + bytes.length, 0)

async function ended(node: LumosNode, id: string): Promise<JobInfo> {
  for await (const job of node.jobs.watch(id)) if (hasEnded(job.state)) return job
  throw new Error('The node ended.')
}

const pull = (node: LumosNode, input: object) => ended(node, node.jobs.begin('model.pull', input).id)
/** Once so much of it is on disk. */
async function has(node: LumosNode, id: string, bytes: number): Promise<void> {
  while ((node.jobs.get(id).progress?.done ?? 0) < bytes) await new Promise(resolve => setImmediate(resolve))
}

describe('a pull from an origin', () => {
  it('brings each file once, says what came from where, and has nothing left to do', async () => {
    const server = await hub()
    await using den = await startNode('den', [], { settings: settingsOf(server) })
    const told: EventData<'model.pull_progress'>[] = []
    den.events.addEventListener('model.pull_progress', ({ detail }) => told.push(detail))

    const first = await pull(den, { ref: REF })
    const bytes = bytesOf(server)
    expect(first).toMatchObject({
      state: 'done',
      result: { model: 'acme/tiny', bytes, sources: [{ from: new URL(server.url).host, bytes }] }
    })
    expect(told.at(-1)).toMatchObject({
      jobId: first.id,
      modelId: 'acme/tiny',
      bytesDone: bytes,
      bytesTotal: bytes
    })
    assert.equal(den.weights.show('acme/tiny').files.length, 3)

    const before = server.bytesSent
    const again = await pull(den, { ref: REF, name: 'second' })
    expect(again.result).toMatchObject({ model: 'second', cid: (first.result as { cid: string }).cid })
    // The small file of Git has no SHA-256 that could be looked up.
    assert.equal(server.bytesSent - before, 2)
    assert.deepEqual(
      den.weights.list().map(({ model }) => model),
      ['acme/tiny', 'second']
    )
  })

  it('shows no signature of a URL, and has no job for a name that is an address', async () => {
    const server = await hub()
    await using den = await startNode('den')
    const job = den.jobs.begin('model.pull', { ref: `${server.url}/files/a.gguf?X-Signature=thesecret#x` })
    const { error } = await ended(den, job.id)
    assert.doesNotMatch(JSON.stringify([job, den.jobs.get(job.id), error]), /thesecret/)
    assert.throws(() => den.jobs.begin('model.pull', { ref: REF, name: 'ab'.repeat(32) }), {
      code: 'INVALID_INPUT'
    })
  })

  it('makes no private weights those of a repository whose listing has their hash: the hub has to send them', async () => {
    const server = await hub()
    const settings = { ...settingsOf(server), access: { secret: { roles: ['admin'] } } }
    await using den = await startNode('den', [], { settings })
    await pull(den, { ref: REF, name: 'secret' })
    const before = server.bytesSent
    const { result } = await pull(den, { ref: REF })
    expect(result).toMatchObject({ model: 'acme/tiny', sources: [{ from: new URL(server.url).host }] })
    assert.equal(server.bytesSent - before, bytesOf(server))
  })

  it('takes from a device of the mesh what that has', async () => {
    const server = await hub()
    await using den = await startNode('den', [], { settings: settingsOf(server) })
    await using attic = await startNode('attic', [den], { settings: settingsOf(server) })
    await pull(den, { ref: REF })
    const before = server.bytesSent
    await held(attic, 'acme/tiny')

    const { result } = await pull(attic, { ref: REF })
    const bytes = bytesOf(server)
    expect(result).toMatchObject({ bytes, sources: [{ from: den.peerId, bytes: bytes - 2 }, { bytes: 2 }] })
    assert.equal(server.bytesSent - before, 2)
  })

  it('of two devices at once is one download, which the other has as it comes', async () => {
    const server = await hub()
    server.always = { pauseMs: 5 }
    const settings = settingsOf(server)
    await using den = await startNode('den', [], { settings })
    await using attic = await startNode('attic', [den], { settings })
    const nodes = [den, attic]
    await Promise.all([meets(den, attic), meets(attic, den)])

    const jobs = await Promise.all(nodes.map(node => pull(node, { ref: REF })))
    const sources = jobs.map(({ result }) => (result as Pulled).sources)
    const sumOf = (of: Pulled['sources']) => of.reduce((sum, { bytes }) => sum + bytes, 0)
    assert.deepEqual(sources.map(sumOf), [bytesOf(server), bytesOf(server)])
    // Two that begin at once on a busy machine may both download a leaf or two.
    assert.ok(server.bytesSent < 1.5 * bytesOf(server), `${server.bytesSent}`)
    assert.equal(new Set(jobs.map(({ result }) => (result as Pulled).cid)).size, 1)
  })

  it('goes on after a restart with what is on disk', async () => {
    const server = await hub()
    const home = await temporaryHome()
    onTestFinished(() => rm(home, { recursive: true, force: true }))
    server.always = { silentAfter: 3 * MIB }
    let id: string
    {
      await using den = await startNode('den', [], { home, settings: settingsOf(server) })
      id = den.jobs.begin('model.pull', { ref: REF }).id
      await has(den, id, 2 * MIB)
    }
    server.always = {}
    const before = server.bytesSent
    await using den = await startNode('den', [], { home, settings: settingsOf(server) })
    const job = await ended(den, id)
    expect(job).toMatchObject({ state: 'done', result: { bytes: bytesOf(server) } })
    const disk = (job.result as { sources: { from: string; bytes: number }[] }).sources.find(
      ({ from }) => from === 'disk'
    )
    assert.ok(disk!.bytes >= 2 * MIB, JSON.stringify(job.result))
    assert.equal(server.bytesSent - before, bytesOf(server) - disk!.bytes)
  })

  it('is given up, and keeps what came for the next one', async () => {
    const server = await hub()
    server.always = { silentAfter: 2 * MIB }
    await using den = await startNode('den', [], { settings: settingsOf(server) })
    const { id } = den.jobs.begin('model.pull', { ref: REF })
    await has(den, id, MIB)
    const units = createUnits({ node: den, gatewayUrl: () => undefined, rotateToken: () => 0, stop() {} })
    const collect = units.execute('model.gc', { unfinished: true }, contextOf(OWNER))
    await assert.rejects(collect, { code: 'INVALID_INPUT', message: new RegExp(id) })
    den.jobs.cancel(id)
    assert.equal((await ended(den, id)).state, 'cancelled')
    assert.deepEqual(den.weights.list(), [])
    server.always = {}
    const { result } = await pull(den, { ref: REF })
    expect((result as { sources: object[] }).sources).toContainEqual(
      expect.objectContaining({ from: 'disk' })
    )
  })

  it('asks for all its room before the first byte', async () => {
    const server = await hub()
    for (let n = 0; n < 4; n++) server.put(`more-${n}.bin`, randomBytes(2 * MIB))
    // The first few files have room.
    const settings = { ...settingsOf(server), 'weights.diskMax': 14 * MIB }
    await using den = await startNode('den', [], { settings })
    expect(await pull(den, { ref: REF })).toMatchObject({ state: 'failed', error: { code: 'WEIGHTS_FULL' } })
    assert.equal(server.bytesSent, 0)
  })

  it('is refused for bytes that are not what the hub lists, and leaves no model', async () => {
    const server = await hub()
    server.always = { flip: 1000 }
    await using den = await startNode('den', [], { settings: settingsOf(server) })
    expect(await pull(den, { ref: REF })).toMatchObject({
      state: 'failed',
      error: { code: 'WEIGHTS_INVALID' }
    })
    assert.deepEqual(den.weights.list(), [])
    assert.throws(() => den.jobs.begin('model.pull', { ref: 'hf:nowhere' }), { code: 'INVALID_INPUT' })
    expect(await pull(den, { ref: 'hf:acme/none' })).toMatchObject({ error: { code: 'MODEL_NOT_FOUND' } })
  })

  it('finds models by their names', async () => {
    const server = await hub()
    server.answer = (path, response) => {
      if (!path.startsWith('/api/models?search=tiny+llm&limit=2')) return false
      const found = [
        { id: 'acme/tiny', pipeline_tag: 'text-generation', downloads: 7 },
        { id: '../../etc', downloads: 9 },
        { id: 'acme/bare' },
        { id: 'acme/more' }
      ]
      response.writeHead(200).end(JSON.stringify(found))
      return true
    }
    await using den = await startNode('den', [], { settings: settingsOf(server) })
    assert.deepEqual(await den.weights.search('tiny llm', { limit: 2 }), [
      { ref: 'hf:acme/tiny', type: 'text-generation', downloads: 7 },
      { ref: 'hf:acme/bare', type: null, downloads: null }
    ])
  })
})

/** Once a device of the mesh states that it has these weights. */
async function held(node: LumosNode, name: string): Promise<void> {
  while ((await node.weights.where(name)).length === 0) await new Promise(resolve => setImmediate(resolve))
}
