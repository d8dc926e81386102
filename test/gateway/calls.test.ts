/** Calls that run once for a key, calls that are asked for later, and the traces that they belong to. */

import assert from 'node:assert/strict'
import { afterAll, beforeAll, describe, it } from 'vitest'
import { KeptCalls } from '../../gateway/kept-calls.ts'
import { traceOf } from '../../gateway/trace.ts'
import { LumosError, OverloadedError } from '../../interface/errors.ts'
import { ManualClock } from '../capabilities/manual-clock.ts'
import { OWNER } from '../units/callers.ts'
import { type Answer, rawStatus, startGateway } from './running-gateway.ts'

type Started = Awaited<ReturnType<typeof startGateway>>
let gateway: Started

beforeAll(async () => {
  gateway = await startGateway()
})

afterAll(() => gateway[Symbol.asyncDispose]())

const ask = (text: string) => ({
  unit: 'inference.chat',
  input: { model: 'held', messages: [{ role: 'user', content: text }] }
})

/** Lets the engine go on when it is called. */
function hold(): () => void {
  const { promise, resolve } = Promise.withResolvers<void>()
  gateway.engine.beforeWord = () => promise
  return () => {
    resolve()
    gateway.engine.beforeWord = async () => {}
  }
}

const execute = (body: object, headers: Record<string, string> = {}) =>
  gateway.tcp('/api/v2/execute', body, headers)

describe('an idempotency key', () => {
  it('runs a call once, whether it comes again while that is under way or later', async () => {
    const { outcomes } = gateway.engine
    const before = outcomes.length
    const release = hold()
    const request = { ...ask('one two'), options: { idempotency_key: 'key-1' } }
    const asked = [execute(request), execute(ask('one two'), { 'idempotency-key': 'key-1' })]
    release()
    const [first, second] = (await Promise.all(asked)) as [Answer, Answer]
    const third = await execute(request)
    assert.deepEqual(outcomes.slice(before), ['done'])
    for (const { status, body } of [first, second, third]) {
      assert.deepEqual([status, body.data], [200, first.body.data])
      assert.equal(body.meta.route, 'local')
    }
    assert.equal(third.headers['idempotency-replayed'], 'true')
    assert.notEqual(third.body.meta.request_id, first.body.meta.request_id)
  })

  it('is refused for another request, and is one of its own for each token', async () => {
    const key = { 'idempotency-key': 'key-2' }
    assert.equal((await execute(ask('one'), key)).status, 200)
    for (const other of [
      ask('two'),
      { unit: 'mesh.status' },
      { ...ask('one'), options: { timeout_ms: 5 } }
    ]) {
      const { status, body } = await execute(other, key)
      assert.deepEqual([status, body.error.code], [409, 'CALL_CONFLICT'])
    }
    const local = await gateway.local('/api/v2/execute', ask('three'), key)
    assert.equal(local.body.data.content, 'three')
  })

  it('that is none, or that differs from the other one, is refused before anything runs', async () => {
    const before = gateway.engine.outcomes.length
    for (const key of ['', 'a b', 'x'.repeat(256), 'ä']) {
      const { status } = await execute({ ...ask('x'), options: { idempotency_key: key } })
      assert.equal(status, 400, key)
    }
    const twice = { ...ask('x'), options: { idempotency_key: 'a' } }
    assert.equal((await execute(twice, { 'idempotency-key': 'b' })).status, 400)
    const { status } = await gateway.tcp('/api/v2/stream', ask('x'), { 'idempotency-key': 'c' })
    assert.equal(status, 400)
    assert.equal(gateway.engine.outcomes.length, before)
  })

  it('keeps no wrong call and none that may succeed later', async () => {
    const key = { 'idempotency-key': 'key-3' }
    assert.equal((await execute({ unit: 'inference.chat', input: {} }, key)).status, 400)
    gateway.engine.failure = new OverloadedError('All slots are taken.', 2000)
    assert.equal((await execute(ask('again'), key)).status, 429)
    gateway.engine.failure = undefined
    assert.equal((await execute(ask('again'), key)).body.data.content, 'again')
    const command = await gateway.tcp('/api/v2/command/inference.chat', ask('again').input, key)
    assert.equal(command.status, 409)
  })
})

