import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { connect, type Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import { afterEach, beforeEach, describe, it } from 'vitest'
import { systemClock } from '../../interface/clock.ts'
import { ProtocolViolationError, toLumosError } from '../../interface/errors.ts'
import { isNear } from '../../node/settings/near.ts'
import { HttpClient, type HttpClientOptions } from '../../node/weights/origins/http-client.ts'
import { redirected } from '../../node/weights/origins/redirect.ts'
import { FakeHub } from './fake-hub.ts'

describe('a redirect', () => {
  const from = new URL('https://hub.example/a/b')
  const to = (location: string | undefined, mayBeNear = false) =>
    redirected(from, location, { isNear, mayBeNear })

  it('may lead to another path or a public host, and takes no password along', () => {
    assert.equal(to('../c').href, 'https://hub.example/c')
    assert.equal(to('//cdn.example/c').href, 'https://cdn.example/c')
    assert.equal(to('https://me:secret@cdn.example/c').href, 'https://cdn.example/c')
  })

  it.each([
    [undefined, /where to/],
    ['https://', /where to/],
    ['http://cdn.example/c', /not encrypted/],
    ['file:///etc/passwd', /not HTTP/],
    ['ftp://cdn.example/c', /not HTTP/],
    ['https://127.0.0.1/', /own network/],
    ['https://2130706433/', /own network/],
    ['https://[::1]/', /own network/],
    ['https://[::ffff:10.0.0.1]/', /own network/],
    ['https://192.168.1.1/', /own network/],
    ['https://169.254.169.254/latest/meta-data', /own network/],
    ['https://0.0.0.0/', /own network/],
    ['https://192.0.0.192/', /own network/],
    ['https://[64:ff9b::a9fe:a9fe]/', /own network/],
    ['https://[64:ff9b::7f00:1]/', /own network/],
    ['https://router.lan/', /own network/],
    ['https://localhost/', /own network/]
  ])('of a public origin to %s is refused', (location, message) => {
    assert.throws(
      () => to(location),
      err => err instanceof ProtocolViolationError && message.test(err.message)
    )
  })

  it('of an origin in the own network may lead there', () => {
    assert.equal(to('https://192.168.1.1/c', true).host, '192.168.1.1')
  })
})

describe('requests to an origin', () => {
  let hub: FakeHub
  let clients: HttpClient[]
  beforeEach(async () => {
    hub = await FakeHub.start('0.0.0.0')
    clients = []
  })
  afterEach(async () => {
    for (const client of clients) await client.close()
    await hub[Symbol.asyncDispose]()
  })
  const client = (options: Partial<HttpClientOptions> = {}): HttpClient => {
    const one = new HttpClient({ clock: systemClock, env: {}, ...options })
    clients.push(one)
    return one
  }
  /** Names of hosts, each on this device; of its addresses, `127.0.0.2` stands for the own network, and others are public. */
  const world = (names: Record<string, string>): Partial<HttpClientOptions> => ({
    isNear: host => host === '127.0.0.2',
    lookup: ((name: string, _: object, callback: (err: null, addresses: object[]) => void) =>
      callback(null, [
        { address: names[name] ?? '127.0.0.1', family: 4 }
      ])) as unknown as HttpClientOptions['lookup'] & object
  })
  const redirecting = (location: string) => {
    hub.answer = (path, response) => path.startsWith('/go') && !!response.writeHead(302, { location }).end()
    hub.put('x', 'x')
  }
  const reasonOf = (promise: Promise<unknown>): Promise<string> =>
    promise.then(
      () => 'it was answered',
      err => toLumosError(err).message
    )

  it('end after five redirects', async () => {
    redirecting('/go/on')
    assert.match(await reasonOf(client().get(`${hub.url}/go`)), /more than 5 times/)
    assert.equal(hub.seen.length, 6)
  })

  it('of a public origin reach no name that means the own network', async () => {
    redirecting(`http://inside.example:${hub.port}/files/x`)
    const names = world({ 'inside.example': '127.0.0.2' })
    assert.match(await reasonOf(client(names).get(`http://hub.example:${hub.port}/go`)), /own network/)
    // Asked for by its name, and so meant by the person.
    const own = await client(names).get(`http://inside.example:${hub.port}/go`)
    assert.equal(own.status, 200)
    own.body.resume()
  })

  it('of a public origin take no connection to the own network that another origin has opened', async () => {
    redirecting(`http://inside.example:${hub.port}/files/x`)
    const one = client(world({ 'inside.example': '127.0.0.2' }))
    const first = await one.get(`http://inside.example:${hub.port}/files/x`)
    first.body.resume()
    await once(first.body, 'close')
    assert.match(await reasonOf(one.get(`http://hub.example:${hub.port}/go`)), /own network/)
  })

  it('over TLS are answered by the server whose certificate is good, and none leads on without TLS', async () => {
    const [key, cert] = await Promise.all(
      ['key', 'cert'].map(name => readFile(`test/fixtures/tls/${name}.pem`, 'utf8'))
    )
    const server = createTlsServer({ key: key!, cert: cert! }, ({ url }, response) => {
      if (url === '/go') response.writeHead(302, { location: `${hub.url}/files/x` })
      response.end('over TLS')
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    try {
      const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`
      const { status, body } = await client({ ca: cert! }).get(`${url}/x`)
      assert.deepEqual([status, await text(body)], [200, 'over TLS'])
      assert.match(await reasonOf(client({ ca: cert! }).get(`${url}/go`)), /not encrypted/)
      assert.match(await reasonOf(client().get(`${url}/x`)), /does not answer: self-signed certificate/)
    } finally {
      server.closeAllConnections()
      server.close()
    }
  })

  it('go through the proxy of the environment, and past it where NO_PROXY says so', async () => {
    const asked: string[] = []
    const sockets: Socket[] = []
    const proxy = createServer((request, response) => {
      asked.push(request.url!)
      response.end('by proxy')
    })
    proxy.on('connect', (request, socket: Socket) => {
      asked.push(request.url!)
      const [, port] = request.url!.split(':')
      const to = connect(Number(port), '127.0.0.1', () => {
        socket.write('HTTP/1.1 200 OK\r\n\r\n')
        socket.pipe(to).pipe(socket)
      })
      sockets.push(to, socket)
    })
    proxy.listen(0, '127.0.0.1')
    await once(proxy, 'listening')
    try {
      hub.put('x', 'x')
      const { port } = proxy.address() as AddressInfo
      const env = { HTTP_PROXY: `http://127.0.0.1:${port}`, NO_PROXY: '127.0.0.1' }
      const proxied = await client({ env }).get(`http://hub.example:${hub.port}/files/x`)
      assert.equal(proxied.status, 200)
      proxied.body.resume()
      assert.equal(asked.length, 1)
      assert.match(asked[0]!, /hub\.example/)
      const direct = await client({ env }).get(`${hub.url}/files/x`)
      assert.equal(direct.status, 200)
      direct.body.resume()
      assert.equal(asked.length, 1)
    } finally {
      for (const socket of sockets) socket.destroy()
      proxy.closeAllConnections()
      proxy.close()
    }
  })
})
