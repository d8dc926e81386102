/** gRPC, by the client that most programs use, and by connections that no such client makes. */

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { stat } from 'node:fs/promises'
import { type ClientHttp2Session, connect as connectHttp2 } from 'node:http2'
import { connect as connectTcp } from 'node:net'
import { join } from 'node:path'
import * as grpc from '@grpc/grpc-js'
import { loadFileDescriptorSetFromBuffer } from '@grpc/proto-loader'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, it } from 'vitest'
import { decodeStruct, encodeStruct } from '../../gateway/grpc/struct.ts'
import { delimited } from '../../gateway/grpc/wire.ts'
import { serverCertificate } from '../../node/server-certificate.ts'
import { connect, definitionsIn, type Failure, objectOf } from './grpc-client.ts'
import { startGateway } from './running-gateway.ts'

type Started = Awaited<ReturnType<typeof startGateway>>
let gateway: Started
let client: ReturnType<typeof connect>

const words = (text: string) => ({ model: 'held', messages: [{ role: 'user', content: text }] })
const failure = (call: Promise<unknown>): Promise<Failure> =>
  call.then(
    () => assert.fail('it was answered'),
    thrown => thrown
  )

beforeAll(async () => {
  gateway = await startGateway({ grpc: true })
  client = connect(gateway.gateway.grpc.state(), gateway.token)
})

afterAll(async () => {
  client[Symbol.dispose]()
  await gateway[Symbol.asyncDispose]()
})

/** A named token. */
async function tokenOf(name: string, wanted: object = {}): Promise<string> {
  const input = { name, permissions: ['read', 'use'], ...wanted }
  return (await gateway.local('/api/v2/execute', { unit: 'token.create', input })).body.data.secret
}

/** An answer by the descriptors that reflection gave. */
interface Described {
  readonly data: { readonly fields: object }
}

