/** What both devices of a request say of it: events with one correlation id, and spans in one trace. */

import assert from 'node:assert/strict'
import {
  type Attributes,
  type Context,
  type Span,
  type SpanContext,
  type SpanOptions,
  type TracerProvider,
  trace
} from '@opentelemetry/api'
import { afterAll, beforeAll, describe, it } from 'vitest'
import { type Caller, PERMISSIONS } from '../../interface/units.ts'
import { createUnits } from '../../units/index.ts'
import { OWNER } from '../units/callers.ts'
import { knows, startNode } from './mesh-nodes.ts'

interface Made {
  readonly name: string
  readonly context: SpanContext
  readonly parent: string | undefined
  readonly attributes: Attributes
  ended: boolean
  error?: string | undefined
}

/** A provider that keeps its spans. */
function kept() {
  const spans: Made[] = []
  const startSpan = (name: string, options: SpanOptions = {}, parent?: Context): Span => {
    const above = parent && trace.getSpanContext(parent)
    const spanId = String(spans.length + 1).padStart(16, '0')
    const traceId = above?.traceId ?? spanId.padStart(32, '0')
    const context = { traceId, spanId, traceFlags: 1 }
    const made: Made = {
      name,
      context,
      parent: above?.spanId,
      attributes: { ...options.attributes },
      ended: false
    }
    spans.push(made)
    const span = {
      spanContext: () => context,
      setAttributes: (more: Attributes) => Object.assign(made.attributes, more) && span,
      setStatus({ message }: { message?: string }) {
        made.error = message
        return span
      },
      end() {
        made.ended = true
      }
    } as unknown as Span
    return span
  }
  const provider = { getTracer: () => ({ startSpan }) } as unknown as TracerProvider
  return { spans, provider }
}

const REQUEST = { model: 'echo', input: { messages: [{ role: 'user', content: 'the-canary' }] } }

type Started = Awaited<ReturnType<typeof startNode>>
let den: Started
let attic: Started
const { spans, provider } = kept()

beforeAll(async () => {
  assert.ok(trace.setGlobalTracerProvider(provider))
  den = await startNode('den', [], { settings: { 'engines.echo': true } })
  attic = await startNode('attic', [den])
  await knows(attic, den)
})

afterAll(async () => {
  trace.disable()
  await Promise.all([attic, den].map(node => node[Symbol.asyncDispose]()))
})

describe('a request to another device', () => {
  it('has one correlation id in the events of both, also on disk', async () => {
    const ended = new Promise<void>(resolve =>
      den.events.addEventListener('inference.serving_ended', () => resolve(), { once: true })
    )
    for await (const _ of attic.infer(REQUEST));
    await ended
    const [asked] = (await attic.journal.query({ types: ['inference.request_started'] })).items
    const correlationId = asked!.correlationId!
    const names = async (node: Started) =>
      (await node.journal.query({ correlationId })).items.map(({ name }) => name)
    assert.deepEqual(await names(attic), ['inference.request_started', 'inference.request_completed'])
    assert.deepEqual(await names(den), ['inference.serving_started', 'inference.serving_ended'])
  })

  it('is seen from the device that asked, in events of the one that answered: stored and to come', async () => {
    den.remote.serve(async () =>
      createUnits({ node: den, gatewayUrl: () => undefined, rotateToken: () => 0, stop() {} })
    )
    const call = (unit: string, input: object) => ({ unit, input, requestId: 'r', budgetMs: 5000 })
    const names = ['inference.serving_*']
    const stored = await attic.remote.execute(den.peerId, call('event.query', { types: names }))
    const { items } = stored as { items: { name: string; data: { peer_id: string } }[] }
    assert.deepEqual(
      items.map(({ name, data }) => [name, data.peer_id]),
      ['started', 'ended'].map(end => [`inference.serving_${end}`, attic.peerId])
    )
    const since = { names, since: 'oldest' }
    for await (const item of attic.remote.stream(den.peerId, call('event.list', since))) {
      assert.equal((item as { correlation_id: string }).correlation_id.length > 0, true)
      break
    }
    const metrics = await attic.remote.execute(den.peerId, call('node.metrics', {}))
    for (const direction of ['in', 'out'])
      assert.match(
        (metrics as { text: string }).text,
        new RegExp(
          `^lumos_protocol_bytes_total\\{protocol="/lumos/inference/1",direction="${direction}"\\} [1-9]`,
          'm'
        )
      )
    assert.match((metrics as { text: string }).text, /^lumos_served_requests_total\{[^}]*"ok"\} 1$/m)
  })

  it('is one trace of a request, its attempts and what served it, without what was asked', () => {
    const [request, ...others] = spans.filter(({ name }) => name === 'lumos.request')
    assert.deepEqual(others, [])
    const below = (name: string) => spans.filter(span => span.name === name)
    const [attempt] = below('lumos.attempt')
    const [serve] = below('lumos.serve')
    assert.equal(attempt!.parent, request!.context.spanId)
    assert.equal(serve!.parent, request!.parent)
    assert.equal(new Set(spans.map(({ context }) => context.traceId)).size, 1)
    assert.deepEqual(
      [request, attempt, serve].map(span => span!.attributes['lumos.peer']),
      [den.peerId, den.peerId, attic.peerId]
    )
    assert.ok(spans.every(({ ended, error }) => ended && error === undefined))
    assert.ok(!JSON.stringify(spans).includes('the-canary'))
  })

  it('is in the events of a device for its user, for devices that manage it, and for the one that asked', async () => {
    for await (const _ of den.infer({ ...REQUEST, id: 'own' }));
    const all = await attic.remote.execute(den.peerId, {
      unit: 'event.query',
      input: { types: ['inference.*'] },
      requestId: 'r',
      budgetMs: 5000
    })
    assert.deepEqual(
      (all as { items: { name: string }[] }).items.map(({ name }) => name),
      ['inference.serving_started', 'inference.serving_ended']
    )
    const units = createUnits({ node: den, gatewayUrl: () => undefined, rotateToken: () => 0, stop() {} })
    const seenBy = async (caller: Caller) => {
      const context = { caller, requestId: 'r', budgetMs: 5000 }
      const { items } = (await units.execute('event.query', { types: ['inference.*'] }, context)) as {
        items: object[]
      }
      return items.length
    }
    const peer = { origin: 'peer', peerId: 'other', permissions: ['read', 'use'] } as const
    assert.deepEqual(
      await Promise.all([peer, { ...peer, permissions: PERMISSIONS }, OWNER].map(seenBy)),
      [0, 4, 4]
    )
  })

  it('belongs to the trace that a client has named, on the device that answers too', async () => {
    const before = spans.length
    const ended = new Promise<void>(resolve =>
      den.events.addEventListener('inference.serving_ended', () => resolve(), { once: true })
    )
    const traceId = '0af7651916cd43dd8448eb211c80319c'
    for await (const _ of attic.infer({ ...REQUEST, id: 'traced' }, { traceId }));
    await ended
    const traced = spans.slice(before)
    assert.deepEqual(traced.map(({ name }) => name).toSorted(), [
      'lumos.attempt',
      'lumos.request',
      'lumos.serve'
    ])
    assert.deepEqual(new Set(traced.map(({ context }) => context.traceId)), new Set([traceId]))
  })

  it('that is given up on says so in its span', async () => {
    for await (const _ of attic.infer(REQUEST)) break
    const { error, ended } = spans.findLast(({ name }) => name === 'lumos.request')!
    assert.deepEqual([error, ended], ['CANCELLED', true])
  })
})
