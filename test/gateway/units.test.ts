import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { describe, it } from 'vitest'
import { FACES } from '../../gateway/faces.ts'
import { LumosError, OverloadedError } from '../../interface/errors.ts'
import { callerWith } from '../units/callers.ts'
import { cookieOf, listenAs, startGateway } from './running-gateway.ts'

const question = (content: string) => ({
  task: 'text-generation',
  input: { messages: [{ role: 'user', content }] }
})

describe('units over HTTP', () => {
  it('answers over the socket and over TCP with data and what it knows about the call', async () => {
    await using gateway = await startGateway()
    for (const ask of [gateway.local, gateway.tcp]) {
      const { status, headers, body } = await ask('/api/v2/execute', {
        type: 'command',
        unit: 'inference.run',
        input: question('hello mesh'),
        options: { timeout_ms: 5000 }
      })

      assert.equal(status, 200)
      assert.equal(body.success, true)
      assert.equal(body.error, null)
      assert.deepEqual(body.data, { task: 'text-generation', model: 'held', output: { text: 'hello mesh' } })
      const { request_id, duration_ms, trace_id, answer: id, ...meta } = body.meta
      assert.deepEqual(meta, { unit: 'inference.run', peer: gateway.node.peerId, route: 'local' })
      assert.equal(headers['x-request-id'], request_id)
      assert.equal(typeof duration_ms, 'number')
      assert.match(trace_id, /^[0-9a-f]{32}$/)
      assert.ok(gateway.engine.lastRequest!.budgetMs <= 5000)
    }
  })

  it('serves each unit under its own path, and only as what it is', async () => {
    await using gateway = await startGateway()
    const status = await gateway.tcp('/api/v2/query/mesh.status', {})
    assert.equal(status.body.data.gateway, gateway.gateway.url)
    assert.equal((await gateway.tcp('/api/v2/query/mesh.status', '')).status, 200)
    assert.equal((await gateway.tcp('/api/v2/command/mesh.status', {})).status, 400)
    assert.equal((await gateway.tcp('/api/v2/event/peer.joined', {})).status, 404)
    const mistaken = { type: 'query', unit: 'node.stop', input: {} }
    assert.equal((await gateway.tcp('/api/v2/execute', mistaken)).status, 400)
    assert.equal(gateway.stops(), 0)
  })

  it('gives the root key out over the socket, and never over TCP, with the token or with a cookie', async () => {
    await using gateway = await startGateway()
    const exported = { unit: 'mesh.export_root' }
    const local = await gateway.local('/api/v2/execute', exported)
    assert.match(local.body.data.root_key, /^lumos-root:/)

    const cookie = (await cookieOf(gateway))[1].slice('Cookie: '.length)
    const asPage = (path: string, body: unknown) => gateway.page(path, body, cookie)
    assert.equal((await asPage('/api/v2/execute', { unit: 'mesh.status' })).status, 200)
    const imported = { unit: 'mesh.import_root', input: { root_key: local.body.data.root_key } }
    for (const ask of [gateway.tcp, asPage]) {
      for (const request of [exported, imported, { unit: 'mesh.renew_identity' }]) {
        const answers = [
          await ask('/api/v2/execute', request),
          await ask('/api/v2/stream', request),
          await ask(`/api/v2/command/${request.unit}`, 'input' in request ? request.input : {})
        ]
        for (const { status, body } of answers) {
          assert.equal(status, 403)
          assert.equal(body.error.code, 'DENIED')
          assert.match(body.error.hint, new RegExp(`lumos-node exec ${request.unit}`))
          assert.ok(!JSON.stringify(body).includes('lumos-root:'))
        }
      }
    }
  })

  it('carries bytes as base64 both ways', async () => {
    await using gateway = await startGateway()
    const data = Buffer.from(Float32Array.of(1, -2).buffer).toString('base64')
    const input = { task: 'tensor', input: { tensors: { x: { type: 'float32', dims: [2], data } } } }
    const { body } = await gateway.local('/api/v2/execute', { unit: 'inference.run', input })
    assert.deepEqual(body.data.output.tensors.x, { type: 'float32', dims: [2], data })
  })

  it('refuses a body that is not UTF-8, which would be read as other letters', async () => {
    await using gateway = await startGateway()
    const body = Buffer.from('{"unit":"mesh.status","input":{"name":"Grüße"}}', 'latin1')
    const answer = await gateway.local('/api/v2/execute', body)
    assert.equal(answer.status, 400)
    assert.match(answer.body.error.message, /not UTF-8/)
  })

  it('denies what the caller may not, as it denies it in the registry', async () => {
    await using gateway = await startGateway()
    const token = await gateway.tcp('/api/v2/query/mesh.status', {})
    assert.equal(token.status, 200)
    await using reader = await listenAs(gateway, callerWith('read'))
    assert.equal((await reader.post('/api/v2/query/mesh.status', {})).status, 200)
    for (const [path, body] of [
      ['/api/v2/command/node.stop', {}],
      ['/api/v2/execute', { unit: 'node.stop' }],
      ['/api/v2/stream', { unit: 'node.stop' }],
      ['/api/v2/execute', { unit: 'inference.run', input: question('a') }],
      ['/api/v2/command/mesh.export_root', {}]
    ] as const) {
      const { status, error } = await reader.post(path, body)
      assert.deepEqual([status, error.code], [403, 'DENIED'], path)
    }
    await using nobody = await listenAs(gateway, callerWith())
    assert.equal((await nobody.post('/api/v2/query/mesh.status', {})).status, 403)
    assert.equal((await nobody.post('/api/v2/stream', { unit: 'event.list' })).status, 403)
    assert.equal(gateway.stops(), 0)
  })

  it('lists the units', async () => {
    await using gateway = await startGateway()
    const { body } = await gateway.tcp('/api/v2/units')
    assert.ok(body.items.some((unit: { name: string }) => unit.name === 'inference.run'))
  })

  it('lists the units once for a client that has the listing, by its ETag', async () => {
    await using gateway = await startGateway()
    const { headers } = await gateway.tcp('/api/v2/units')
    const { etag } = headers
    assert.match(etag!, /^"[\w-]{43}"$/)
    assert.equal((await gateway.tcp('/api/v2/units')).headers.etag, etag)
    for (const [known, status] of [
      [etag!, 304],
      [`"other", ${etag}`, 304],
      ['"other"', 200]
    ] as const) {
      const again = await gateway.tcp('/api/v2/units', undefined, { 'if-none-match': known })
      assert.deepEqual([again.status, again.headers.etag], [status, etag])
    }
  })

  it('answers each error with its status, its code and what to do next', async () => {
    await using gateway = await startGateway()
    const run = { unit: 'inference.run', input: question('a') }
    const cases: [string, unknown, number, string][] = [
      ['/api/v2/execute', '{', 400, 'INVALID_INPUT'],
      ['/api/v2/execute', '[]', 400, 'INVALID_INPUT'],
      ['/api/v2/execute', { unit: 'inference.run' }, 400, 'INVALID_INPUT'],
      ['/api/v2/execute', { unit: 'inference.run', input: {}, extra: 1 }, 400, 'INVALID_INPUT'],
      ['/api/v2/execute', { ...run, options: { timeout_ms: 0 } }, 400, 'INVALID_INPUT'],
      ['/api/v2/execute', { type: 'event', unit: 'peer.joined' }, 400, 'INVALID_INPUT'],
      ['/api/v2/execute', { ...run, options: { peer: 'nobody' } }, 404, 'PEER_NOT_FOUND'],
      ['/api/v2/execute', { unit: 'node.stop', options: { peer: 'den' } }, 404, 'PEER_NOT_FOUND'],
      ['/api/v2/execute', { unit: 'mesh.staus' }, 404, 'UNIT_NOT_FOUND'],
      ['/api/v2/stream', { unit: 'mesh.staus' }, 404, 'UNIT_NOT_FOUND'],
      ['/api/v2/stream', { unit: 'inference.run', input: 1 }, 400, 'INVALID_INPUT'],
      ['/api/v2/events?name=peer.joind', undefined, 400, 'INVALID_INPUT'],
      ['/api/v2/events?since=yesterday', undefined, 400, 'INVALID_INPUT'],
      ['/api/v2/query/model.get', { model_id: 'hled' }, 404, 'MODEL_NOT_FOUND'],
      ['/api/v3/execute', {}, 404, 'ROUTE_NOT_FOUND'],
      ['/api/v2/execute', undefined, 404, 'ROUTE_NOT_FOUND']
    ]
    for (const [path, body, status, code] of cases) {
      const answer = await gateway.local(path, body)
      assert.deepEqual(
        [answer.status, answer.body.error.code],
        [status, code],
        `${path} ${JSON.stringify(body)}`
      )
      assert.equal(answer.body.success, false)
      assert.equal(answer.headers['x-request-id'], answer.body.meta.request_id)
    }
    assert.equal(gateway.engine.outcomes.length, 0)
  })

  it('says where the protocol of OpenAI is, to a client whose base URL lacks it', async () => {
    await using gateway = await startGateway()
    const { status, body } = await gateway.local('/chat/completions', { model: 'held' })
    assert.equal(status, 404)
    assert.match(body.error.message, /no POST \/chat\/completions\. The base URL .* ends with \/v1\./)
    const elsewhere = await gateway.local('/chats', { model: 'held' })
    assert.doesNotMatch(elsewhere.body.error.message, /v1/)
  })

  it('logs an error that has no code, with its unit, and no other', async () => {
    await using gateway = await startGateway()
    await gateway.local('/api/v2/execute', { unit: 'mesh.staus' })
    assert.deepEqual(gateway.errors, [])

    const unexpected = new TypeError('not a function')
    gateway.node.status = () => {
      throw unexpected
    }
    const { status, body } = await gateway.local('/api/v2/execute', { unit: 'mesh.status' })
    assert.deepEqual([status, body.error.code], [500, 'INTERNAL'])
    const { request_id: requestId, trace_id: traceId } = body.meta
    assert.deepEqual(gateway.errors, [
      { err: unexpected, unit: 'mesh.status', requestId, traceId, clientRequestId: undefined }
    ])
  })

  it('says when to come back', async () => {
    await using gateway = await startGateway()
    const ask = () => gateway.local('/api/v2/execute', { unit: 'inference.run', input: question('a') })

    gateway.engine.failure = new OverloadedError('All slots are taken.', 2300)
    const busy = await ask()
    assert.deepEqual([busy.status, busy.headers['retry-after']], [429, '3'])
    assert.equal(busy.body.error.retryable, true)

    gateway.engine.failure = new LumosError('NO_PROVIDER', 'Nobody.')
    const nobody = await ask()
    assert.deepEqual([nobody.status, nobody.headers['retry-after']], [503, '1'])
  })
})