describe('gRPC', () => {
  it('answers as HTTP does, with the same facts about the call', async () => {
    const { data, meta } = await client.execute('mesh.status')
    const { body } = await gateway.tcp('/api/v2/execute', { unit: 'mesh.status' })
    const changing = { uptime_s: 0, memory_bytes: 0 }
    assert.deepEqual({ ...data, ...changing }, { ...body.data, ...changing })
    assert.deepEqual(Object.keys(meta), Object.keys(body.meta))
    assert.equal(meta.unit, 'mesh.status')

    const chat = await client.execute('inference.chat', words('well then'))
    assert.match(JSON.stringify(chat.data), /well then/)
    assert.equal(chat.meta.route, 'local')
  })

  it('runs a call with an idempotency key once, and gives its answer to a repetition', async () => {
    client.metadata.set('idempotency-key', 'once')
    try {
      const [first, second] = await Promise.all([
        client.execute('inference.chat', words('only once')),
        client.execute('inference.chat', words('only once'))
      ])
      assert.deepEqual(second.data, first.data)
      const asked = gateway.node
        .requests()
        .filter(({ requestId }) => [first, second].some(({ meta }) => meta.request_id === requestId))
      assert.equal(asked.length, 1)
      const other = await failure(client.execute('inference.chat', words('something else')))
      assert.equal(other.error.code, 'CALL_CONFLICT')
      const items = client.itemsOf(client.stream('inference.chat', words('x')))
      assert.equal((await failure(items.next())).error.code, 'INVALID_INPUT')
    } finally {
      client.metadata.remove('idempotency-key')
    }
  })

  it('streams the pieces of an answer, and then the facts', async () => {
    const chunks = []
    for await (const chunk of client.itemsOf(client.stream('inference.chat', words('one two'))))
      chunks.push(chunk)
    const meta = chunks.pop()
    assert.equal(objectOf(meta.meta).unit, 'inference.chat')
    const items = chunks.map(({ item }) => objectOf(item))
    assert.deepEqual(
      items.map(({ type, text }) => text ?? type),
      ['one ', 'two', 'done']
    )
  })

  it('watches a resource, and ends when the client leaves', async () => {
    const call = client.service.WatchResource({ uri: 'lumos://models' }, client.metadata)
    const [{ type, id, update }] = await once(call, 'data')
    assert.deepEqual([type, typeof id], ['snapshot', 'string'])
    assert.ok(objectOf(update).data.items.length > 0)
    call.on('error', () => {}).cancel()
    const none = client.service.WatchResource({ uri: 'lumos://nothing' }, client.metadata)
    const [error] = await once(none, 'error')
    assert.equal(error.code, grpc.status.NOT_FOUND)
  })

  it('says its health, to the standard service too, without a token', async () => {
    assert.deepEqual(await client.ask(client.service, 'HealthCheck', {}), { status: 'ok' })
    using stranger = connect(gateway.gateway.grpc.state())
    const health = stranger.open('health.proto', packages => packages.grpc.health.v1.Health)
    assert.deepEqual(await stranger.ask(health, 'Check', {}), { status: 'SERVING' })
    assert.equal(
      (await failure(stranger.ask(health, 'Check', { service: 'other' }))).status,
      grpc.status.NOT_FOUND
    )
    // Only that: what stays open needs a token.
    const [error] = await once(health.Watch({}, stranger.metadata), 'error')
    assert.equal(error.code, grpc.status.UNAUTHENTICATED)
    const [told] = await once(
      client
        .open('health.proto', packages => packages.grpc.health.v1.Health)
        .Watch({}, client.metadata)
        .on('error', () => {}),
      'data'
    )
    assert.deepEqual(told, { status: 'SERVING' })
  })

  it('describes itself, well enough to call it by nothing else', async () => {
    for (const version of ['v1', 'v1alpha']) {
      const definition = definitionsIn('reflection.proto')[
        'grpc.reflection.v1.ServerReflection'
      ] as grpc.ServiceDefinition
      const { ServerReflectionInfo } = definition as Record<string, grpc.MethodDefinition<object, object>>
      const path = ServerReflectionInfo!.path.replace('.v1.', `.${version}.`)
      const Client = grpc.makeGenericClientConstructor(
        { ServerReflectionInfo: { ...ServerReflectionInfo!, path } },
        ''
      )
      const raw = new Client(
        gateway.gateway.grpc.state().address!,
        grpc.credentials.createSsl(Buffer.from(gateway.gateway.grpc.state().certificate!))
      )
      const call = (
        raw as unknown as Record<string, (metadata: grpc.Metadata) => grpc.ClientDuplexStream<object, object>>
      ).ServerReflectionInfo!(client.metadata)
      call.on('error', () => {})
      // biome-ignore lint/suspicious/noExplicitAny: what the loader makes
      const ask = async (request: object): Promise<any> => {
        call.write(request)
        return (await once(call, 'data'))[0]
      }
      const { listServicesResponse } = await ask({ listServices: '' })
      const names = listServicesResponse.service.map(({ name }: { name: string }) => name)
      assert.ok(names.includes('aima.v2.AIMAService') && names.includes('grpc.health.v1.Health'))
      const file = async (request: object): Promise<Buffer> =>
        (await ask(request)).fileDescriptorResponse.fileDescriptorProto[0]
      for (const name of names) assert.ok((await file({ fileContainingSymbol: name })).length > 0)
      const files = [
        await file({ fileByFilename: 'google/protobuf/struct.proto' }),
        await file({ fileContainingSymbol: 'aima.v2.AIMAService.Execute' })
      ]
      const set = Buffer.concat(files.map(one => delimited(1, one)))
      const { Execute } = loadFileDescriptorSetFromBuffer(set)['aima.v2.AIMAService'] as Record<
        string,
        grpc.MethodDefinition<object, Described>
      >
      const answer = await new Promise<Described>((resolve, reject) =>
        raw.makeUnaryRequest(
          Execute!.path,
          Execute!.requestSerialize,
          Execute!.responseDeserialize,
          { unit: 'model.list' },
          client.metadata,
          {},
          (error, value) => (error ? reject(error) : resolve(value!))
        )
      )
      assert.match(JSON.stringify(answer.data.fields), /"items"/)
      const unknown = await ask({ fileContainingSymbol: 'no.such' })
      assert.equal(unknown.errorResponse?.errorCode, grpc.status.NOT_FOUND, JSON.stringify(unknown))
      call.end()
      raw.close()
    }
  })
})