describe('a call that is asked for later', () => {
  it('answers 202 at once, goes on without its client, and is known to its own token alone', async () => {
    const release = hold()
    const begun = await execute({ ...ask('well then'), options: { async: true } })
    const { call_id: id } = begun.body.data
    assert.deepEqual([begun.status, begun.body.data.status], [202, 'running'])
    assert.equal(begun.headers.location, `/api/v2/calls/${id}`)
    const running = await gateway.tcp(`/api/v2/calls/${id}`)
    assert.deepEqual(
      [running.status, running.body.data.status, running.body.data.result],
      [200, 'running', null]
    )
    const other = await gateway.local(`/api/v2/calls/${id}`)
    assert.deepEqual([other.status, other.body.error.code], [404, 'CALL_UNKNOWN'])
    release()
    await untilEnded(id)
    const { body } = await gateway.tcp(`/api/v2/calls/${id}`)
    assert.equal(body.data.result.content, 'well then')
    assert.deepEqual([body.data.error, body.meta.unit, body.meta.route], [null, 'inference.chat', 'local'])
  })

  it('is wished by a header, too, is cancelled by DELETE, and says so', async () => {
    const release = hold()
    const prefer = { prefer: 'wait=5, respond-async' }
    const { status, headers, body } = await gateway.tcp(
      '/api/v2/command/inference.chat',
      ask('x').input,
      prefer
    )
    assert.deepEqual([status, headers['preference-applied']], [202, 'respond-async'])
    const request = [
      `DELETE /api/v2/calls/${body.data.call_id} HTTP/1.1`,
      `Host: 127.0.0.1:${gateway.port}`,
      `Authorization: Bearer ${gateway.token}`
    ]
    assert.equal(await rawStatus(gateway.port, [...request, '', ''].join('\r\n')), 200)
    release()
    const state = (await gateway.tcp(`/api/v2/calls/${body.data.call_id}`)).body.data
    assert.deepEqual([state.status, state.error.code], ['failed', 'CANCELLED'])
  })

  it('is refused at once where it is wrong or denied', async () => {
    const options = { async: true }
    assert.equal((await execute({ unit: 'inference.chat', input: {}, options })).status, 400)
    assert.equal((await execute({ unit: 'token.list', options })).status, 403)
    assert.equal((await execute({ unit: 'no.unit', options })).status, 404)
  })
})

/** Repeats a request that waits for the end: with the call's own key there is none, so its state is asked for. */
async function untilEnded(id: string): Promise<void> {
  while ((await gateway.tcp(`/api/v2/calls/${id}`)).body.data.status === 'running');
}