describe('the size of a body', () => {
  const KIB = 1024
  const MIB = 1024 * KIB
  const padded = (unit: string, bytes: number) => JSON.stringify({ unit, input: { pad: 'x'.repeat(bytes) } })

  it('is bounded by what its unit may carry', async () => {
    await using gateway = await startGateway()
    const tooLarge = await gateway.local('/api/v2/execute', padded('mesh.status', 5 * MIB))
    assert.deepEqual([tooLarge.status, tooLarge.body.error.code], [413, 'INPUT_TOO_LARGE'])
    assert.equal((await gateway.local('/api/v2/query/mesh.status', `"${'x'.repeat(5 * MIB)}"`)).status, 413)
    // Read in whole, and refused for its content only.
    assert.equal((await gateway.local('/api/v2/execute', padded('inference.classify', 5 * MIB))).status, 400)
    assert.equal((await gateway.local('/api/v2/query/mesh.status', `"${'x'.repeat(65 * KIB)}"`)).status, 413)
    assert.equal((await gateway.local('/api/v2/query/mesh.status', `"${'x'.repeat(63 * KIB)}"`)).status, 400)
  })

  it('is refused as soon as the unit is known, long before it is all there', async () => {
    await using gateway = await startGateway()
    const head = (unit: string) => `{"unit":"${unit}","input":{"pad":"`
    assert.equal(await endlessBody(gateway, '/api/v2/execute', head('mesh.status')), 413)
    assert.equal(await endlessBody(gateway, '/api/v2/execute', head('mesh.staus')), 404)
    assert.equal(await endlessBody(gateway, '/api/v2/execute', '{"input":"'), 413)

    const input = { name: 'reader', permissions: ['read'] }
    const { body } = await gateway.local('/api/v2/execute', { unit: 'token.create', input })
    const reader = { port: gateway.port, token: body.data.secret }
    assert.equal(await endlessBody(reader, '/api/v2/execute', head('inference.run')), 403)
    assert.equal(await endlessBody(reader, '/api/v2/command/inference.run', head('x')), 403)
  })

  it('is that of the unit that a body is for, not of the one that it names first', async () => {
    await using gateway = await startGateway()
    const pad = 'x'.repeat(MIB)
    const body = `{"unit":"inference.run","input":"${pad}","unit":"mesh.status"}`
    assert.equal((await gateway.local('/api/v2/execute', body)).status, 413)
    const last = await gateway.local('/api/v2/execute', `{"input":"${pad}","unit":"inference.run"}`)
    assert.deepEqual([last.status, last.body.error.hint], [413, 'Name the unit before its input.'])
  })

  it('is refused to a client that sends all of it before it reads, on each face of the gateway', async () => {
    await using gateway = await startGateway()
    const { port, token } = gateway
    for (const connection of ['keep-alive', 'close']) {
      const bearer = `Authorization: Bearer ${token}`
      assert.equal(await stubbornBody(port, [bearer, `Connection: ${connection}`]), 413)
      assert.equal(await stubbornBody(port, [bearer, `Connection: ${connection}`], '/v1/completions'), 413)
      assert.equal(await stubbornBody(port, [`Connection: ${connection}`]), 401)
    }
  })

  it('is enforced while it is read, also when nobody said how long it is', async () => {
    await using gateway = await startGateway()
    assert.equal(await endlessBody(gateway, '/api/v2/query/mesh.status', ''), 413)
  })
})