describe('an error of gRPC', () => {
  it('has a status, and beside it the error that HTTP gives', async () => {
    const cases: [string, object, number][] = [
      ['no.such', {}, grpc.status.NOT_FOUND],
      ['model.get', { wrong: 1 }, grpc.status.INVALID_ARGUMENT],
      [
        'inference.chat',
        { model: 'none', messages: [{ role: 'user', content: 'x' }] },
        grpc.status.UNAVAILABLE
      ],
      ['gateway.rotate_token', {}, grpc.status.PERMISSION_DENIED]
    ]
    for (const [unit, input, status] of cases) {
      const { body } = await gateway.tcp('/api/v2/execute', { unit, input })
      const refused = await failure(client.execute(unit, input))
      assert.deepEqual([refused.status, refused.error], [status, body.error], unit)
      assert.equal(refused.words, body.error.message)
      const streamed = await failure(Array.fromAsync(client.itemsOf(client.stream(unit, input))))
      assert.deepEqual(streamed.error, body.error)
    }
    const wrong = await failure(client.execute('model.list', {}, { policy: 'x' }))
    assert.deepEqual([wrong.status, wrong.error.code], [grpc.status.INVALID_ARGUMENT, 'INVALID_INPUT'])
  })

  it('fits into the headers that clients take, whatever its words', async () => {
    const { status, error, words: told } = await failure(client.execute(`${'月'.repeat(3000)}`))
    assert.deepEqual([status, error.code], [grpc.status.NOT_FOUND, 'UNIT_NOT_FOUND'])
    assert.ok(told.includes('月'))
  })

  it('is that of a deadline that has passed, and the work is left', async () => {
    gateway.engine.beforeWord = () => new Promise(() => {})
    const before = gateway.engine.outcomes.length
    const late = await failure(
      client.execute('inference.chat', words('never'), {}, { deadline: Date.now() + 100 })
    )
    assert.equal(late.status, grpc.status.DEADLINE_EXCEEDED)

    const call = client.stream('inference.chat', words('left'))
    call.on('error', () => {})
    await until(() => gateway.engine.outcomes.length === before + 2)
    call.cancel()
    await until(() => gateway.engine.outcomes.slice(before).every(outcome => outcome === 'left'))
    gateway.engine.beforeWord = async () => {}
  })
})

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise(resolve => setImmediate(resolve))
}

describe('who may call by gRPC', () => {
  it('is decided where it is for HTTP: tokens, permissions, lists of units', async () => {
    const state = gateway.gateway.grpc.state()
    for (const token of [undefined, 'wrong', `${gateway.token}x`]) {
      using stranger = connect(state, token)
      for (const method of ['Execute', 'HealthCheck'])
        assert.equal(
          (await failure(stranger.ask(stranger.service, method, { unit: 'mesh.status' }))).error.code,
          'UNAUTHENTICATED'
        )
    }
    using reader = connect(state, await tokenOf('grpc-reader', { permissions: ['read'], units: ['mesh.*'] }))
    assert.equal((await reader.execute('mesh.status')).data.name, 'held')
    assert.equal((await failure(reader.execute('model.list'))).status, grpc.status.PERMISSION_DENIED)
  })

  it('ends with the token: one that is revoked cuts its calls, and no others', async () => {
    using named = connect(gateway.gateway.grpc.state(), await tokenOf('grpc-ends'))
    const theirs = named.stream('event.list')
    const ours = client.service.WatchResource({ uri: 'lumos://models' }, client.metadata)
    ours.on('error', () => {})
    await once(ours, 'data')
    const ended = once(theirs, 'error')
    await gateway.local('/api/v2/execute', { unit: 'token.revoke', input: { name: 'grpc-ends' } })
    const [error] = await ended
    assert.equal(error.code, grpc.status.UNAUTHENTICATED)
    assert.equal((await failure(named.execute('mesh.status'))).status, grpc.status.UNAUTHENTICATED)
    assert.equal(ours.destroyed, false)
    ours.cancel()
  })

  it('needs the certificate of the node, which is kept for its owner alone', async () => {
    const path = join(gateway.home, 'grpc.pem')
    assert.equal((await stat(path)).mode & 0o777, 0o600)
    const { fingerprint, certificate } = (await client.execute('gateway.grpc')).data
    assert.deepEqual(gateway.gateway.grpc.state().fingerprint, fingerprint)
    assert.ok(!certificate.includes('PRIVATE'))
    const names = ['localhost', '127.0.0.1', '::1']
    assert.equal(serverCertificate(path, names).cert.trim(), certificate.trim())
    const other = join(gateway.home, 'other.pem')
    const elsewhere = serverCertificate(other, [...names, 'den.lan', 'fd00::1']).cert
    assert.notEqual(serverCertificate(other, [...names, 'attic.lan']).cert, elsewhere)
    using wrong = connect({ ...gateway.gateway.grpc.state(), certificate: elsewhere }, gateway.token)
    assert.equal(
      (await failure(wrong.execute('mesh.status', {}, {}, { deadline: Date.now() + 2000 }))).status,
      grpc.status.UNAVAILABLE
    )
  })
})