describe('kept calls', () => {
  const wanted = (id: string, run: () => Promise<unknown>) => ({
    ...{ id, unit: 'u', fingerprint: 'f', key: id, budgetMs: 5000, run }
  })

  it('are bounded in number, and none is forgotten before its ten minutes', async () => {
    const clock = new ManualClock()
    const calls = new KeptCalls({ clock, closing: new AbortController().signal })
    for (let n = 0; n < 1024; n++)
      await calls.begin(
        OWNER,
        wanted(`k${n}`, async () => n)
      ).ended
    const more = wanted('more', async () => 1)
    assert.throws(() => calls.begin(OWNER, more), { code: 'OVERLOADED' })
    assert.deepEqual(
      await calls.begin(
        OWNER,
        wanted('k0', async () => assert.fail())
      ).ended,
      { data: 0 }
    )
    clock.advance(600_000)
    assert.throws(() => calls.get(OWNER, 'k0'), { code: 'CALL_UNKNOWN' })
    assert.deepEqual(await calls.begin(OWNER, more).ended, { data: 1 })

    const never = () => new Promise(() => {})
    for (let n = 0; n < 64; n++) calls.begin(OWNER, wanted(`r${n}`, never))
    assert.throws(() => calls.begin(OWNER, wanted('r64', never)), { code: 'OVERLOADED' })
  })

  it('keep no answer of more than a megabyte, which is still not made twice', async () => {
    const calls = new KeptCalls({ clock: new ManualClock(), closing: new AbortController().signal })
    const text = 'x'.repeat(2 ** 20 + 1)
    assert.deepEqual(
      await calls.begin(
        OWNER,
        wanted('k', async () => text)
      ).ended,
      { data: text }
    )
    const again = await calls.begin(
      OWNER,
      wanted('k', async () => assert.fail())
    ).ended
    assert.equal(again.error?.code, 'CALL_CONFLICT')
  })

  it('end with their time, with the gateway, and with the token of their caller', async () => {
    const clock = new ManualClock()
    const closing = new AbortController()
    const calls = new KeptCalls({ clock, closing: closing.signal })
    const ended = new AbortController()
    const caller = { ...OWNER, ended: ended.signal }
    const outcomes: unknown[] = []
    const begin = (id: string) =>
      calls.begin(caller, {
        ...wanted(id, async () => 1),
        run: (_, signal) =>
          new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
      })
    const late = begin('late')
    clock.advance(5000)
    outcomes.push((await late.ended).error?.code)
    const revoked = begin('revoked')
    ended.abort(new LumosError('UNAUTHENTICATED', 'gone'))
    outcomes.push((await revoked.ended).error?.code)
    assert.deepEqual(outcomes, ['TIMEOUT', 'UNAUTHENTICATED'])
  })
})

describe('a trace', () => {
  const THEIRS = '0af7651916cd43dd8448eb211c80319c'
  const given = `00-${THEIRS}-b7ad6b7169203331-01`

  it('is that of the client, with a span of our own, or a new one, in header and answer, also of a refusal', async () => {
    const { headers, body } = await execute(
      { unit: 'mesh.status' },
      { traceparent: given, 'x-request-id': 'mine' }
    )
    assert.equal(body.meta.trace_id, THEIRS)
    assert.match(
      String(headers.traceparent),
      new RegExp(`^00-${THEIRS}-(?!b7ad6b7169203331)[0-9a-f]{16}-01$`)
    )
    // The client's own id is not taken for ours.
    assert.equal(headers['x-request-id'], body.meta.request_id)
    assert.notEqual(body.meta.request_id, 'mine')

    const refused = await execute({ unit: 'mesh.status' }, { traceparent: given, authorization: 'Bearer x' })
    assert.deepEqual([refused.status, refused.body.meta.trace_id], [401, THEIRS])
    const own = (await execute({ unit: 'mesh.status' })).body.meta.trace_id
    assert.match(own, /^[0-9a-f]{32}$/)
    assert.notEqual(own, THEIRS)
  })

  it('that is none is not taken over', () => {
    const right = `00-${THEIRS}-b7ad6b7169203331-00`
    assert.equal(traceOf('r', `01-${right.slice(3)}-more`).traceId, THEIRS)
    for (const wrong of [
      ...[undefined, '', 'x', THEIRS, right.toUpperCase(), ` ${right}`, `${right}\n`, `ff${right.slice(2)}`],
      ...[`00-${'0'.repeat(32)}-b7ad6b7169203331-00`, `00-${THEIRS}-${'0'.repeat(16)}-00`],
      ...[`00-${THEIRS}-b7ad6b7169203331`, `${right}-${'x'.repeat(300)}`, [right, right], 7]
    ]) {
      assert.notEqual(traceOf('r', wrong).traceId, THEIRS, String(wrong))
    }
  })
})
