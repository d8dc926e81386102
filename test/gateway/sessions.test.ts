/** What becomes of a browser's session, and of whoever still holds an old token. */

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { copyFile, readFile, stat, writeFile } from 'node:fs/promises'
import { request } from 'node:http'
import { join } from 'node:path'
import { describe, it } from 'vitest'
import { HOLDER } from '../../gateway/callers.ts'
import { type KeptSessions, SESSION_AGE_MAX_S, type SessionRecord, Sessions } from '../../gateway/sessions.ts'
import type { Logger } from '../../interface/lifecycle.ts'
import { makeGatewayToken } from '../../storage/home/gateway-token.ts'
import { ManualClock } from '../capabilities/manual-clock.ts'
import { OWNER } from '../units/callers.ts'
import { cookieOf, startGateway } from './running-gateway.ts'

const log: Logger = { debug() {}, info() {}, warn() {}, error() {} }

describe('sessions', () => {
  it('end with their time, by logging out, or all at once', () => {
    const clock = new ManualClock()
    const sessions = new Sessions(clock)
    const isOpen = (id: string) => sessions.callerOf(id) === OWNER
    const [first, second] = [sessions.begin(OWNER), sessions.begin(OWNER)]
    assert.ok(isOpen(first) && isOpen(second))

    sessions.end(first)
    assert.deepEqual([isOpen(first), isOpen(second)], [false, true])
    clock.advance(SESSION_AGE_MAX_S * 1000 - 1)
    assert.ok(isOpen(second))
    const third = sessions.begin(OWNER)
    clock.advance(1)
    assert.deepEqual([isOpen(second), isOpen(third)], [false, true])

    assert.equal(sessions.endAll(), 1)
    assert.ok(!isOpen(third))
  })

  it('are few: a new one takes the place of the oldest of the same caller', () => {
    const sessions = new Sessions(new ManualClock())
    const isOpen = (id: string) => sessions.callerOf(id) === OWNER
    const ids = Array.from({ length: 40 }, () => sessions.begin(OWNER))
    assert.deepEqual(
      ids.map(id => isOpen(id)),
      ids.map((_, n) => n >= 8)
    )
    assert.equal(new Set(ids).size, 40)
    const others = Array.from({ length: 40 }, () => sessions.begin(HOLDER))
    assert.deepEqual([isOpen(ids[8]!), sessions.callerOf(others[8]!)], [true, HOLDER])
  })
})

describe('over a restart of the node', () => {
  const units = { unit: 'mesh.status' }
  const statusOf = async (gateway: Awaited<ReturnType<typeof startGateway>>, line: string) =>
    (await gateway.page('/api/v2/execute', units, line.replace('Cookie: ', ''))).status

  it('a browser stays let in, by a hash in a file for its owner only, unless it logged out or its token is gone', async () => {
    await using gateway = await startGateway()
    const named = async (name: string) => {
      const input = { name, permissions: ['read'] }
      const { body } = await gateway.local('/api/v2/execute', { unit: 'token.create', input })
      const authorization = `Bearer ${body.data.secret}`
      const { headers } = await gateway.tcp('/api/v2/session', {}, { authorization })
      return headers['set-cookie']![0]!.split(';')[0]!
    }
    const [[id, own], [, left]] = [await cookieOf(gateway), await cookieOf(gateway)]
    const [kept, revoked] = [await named('kept'), await named('revoked')]
    const path = join(gateway.home, 'gateway-sessions.json')
    assert.equal((await stat(path)).mode & 0o777, 0o600)
    const text = await readFile(path, 'utf8')
    assert.ok(!text.includes(id) && !text.includes(gateway.token))

    const origin = `http://127.0.0.1:${gateway.port}`
    const cookie = left.replace('Cookie: ', '')
    await fetch(`${origin}/api/v2/session`, { method: 'DELETE', headers: { cookie, origin } })
    // As by hand while the node is away: the file of tokens is another one, and that of sessions is not.
    const tokens = gateway.node.home.tokens
    tokens.write(tokens.read().filter(({ name }) => name !== 'revoked'))
    await gateway.restart()
    assert.deepEqual(
      await Promise.all([own, left, kept, revoked].map(line => statusOf(gateway, line))),
      [200, 401, 200, 401]
    )
    const stops = await gateway.page('/api/v2/execute', { unit: 'node.stop' }, kept)
    assert.equal(stops.status, 403)

    makeGatewayToken(gateway.node.home.tokenPath)
    await gateway.restart()
    assert.deepEqual([await statusOf(gateway, own), await statusOf(gateway, kept)], [401, 200])

    // What a new token ends stays ended, also where the session was of a token that is still good.
    assert.equal(gateway.gateway.rotateToken(), 1)
    await gateway.restart()
    assert.equal(await statusOf(gateway, kept), 401)
  })

  it('a browser of another home is refused, and so is each where the file makes no sense', async () => {
    await using gateway = await startGateway()
    await using other = await startGateway()
    const [, line] = await cookieOf(gateway)
    const [elsewhere, path] = [other.home, gateway.home].map(home => join(home, 'gateway-sessions.json'))
    await copyFile(path!, elsewhere!)
    await other.restart()
    assert.equal(await statusOf(other, line.replace(`_${gateway.port}=`, `_${other.port}=`)), 401)
    await writeFile(path!, '[{"sha256":"x"}]')
    await gateway.restart()
    assert.equal(await statusOf(gateway, line), 401)
  })

  it('a session has the time that was left, which no clock that was set back lengthens', () => {
    const [clock, records] = [new ManualClock(), [] as SessionRecord[][]]
    const store = {
      read: () => records.at(-1) ?? [],
      write: (written: readonly SessionRecord[]) => void records.push([...written])
    }
    const kept: KeptSessions = { store, log, tokenOf: () => 'token', callerBy: () => OWNER }
    clock.advance(3_600_000)
    const id = new Sessions(clock, kept).begin(OWNER)
    const again = (by = clock) => {
      const sessions = new Sessions(by, kept)
      sessions.restore()
      return sessions
    }
    clock.advance(SESSION_AGE_MAX_S * 1000 - 1)
    const sessions = again()
    assert.equal(sessions.callerOf(id), OWNER)
    clock.advance(1)
    assert.deepEqual([sessions.callerOf(id), again().callerOf(id)], [undefined, undefined])

    const setBack = new ManualClock()
    const late = again(setBack)
    setBack.advance(SESSION_AGE_MAX_S * 1000 - 1)
    assert.equal(late.callerOf(id), OWNER)
    setBack.advance(1)
    assert.equal(late.callerOf(id), undefined)
  })

  it('a browser is let in where its session cannot be kept, and a logout that cannot be kept fails', () => {
    const store = {
      read: () => [],
      write() {
        throw new Error('full')
      }
    }
    const kept = { store, log, tokenOf: () => 'token', callerBy: () => OWNER }
    const sessions = new Sessions(new ManualClock(), kept)
    const id = sessions.begin(OWNER)
    assert.equal(sessions.callerOf(id), OWNER)
    assert.throws(() => sessions.end(id), /full/)
    assert.equal(sessions.callerOf(id), undefined)
    const other = sessions.begin(OWNER)
    assert.throws(() => sessions.endAll(), /full/)
    assert.equal(sessions.callerOf(other), undefined)
  })

  it('a program with a named token has one written a second, and the page of the owner is not held up by it', () => {
    const clock = new ManualClock()
    let writes = 0
    const store = { read: () => [], write: () => void writes++ }
    const sessions = new Sessions(clock, { store, log, tokenOf: () => 'token', callerBy: () => OWNER })
    const named = { ...HOLDER, token: 'notebook' }
    const begin = () => sessions.begin(named)
    for (let n = 0; n < 32; n++) begin()
    assert.throws(begin, { code: 'RATE_LIMITED' })
    assert.throws(begin, { code: 'RATE_LIMITED' })
    sessions.begin(HOLDER)
    clock.advance(1000)
    begin()
    assert.equal(writes, 34)
  })
})