const EXECUTE = '/aima.v2.AIMAService/Execute'

/** A connection without a library of gRPC. */
async function open({ gateway: { grpc: server } }: Started = gateway): Promise<ClientHttp2Session> {
  const { address, certificate } = server.state()
  const session = connectHttp2(`https://${address}`, { ca: certificate!, maxOutstandingPings: 1000 })
  session.on('error', () => {})
  await once(session, 'connect')
  return session
}

/** The status of one call whose body is `parts`. */
async function statusOf(
  session: ClientHttp2Session,
  parts: readonly Uint8Array[],
  headers: Record<string, string> = {}
) {
  const stream = session.request({
    ...{ ':method': 'POST', ':path': EXECUTE, 'content-type': 'application/grpc', te: 'trailers' },
    ...{ authorization: `Bearer ${gateway.token}`, ...headers }
  })
  let status: string | undefined
  const read = (got: Record<string, unknown>) => {
    status ??= got['grpc-status'] as string | undefined
  }
  stream
    .on('response', read)
    .on('trailers', read)
    .on('error', () => {})
    .resume()
  for (const part of parts) stream.write(part)
  stream.end()
  await once(stream, 'close')
  return Number(status)
}

function framed(message: Uint8Array, flag = 0, size = message.length): Buffer {
  const prefix = Buffer.alloc(5)
  prefix[0] = flag
  prefix.writeUInt32BE(size, 1)
  return Buffer.concat([prefix, message])
}