/** Sends twenty megabytes, then reads: the status, if the gateway has not cut the connection before. */
async function stubbornBody(
  port: number,
  headers: readonly string[],
  path = '/api/v2/execute'
): Promise<number> {
  const socket = connect(port, '127.0.0.1').pause()
  const body = Buffer.alloc(20_000_000, 0x20)
  const head = [
    `POST ${path} HTTP/1.1`,
    `Host: 127.0.0.1:${port}`,
    'Content-Type: application/json',
    `Content-Length: ${body.length}`,
    ...headers
  ]
  socket.write(`${head.join('\r\n')}\r\n\r\n`)
  await new Promise<void>((resolve, reject) => {
    socket.on('error', reject)
    socket.write(body, () => resolve())
  })
  const [answer] = (await once(socket.resume(), 'data')) as [Buffer]
  socket.destroy()
  return Number(/^HTTP\/1\.1 (\d{3})/.exec(answer.toString('latin1'))?.[1])
}

/** Sends chunks until the gateway answers. */
async function endlessBody(
  { port, token }: { port: number; token: string },
  path: string,
  head: string
): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>()
  const request = (await import('node:http')).request({
    host: '127.0.0.1',
    port,
    path,
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` }
  })
  let answered = false
  request.on('response', response => {
    answered = true
    resolve(response.statusCode!)
    request.destroy()
  })
  request.on('error', err => {
    if (!answered) reject(err)
  })
  if (head !== '') request.write(head)
  const chunk = Buffer.alloc(64 * 1024, 0x20)
  const more = () => {
    if (!answered) request.write(chunk, () => setImmediate(more))
  }
  more()
  return promise
}

it('whose files are gone after an upgrade is said to need a restart, and the node goes on', async () => {
  let loads = 0
  const load = () => {
    loads++
    return Promise.reject(new Error('Cannot find module'))
  }
  await using gateway = await startGateway({ load })
  for (const tries of [1, 2]) {
    const { status, body } = await gateway.tcp('/health/live')
    assert.deepEqual([status, body.error.code, loads], [503, 'NODE_NOT_RUNNING', tries])
    assert.match(body.error.hint, /restart the node: lumos-node stop/)
  }
})

it('of which one face is gone answers on all others, and tries that one again', async () => {
  await using gateway = await startGateway()
  let loads = 0
  const kserve = () => {
    loads++
    return Promise.reject(new Error('Cannot find module'))
  }
  await using port = await listenAs(gateway, callerWith('read'), { faces: { ...FACES, kserve } })
  for (const tries of [1, 2]) {
    const { status, body } = await port.send('/v2/models/a/infer', {})
    assert.deepEqual([status, loads], [503, tries])
    assert.match(JSON.stringify(body), /cannot be loaded/)
    assert.equal((await port.post('/api/v2/execute', { unit: 'mesh.status' })).status, 200)
  }
})
