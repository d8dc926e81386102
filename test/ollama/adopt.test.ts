/** The port of another program, taken by a node whose models are on another device. */

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type OutgoingHttpHeaders, request, type Server } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { Ollama } from 'ollama'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { PRODUCTS } from '../../capabilities/engines/openai/listing.ts'
import { ModelServers } from '../../capabilities/index.ts'
import { AdoptedPorts, type AdoptionStore } from '../../gateway/adopted-ports.ts'
import { systemClock } from '../../interface/clock.ts'
import { adoptedPortsOf, adoptedPortsPath } from '../../storage/home/adopted-ports.ts'
import { EMBEDDER, TALKER } from '../openai/scripted-engine.ts'
import { type Devices, startDevices } from '../openai/two-devices.ts'

let devices: Devices
let folder: string
const path = () => adoptedPortsPath(folder)
const store: AdoptionStore = {
  read: () => adoptedPortsOf(folder).read(),
  write: ports => adoptedPortsOf(folder).write(ports)
}
const log = { debug() {}, info() {}, warn() {}, error() {} }
let port: number

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lumos-adopt-'))
  devices = await startDevices({ adopted: store })
})
afterAll(async () => {
  await devices[Symbol.asyncDispose]()
  await rm(folder, { recursive: true })
})
beforeEach(async () => {
  port = await freePort()
})

/** Where a program listens that has nothing to do with this node. */
async function anotherProgram(at = 0): Promise<Server> {
  const server = createServer((_, response) => response.end('mine')).listen(at, '127.0.0.1')
  await once(server, 'listening')
  return server
}
async function freePort(): Promise<number> {
  const server = await anotherProgram()
  const { port } = server.address() as AddressInfo
  await end(server)
  return port
}
const end = (server: Server) => new Promise(resolve => server.close(resolve))

const adoption = () => devices.gateway.adoption
const ask = (path: string, init: RequestInit = {}, host = '127.0.0.1') =>
  fetch(`http://${host}:${port}${path}`, init)

/** The status of a request whose headers are written by hand. */
async function statusWith(headers: OutgoingHttpHeaders, path = '/api/tags', body?: string) {
  const { promise, resolve, reject } = Promise.withResolvers<{ status: number; body: string }>()
  const method = body === undefined ? 'GET' : 'POST'
  request({ host: '127.0.0.1', port, path, method, headers, agent: false }, async response =>
    resolve({ status: response.statusCode!, body: await text(response) })
  )
    .on('error', reject)
    .end(body)
  return promise
}

interface Completion {
  readonly choices: readonly { readonly message: { readonly content: string } }[]
}