describe('hostile bytes', () => {
  it('are refused with a status, and the connection goes on', async () => {
    const session = await open()
    const right = framed(delimited(1, 'mesh.status'))
    assert.equal(await statusOf(session, [right]), 0)
    // Byte by byte it is the same.
    assert.equal(
      await statusOf(
        session,
        [...right].map(byte => Uint8Array.of(byte))
      ),
      0
    )
    const INVALID = 3
    const chat = delimited(1, 'inference.chat')
    let deep: Buffer = Buffer.alloc(0)
    for (let n = 0; n < 200; n++)
      deep = delimited(1, Buffer.concat([delimited(1, 'a'), delimited(2, delimited(5, deep))]))
    const cases: [string, readonly Uint8Array[], number, Record<string, string>?][] = [
      ['nothing', [], INVALID],
      ['cut off', [right.subarray(0, 9)], INVALID],
      ['compressed', [framed(delimited(1, 'mesh.status'), 1)], 12],
      ['a length of four gigabytes', [framed(chat, 0, 0xffff_ffff)], INVALID],
      ['too long for its unit', [framed(delimited(1, 'mesh.status'), 0, 200_000)], INVALID],
      ['long, and its unit is not first', [framed(delimited(2, Buffer.alloc(100_000)))], INVALID],
      ['no protobuf', [framed(Buffer.from([0xff, 0xff, 0xff]))], INVALID],
      ['no UTF-8', [framed(delimited(1, Buffer.from([0xff])))], INVALID],
      ['nested too deep', [framed(Buffer.concat([chat, delimited(2, deep)]))], INVALID],
      [
        'too many fields',
        [framed(Buffer.concat([chat, Buffer.alloc(900_000, Buffer.from([0x78, 0]))]))],
        INVALID
      ],
      [
        'too many values',
        [framed(Buffer.concat([chat, delimited(2, Buffer.alloc(3_000_000, Buffer.from([10, 0])))]))],
        INVALID
      ],
      ['two tokens', [right], 16, { 'x-api-key': 'other' }],
      ['a page', [right], 7, { origin: 'https://evil.example' }],
      ['another host', [right], 7, { host: 'evil.example' }],
      ['another type', [right], INVALID, { 'content-type': 'application/json' }],
      ['a deadline that is none', [right], INVALID, { 'grpc-timeout': '5 minutes' }],
      ['another method', [right], 12, { ':path': '/aima.v2.AIMAService/Nothing' }],
      ['no method', [right], 12, { ':path': '/__proto__' }]
    ]
    for (const [what, parts, status, headers] of cases)
      assert.equal(await statusOf(session, parts, headers), status, what)
    assert.equal(await statusOf(session, [right]), 0)
    session.close()
    assert.deepEqual(gateway.errors, [])
  })

  it('that are a flood of pings end their connection', async () => {
    const session = await open()
    const closed = new Promise(resolve => session.once('close', resolve))
    for (let n = 0; n < 10 && !session.destroyed; n++)
      await Promise.all(
        Array.from(
          { length: 50 },
          () =>
            new Promise<void>(resolve => {
              if (session.destroyed || !session.ping(() => resolve())) resolve()
            })
        )
      )
    await closed
    assert.equal((await client.execute('mesh.status')).data.name, 'held')
  })

  it('that show no token hold no place for long, and a connection that has called keeps its own', async () => {
    const port = Number(gateway.gateway.grpc.state().address!.split(':').at(-1))
    const silent = await Promise.all(
      Array.from({ length: 256 }, async () => {
        const socket = connectTcp(port, '127.0.0.1').on('error', () => {})
        await once(socket, 'connect')
        return socket
      })
    )
    // There is no room until the oldest has been silent for a second.
    for (let isIn = false; !isIn; ) {
      const socket = connectTcp(port, '127.0.0.1').on('error', () => {})
      silent.push(socket)
      isIn = await Promise.race([
        once(socket, 'close').then(() => false),
        once(silent[0]!, 'close').then(() => true)
      ])
    }
    assert.equal((await client.execute('mesh.status')).data.name, 'held')
    // One place was needed: no other connection was ended, as it is after ten seconds without TLS.
    assert.equal(silent[200]!.closed, false)
    for (const socket of silent) socket.destroy()
  })

  it('are any JSON, which comes through as it was, or no message', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), object => {
        const json = JSON.parse(JSON.stringify(object))
        assert.deepEqual(JSON.parse(JSON.stringify(decodeStruct(encodeStruct(object)))), json)
      })
    )
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), bytes => {
        try {
          decodeStruct(Buffer.from(bytes))
        } catch (thrown) {
          assert.match((thrown as { code: string }).code, /^(?:INVALID_INPUT|INPUT_TOO_LARGE)$/)
        }
      })
    )
  })
})

it('a gateway that closes ends its watches, a new token its connections, and guesses are slowed down', async () => {
  await using own = await startGateway({ grpc: true })
  using theirs = connect(own.gateway.grpc.state(), own.token)
  const watch = theirs.service.WatchResource({ uri: 'lumos://models' }, theirs.metadata)
  await once(watch, 'data')
  const cut = once(watch, 'error')
  own.gateway.rotateToken()
  assert.equal((await cut)[0].code, grpc.status.UNAVAILABLE)
  assert.equal((await failure(theirs.execute('mesh.status'))).status, grpc.status.UNAUTHENTICATED)
  const fresh = (await own.local('/api/v2/units')).status
  assert.equal(fresh, 200)
  // Guesses are counted together with those over HTTP.
  const guesses = await open(own)
  const guess = { authorization: 'Bearer guess' }
  const outcomes = await Promise.all(Array.from({ length: 300 }, () => statusOf(guesses, [], guess)))
  // One more is let in each second.
  assert.ok(outcomes.includes(grpc.status.RESOURCE_EXHAUSTED))
  const more = await Promise.all(
    Array.from({ length: 20 }, async () => (await own.tcp('/api/v2/units', undefined, guess)).status)
  )
  assert.ok(more.includes(429))
  guesses.destroy()

  await own.gateway.close({ drainMs: 0 })
  assert.equal(own.gateway.grpc.state().address, null)
})