describe('a browser', () => {
  it('shows the token once, and gets a cookie that no script reads and no other site makes it send', async () => {
    await using gateway = await startGateway()
    const { port, token } = gateway
    const { status, headers, body } = await gateway.tcp('/api/v2/session', {})
    assert.deepEqual([status, body.data], [200, { max_age_s: SESSION_AGE_MAX_S }])

    const [cookie, ...others] = headers['set-cookie']!
    assert.deepEqual(others, [])
    const attributes = `HttpOnly; SameSite=Strict; Path=/; Max-Age=${SESSION_AGE_MAX_S}`
    const [, id] = cookie!.match(new RegExp(`^lumos_session_${port}=([\\w-]{43}); ${attributes}$`))!
    assert.notEqual(id, token)
    assert.ok(!JSON.stringify(body).includes(id!))
  })

  it('logs out, and the cookie is worth nothing even where it was kept', async () => {
    await using gateway = await startGateway()
    const origin = `http://127.0.0.1:${gateway.port}`
    const [, line] = await cookieOf(gateway)
    const headers = { cookie: line.replace('Cookie: ', ''), origin }
    const units = () => fetch(`${origin}/api/v2/units`, { headers })
    assert.equal((await units()).status, 200)

    const left = await fetch(`${origin}/api/v2/session`, { method: 'DELETE', headers })
    assert.equal(left.status, 200)
    assert.match(left.headers.get('set-cookie')!, /=; .*Max-Age=0$/)
    assert.equal((await units()).status, 401)
  })

  it('is no visitor of the unix socket', async () => {
    await using gateway = await startGateway()
    const { status, headers } = await gateway.local('/api/v2/session', {})
    assert.deepEqual([status, headers['set-cookie']], [403, undefined])
  })
})

describe('rotating the token', () => {
  it('ends sessions, cuts streams off, and leaves only the new token, in its file', async () => {
    await using gateway = await startGateway()
    const { port, token } = gateway
    const [, line] = await cookieOf(gateway)
    const cookie = line.replace('Cookie: ', '')
    const watching = request({
      port,
      host: '127.0.0.1',
      path: '/api/v2/events',
      headers: { authorization: `Bearer ${token}` }
    })
    watching.end()
    const [stream] = await once(watching, 'response')
    const cut = once(stream, 'error')
    stream.resume()

    const rotated = await gateway.local('/api/v2/execute', { unit: 'gateway.rotate_token' })
    assert.deepEqual(rotated.body.data, { sessions_ended: 1 })
    await cut

    const path = gateway.node.home.tokenPath
    const next = (await readFile(path, 'utf8')).trim()
    assert.equal((await stat(path)).mode & 0o777, 0o600)
    const status = async (headers: Record<string, string>) =>
      (await gateway.tcp('/api/v2/units', undefined, headers)).status
    assert.equal(await status({ authorization: `Bearer ${token}` }), 401)
    assert.equal(await status({ authorization: `Bearer ${next}` }), 200)
    const kept = await fetch(`http://127.0.0.1:${port}/api/v2/units`, { headers: { cookie } })
    assert.equal(kept.status, 401)
    assert.ok(!JSON.stringify(rotated.body).includes(next))
  })
})
