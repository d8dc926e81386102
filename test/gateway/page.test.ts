/** The page: who gets its files, what it may do in a browser, and how one browser is let in. */

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { gunzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, it } from 'vitest'
import { admit } from '../../gateway/access.ts'
import { HOLDER } from '../../gateway/callers.ts'
import { usersAt } from '../../gateway/same-user.ts'
import { Sessions } from '../../gateway/sessions.ts'
import { pageFiles } from '../../web/bundle.ts'
import { ManualClock } from '../capabilities/manual-clock.ts'
import { startGateway } from './running-gateway.ts'

/** What all files of the page may weigh, compressed. */
const PAGE_BYTES_MAX = 250 * 1024

let gateway: Awaited<ReturnType<typeof startGateway>>
beforeAll(async () => {
  gateway = await startGateway()
})
afterAll(() => gateway[Symbol.asyncDispose]())

const urlOf = (path: string): string => `${gateway.gateway.url}${path}`

describe('the page of a node', () => {
  it('weighs 250 KB at most, compressed, and names nothing that lies elsewhere', async () => {
    const files = await pageFiles()
    const bytes = [...files.values()].reduce((sum, { length }) => sum + length, 0)
    assert.ok(bytes < PAGE_BYTES_MAX, `${bytes} bytes`)
    const index = gunzipSync(files.get('index.html')!).toString()
    assert.doesNotMatch(index, /https?:|<script(?! type="module" src="\/app-)/)
  })

  it('is given without a token, may load nothing from elsewhere, and stands in no frame', async () => {
    const answer = await fetch(urlOf('/'))
    assert.equal(answer.status, 200)
    assert.match(answer.headers.get('content-type')!, /^text\/html/)
    const policy = answer.headers.get('content-security-policy')!
    for (const rule of [
      "default-src 'none'",
      "script-src 'self'",
      "frame-ancestors 'none'",
      "require-trusted-types-for 'script'"
    ])
      assert.ok(policy.split('; ').includes(rule), rule)
    assert.doesNotMatch(policy, /unsafe|https?:|\*/)

    const [, script] = /src="(\/app-[\w-]+\.js)"/.exec(await answer.text())!
    const code = await fetch(urlOf(script!))
    assert.equal(code.status, 200)
    assert.match(code.headers.get('cache-control')!, /immutable/)
  })

  it('is given to no foreign name, and opens nothing else', async () => {
    const rebound = await gateway.tcp('/', undefined, { host: `evil.test:${gateway.port}` })
    assert.equal(rebound.status, 403)
    for (const path of [
      '/app-../../package.json',
      '/app-x.js',
      '/index.html',
      '/api/v2/units',
      '/worker.js/x'
    ]) {
      const { status } = await fetch(urlOf(path))
      assert.ok(status === 401 || status === 404, `${path}: ${status}`)
    }
  })
})

describe('a link to the page', () => {
  it('lets one browser in, once, and is worth nothing on any other path', async () => {
    const { url } = (await gateway.local('/api/v2/command/gateway.link', {})).body.data
    const code = new URL(url).hash.replace('#open=', '')
    const asked = (path: string, method = 'POST') =>
      fetch(urlOf(path), {
        method,
        headers: { authorization: `Bearer ${code}`, 'content-type': 'application/json' },
        ...(method === 'POST' && { body: '{}' })
      })
    assert.equal((await asked('/api/v2/units', 'GET')).status, 401)
    const begun = await asked('/api/v2/session')
    assert.equal(begun.status, 200)
    assert.match(begun.headers.get('set-cookie')!, /HttpOnly; SameSite=Strict/)
    assert.equal((await asked('/api/v2/session')).status, 401)
  })

  it('is made on the device only', async () => {
    const { status } = await gateway.tcp('/api/v2/command/gateway.link', {})
    assert.equal(status, 403)
  })

  it('for one user of the device is worth nothing to another, who takes it from nobody', () => {
    const sessions = new Sessions(new ManualClock())
    const code = sessions.link(1000)
    const redeemed = (...users: number[]) => sessions.redeem(code, () => users)
    assert.deepEqual(
      [redeemed(1001), redeemed(1000, 1001), redeemed(1000), redeemed(1000)],
      [false, false, true, false]
    )
    // Root passes on the connections of others, and of other devices no user is known.
    assert.deepEqual(
      [[0], []].map(users => sessions.redeem(sessions.link(1000), () => users)),
      [true, true]
    )
    const row = (ports: string, user: number) =>
      `   1: 0100007F:${ports.replace(' ', ' 0100007F:')} 01 00000000:00000000 00:00000000 00000000 ${user}        0 7 1 0 20 4\n`
    const table = `  sl  local_address rem_address   st\n${row('B095 16EA', 1001)}${row('16EA B095', 1000)}${row('B096 16EA', 1000)}`
    const at = (remotePort: number) =>
      usersAt({ localPort: 0x16ea, remotePort, remoteAddress: '127.0.0.1' }, [table])
    assert.deepEqual([at(0xb095), at(0xb096), at(0xb097)], [[1001], [1000], []])
  })

  it.runIf(process.platform === 'linux')(
    'is opened by a connection whose user the system names',
    async () => {
      const { port } = new URL(gateway.gateway.url!)
      const socket = connect(Number(port), '127.0.0.1')
      await once(socket, 'connect')
      const { localPort: remotePort } = socket
      let users: readonly number[] = []
      const sessions = {
        callerOf: () => undefined,
        redeem(_: string, at: () => readonly number[]) {
          users = at()
          return true
        }
      } as unknown as Sessions
      const asked = {
        authorization: 'Bearer code',
        host: `127.0.0.1:${port}`,
        'content-type': 'application/json'
      }
      const incoming = {
        ...{ method: 'POST', url: '/api/v2/session', headers: asked },
        headersDistinct: Object.fromEntries(Object.entries(asked).map(([name, value]) => [name, [value]])),
        socket: { localPort: Number(port), remotePort, remoteAddress: '127.0.0.1' }
      }
      const access = { hosts: new Set([asked.host]), token: 'x', sessions, origins: new Set<string>() }
      assert.equal(admit(incoming, access), HOLDER)
      assert.deepEqual(users, [process.getuid!()])
      socket.destroy()
    }
  )

  it('ends after two minutes, and with the token', () => {
    const clock = new ManualClock()
    const sessions = new Sessions(clock)
    const [late, revoked] = [sessions.link(), sessions.link()]
    clock.advance(120_000)
    assert.equal(sessions.redeem(late), false)
    sessions.endAll()
    assert.equal(sessions.redeem(revoked), false)
    assert.equal(sessions.redeem(sessions.link()), true)
  })
})