describe('the port of Ollama', () => {
  it('answers clients of Ollama without a token, and what asks whether Ollama runs', async () => {
    await adoption().adopt('ollama', port)
    const client = new Ollama({ host: `http://127.0.0.1:${port}` })
    assert.equal((await client.list()).models.length, 3)
    const { message } = await client.chat({
      model: TALKER,
      messages: [{ role: 'user', content: 'good morning' }]
    })
    assert.equal(message.content, 'good morning')
    for (const host of ['127.0.0.1', 'localhost', '[::1]']) {
      assert.equal(await (await ask('/', {}, host)).text(), 'Ollama is running')
      assert.equal((await ask('/', { method: 'HEAD' }, host)).status, 200)
    }
    const { data } = (await (await ask('/v1/models')).json()) as { data: unknown[] }
    assert.equal(data.length, 3)
    // Its clients add a tag to a name without one, whichever protocol they speak.
    const model = `${TALKER}:latest`
    const messages = [{ role: 'user', content: 'good morning' }]
    const headed = { method: 'POST', headers: { 'content-type': 'application/json' } }
    const chat = await ask('/v1/chat/completions', { ...headed, body: JSON.stringify({ model, messages }) })
    assert.equal(((await chat.json()) as Completion).choices[0]!.message.content, 'good morning')
    assert.equal((await ask(`/v1/models/${encodeURIComponent(model)}`)).status, 200)
    // The gateway's own root is for people.
    const headers = { authorization: `Bearer ${devices.token}` }
    assert.match(await (await fetch(devices.gateway.url!, { headers })).text(), /^<!doctype html>/)
  })

  it('is for asking models: what changes the node, and the rest of the gateway, is refused', async () => {
    await adoption().adopt('ollama', port)
    const client = new Ollama({ host: `http://127.0.0.1:${port}` })
    for (const refused of [client.pull({ model: 'nothing' }), client.delete({ model: TALKER })])
      await assert.rejects(refused, { status_code: 403, error: /needs the permission "manage"/ })
    const headers = { authorization: `Bearer ${devices.token}`, 'content-type': 'application/json' }
    const body = JSON.stringify({ unit: 'mesh.members', input: {} })
    for (const path of [
      '/api/v2/execute',
      '/api/v2/session',
      '//api/v2/execute',
      '/api/v0/models',
      '/api/v2'
    ])
      assert.equal((await ask(path, { method: 'POST', headers, body })).status, 403, path)
    for (const path of [
      '/v1/../api/v2/execute',
      '/v1/%2e%2e/api/v2/execute',
      '/v1/.%2E/api/v2/execute',
      '/v1/..\\api\\v2\\execute',
      '/api/%762/execute',
      '/api/v%32/execute',
      '/api/./v2/execute',
      '/v1/../metrics',
      '/v1/../mcp'
    ]) {
      const written = { host: `127.0.0.1:${port}`, ...headers }
      assert.equal((await statusWith(written, path, body)).status, 403, path)
      assert.equal((await statusWith(written, path)).status, 403, path)
    }
    for (const path of ['/api/v2/units', '/api/v2/events', '/health/live', '/metrics', '/api/v2?/api/tags'])
      assert.equal((await ask(path, { headers })).status, 403, path)
  })

  it('answers no page, whatever its origin, and no name but that of loopback', async () => {
    await adoption().adopt('ollama', port)
    const host = `127.0.0.1:${port}`
    for (const headers of [
      { host, origin: 'https://evil.example' },
      { host, origin: 'null' },
      { host, origin: `http://${host}` },
      { host, 'sec-fetch-site': 'cross-site' },
      { host, 'sec-fetch-site': 'same-site' },
      { host: `rebound.example:${port}` },
      { host: `127.0.0.1:${port}.evil.example` },
      { host: `host.docker.internal:${port}` },
      { host: '127.0.0.1' }
    ])
      assert.equal((await statusWith(headers)).status, 403, JSON.stringify(headers))
    assert.equal((await statusWith({ host }, `http://${host}/api/tags`)).status, 403)
    assert.equal((await statusWith({ host })).status, 200)
    // A form of a page comes without the browser's question.
    const form = await statusWith({ host, 'content-type': 'text/plain' }, '/api/generate', '{"model":"x"}')
    assert.deepEqual([form.status, typeof JSON.parse(form.body).error], [415, 'string'])
  })

  it('listens on loopback alone', async () => {
    await adoption().adopt('ollama', port)
    // All of 127.0.0.0/8 leads to a program that listens on every address.
    const socket = connect(port, '127.0.0.2')
    const [err] = await once(socket, 'error')
    assert.equal(err.code, 'ECONNREFUSED')
  })

  it('is waited for while another program has it, and no process is ended', async () => {
    const other = await anotherProgram(port)
    expect(await adoption().adopt('ollama', port)).toEqual({
      ...{ product: 'ollama', port, state: 'waiting', reason: 'another program listens there' },
      moveCommand: `OLLAMA_HOST=127.0.0.1:${port + 1} ollama serve`
    })
    assert.equal(await (await ask('/')).text(), 'mine')
    assert.deepEqual(store.read(), [{ product: 'ollama', port }])
    await end(other)
    await expect.poll(() => adoption().list()[0]!.state, { timeout: 5000 }).toBe('listening')
    assert.equal((await ask('/api/version')).status, 200)
  })

  it('is given back: another program listens there, and the node asks for it no more', async () => {
    await adoption().adopt('ollama', port)
    assert.equal(await adoption().release('ollama'), true)
    assert.deepEqual([store.read(), adoption().list(), existsSync(path())], [[], [], false])
    const other = await anotherProgram(port)
    assert.equal(await (await ask('/')).text(), 'mine')
    assert.equal(await adoption().release('ollama'), false)
    await end(other)
  })

  it('is taken again at the next start, which goes on where it is taken', async () => {
    const other = await anotherProgram()
    const { port: taken } = other.address() as AddressInfo
    const server = () => createServer((_, response) => response.end())
    store.write([
      { product: 'ollama', port },
      { product: 'lmstudio', port: taken }
    ])
    const ports = new AdoptedPorts({ clock: systemClock, log, store, create: server })
    await ports.start()
    assert.deepEqual(
      ports.list().map(({ product, state }) => [product, state]),
      [
        ['ollama', 'listening'],
        ['lmstudio', 'waiting']
      ]
    )
    assert.equal((await ask('/')).status, 200)
    await Promise.all([ports.release('ollama'), ports.release('lmstudio')])
    await end(other)
    for (const text of ['{', '[{"product":"jan","port":1}]', '[{"product":"ollama","port":0}]']) {
      await writeFile(path(), text)
      assert.deepEqual(store.read(), [])
    }
    await rm(path())
  })

  it('is no server of models for a node that looks for those, this one or another', async () => {
    await adoption().adopt('ollama', port)
    await adoption().adopt('lmstudio', await freePort())
    const studio = adoption()
      .list()
      .find(({ product }) => product === 'lmstudio')!.port
    const products = PRODUCTS.map(product => ({
      ...product,
      port: product.name === 'ollama' ? port : studio
    }))
    const named = ['ollama', 'gateway'].map((name, i) => ({
      ...{ name, url: [`http://127.0.0.1:${port}/v1`, `${devices.gateway.url}/v1`][i]!, leavesMesh: false },
      key: async () => devices.token
    }))
    const found: string[] = []
    const servers = new ModelServers({
      ...{ clock: systemClock, log, products, named, discover: true },
      onChange: models => found.push(...models.map(({ model }) => model.id))
    })
    await servers.start()
    servers.stop()
    assert.deepEqual(found, [])
  })
})

describe('the port of LM Studio', () => {
  it('answers the protocol of OpenAI, and is not taken for Ollama', async () => {
    await adoption().adopt('lmstudio', port)
    const { data } = (await (await ask('/v1/models')).json()) as { data: { id: string }[] }
    assert.ok(data.some(({ id }) => id === EMBEDDER))
    assert.equal((await ask('/')).status, 403)
    assert.equal((await ask('/api/tags')).status, 403)
  })
})
