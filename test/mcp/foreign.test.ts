/** Tools of another program's MCP server, on its own device and from another one. */

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, it } from 'vitest'
import type { LumosNode } from '../../interface/node.ts'
import { createUnits, type UnitRegistry } from '../../units/index.ts'
import { meets, startNode } from '../node/mesh-nodes.ts'
import { contextOf, OWNER } from '../units/callers.ts'

const FOREIGN = fileURLToPath(new URL('foreign-server.ts', import.meta.url))
const program = { command: process.execPath, args: [FOREIGN], env: { GIVEN: 'yes' } }

const unitsOf = (node: LumosNode): UnitRegistry =>
  createUnits({ node, gatewayUrl: () => undefined, rotateToken: () => 0, stop() {} })

/** Begins an answer, and never ends it. */
const endless = createServer((_, response) => {
  response.writeHead(200, { 'content-type': 'application/json' })
  const more = () => {
    while (response.write('x'.repeat(65_536)));
    response.once('drain', more)
  }
  more()
})

let den: Awaited<ReturnType<typeof startNode>>
let attic: typeof den
let onDen: UnitRegistry
let onAttic: UnitRegistry

beforeAll(async () => {
  endless.listen(0, '127.0.0.1')
  await once(endless, 'listening')
  const { port } = endless.address() as AddressInfo
  den = await startNode('den', [], {
    settings: {
      'mcp.servers': {
        open: { ...program, offer: { roles: ['member'] } },
        admins: { ...program, offer: { roles: ['admin'] } },
        own: program,
        slow: { ...program, timeoutMs: 1500 },
        broken: { command: '/nowhere/program' },
        endless: { url: `http://127.0.0.1:${port}/mcp` }
      }
    }
  })
  attic = await startNode('attic', [den])
  onDen = unitsOf(den)
  onAttic = unitsOf(attic)
  den.remote.serve(async () => onDen)
  await Promise.all([meets(den, attic), meets(attic, den)])
})
afterAll(async () => {
  endless.closeAllConnections()
  endless.close()
  await attic[Symbol.asyncDispose]()
  await den[Symbol.asyncDispose]()
})

// biome-ignore lint/suspicious/noExplicitAny: answers of several units
type Answer = any
const here = (unit: string, input: object, signal?: AbortSignal): Promise<Answer> =>
  onDen.execute(unit, input, contextOf(OWNER, { budgetMs: 20_000, ...(signal && { signal }) }))
const there = (unit: string, input: object, signal?: AbortSignal): Promise<Answer> =>
  onAttic.execute(unit, input, contextOf(OWNER, { budgetMs: 20_000, peer: 'den', ...(signal && { signal }) }))
const add = (server: string) => ({ server, tool: 'add', input: { a: 2, b: 3 } })

describe('a tool of another program', () => {
  it('is called by this device, and its program begins with the first call', async () => {
    const { items } = await here('mcp.servers', {})
    assert.deepEqual(
      items.map(({ name }: Answer) => name),
      ['open', 'admins', 'own', 'slow', 'broken', 'endless']
    )
    assert.ok(items.every(({ state }: Answer) => state === 'idle'))
    assert.equal((await here('mcp.call', add('own'))).content[0].text, '5')
    assert.equal((await here('mcp.servers', {})).items[2].state, 'running')
    const { items: tools } = await here('mcp.tools', { server: 'own' })
    // What would act on a terminal is a space.
    assert.equal(tools[0].description, 'Adds  [31mtwo numbers.')
    assert.equal(tools[0].input.type, 'object')
  })

  it('is called by another device only where it is offered to its role, and is not there otherwise', async () => {
    assert.deepEqual(
      (await there('mcp.servers', {})).items.map(({ name }: Answer) => name),
      ['open']
    )
    assert.equal((await there('mcp.call', add('open'))).content[0].text, '5')
    assert.equal((await there('mcp.tools', { server: 'open' })).items[0].name, 'add')
    for (const server of ['own', 'admins', 'none']) {
      await assert.rejects(there('mcp.call', add(server)), { code: 'TOOL_NOT_FOUND' })
      await assert.rejects(there('mcp.tools', { server }), { code: 'TOOL_NOT_FOUND' })
    }
  })

  it('that answers without end over HTTP costs a bounded amount, and fails', async () => {
    await assert.rejects(here('mcp.tools', { server: 'endless' }), { code: 'TOOL_FAILED' })
  })

  it('gets no variable of the node but what its settings name, and a path and a home', async () => {
    const { content } = await here('mcp.call', { server: 'own', tool: 'environment' })
    const { GIVEN, VITEST, ...env } = JSON.parse(content[0].text)
    assert.deepEqual([GIVEN, VITEST], ['yes', undefined])
    const kept = ['HOME', 'LOGNAME', 'PATH', 'SHELL', 'TERM', 'USER']
    assert.deepEqual(
      Object.keys(env).filter(name => !kept.includes(name)),
      []
    )
  })

  it('that is silent, ends, says too much or is not there fails in words, and the next call is answered', async () => {
    await assert.rejects(here('mcp.call', { server: 'slow', tool: 'silent' }), { code: 'TIMEOUT' })
    const leaving = new AbortController()
    const left = here('mcp.call', { server: 'own', tool: 'silent' }, leaving.signal)
    leaving.abort()
    await assert.rejects(left, { code: 'CANCELLED' })
    const loud = await here('mcp.call', { server: 'own', tool: 'loud' })
    assert.equal(loud.content[0].text, ' ]0;owned  done')
    const structured = await here('mcp.call', { server: 'own', tool: 'structured' })
    assert.deepEqual(structured.structured, { 'k ': [{ deep: ' 31m ' }] })
    assert.deepEqual(structured.content[0], { type: 'resource', uri: 'x: y', mime: 'a b', text: null })
    for (const tool of ['large', 'nested', 'end']) {
      await assert.rejects(here('mcp.call', { server: 'own', tool }), { code: 'TOOL_FAILED' })
    }
    assert.equal((await here('mcp.call', add('own'))).content[0].text, '5')
    await assert.rejects(here('mcp.call', add('broken')), { code: 'TOOL_FAILED' })
    await assert.rejects(here('mcp.call', add('broken')), { code: 'OVERLOADED' })
  })

  it('is begun in its own time, whatever the time of the first caller', async () => {
    const hasty = onDen.execute('mcp.tools', { server: 'admins' }, contextOf(OWNER, { budgetMs: 1 }))
    await assert.rejects(hasty, { code: 'TIMEOUT' })
    assert.equal((await here('mcp.call', add('admins'))).content[0].text, '5')
  })

  it('has places that other devices do not take, however long they are at it', async () => {
    const leaving = new AbortController()
    const silent = { server: 'open', tool: 'silent' }
    const calls = Array.from({ length: 9 }, () => there('mcp.call', silent, leaving.signal))
    await assert.rejects(Promise.race(calls), { code: 'OVERLOADED' })
    assert.equal((await here('mcp.call', add('open'))).content[0].text, '5')
    leaving.abort()
    await Promise.allSettled(calls)
  })
})
