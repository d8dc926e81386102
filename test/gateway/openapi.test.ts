/** The description of the gateway in OpenAPI, and the routes that it names. */

import assert from 'node:assert/strict'
import { afterAll, beforeAll, describe, it } from 'vitest'
import { BodyReader } from '../../gateway/body.ts'
import { JsonThread } from '../../gateway/json-thread.ts'
import { ownRoutes } from '../../gateway/own-routes.ts'
import { Sessions } from '../../gateway/sessions.ts'
import { systemClock } from '../../interface/clock.ts'
import { rawStatus, startGateway } from './running-gateway.ts'

type Started = Awaited<ReturnType<typeof startGateway>>
type Json = Record<string, unknown>
interface Operation {
  readonly operationId: string
  readonly summary: string
  readonly parameters: readonly { readonly name: string; readonly in: string }[]
  readonly responses: Json
}
interface Document {
  readonly openapi: string
  readonly info: { readonly title: string; readonly version: string }
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
}

let gateway: Started
let document: Document

beforeAll(async () => {
  gateway = await startGateway()
  document = (await gateway.tcp('/openapi.json')).body
})

afterAll(() => gateway[Symbol.asyncDispose]())

/** What a reference leads to, as of RFC 6901. */
function resolved(ref: string): unknown {
  let at: unknown = document
  for (const key of ref.slice(2).split('/'))
    at = (at as Json)?.[key.replaceAll('~1', '/').replaceAll('~0', '~')]
  return at
}

function* refsIn(value: unknown): Generator<string> {
  if (typeof value !== 'object' || value === null) return
  for (const [key, inner] of Object.entries(value)) {
    if (key === '$ref' && typeof inner === 'string') yield inner
    else yield* refsIn(inner)
  }
}

describe('the OpenAPI document', () => {
  it('is one of version 3.1 whose references, operations and parameters are whole', async () => {
    assert.match(document.openapi, /^3\.1\.\d+$/)
    assert.ok(document.info.title !== '' && document.info.version !== '')
    const refs = [...refsIn(document)]
    assert.ok(refs.length > 100)
    assert.deepEqual(
      refs.filter(ref => !ref.startsWith('#/') || resolved(ref) === undefined),
      []
    )

    const operations = Object.entries(document.paths).flatMap(([path, item]) =>
      Object.entries(item).map(([method, operation]) => ({ path, method, operation }))
    )
    const ids = operations.map(({ operation }) => operation.operationId)
    assert.equal(new Set(ids).size, ids.length)
    for (const { path, method, operation } of operations) {
      assert.match(path, /^\/[\w./{}-]+$/)
      assert.ok(['get', 'post', 'delete'].includes(method))
      assert.ok(operation.summary !== '' && operation.responses[200] && operation.responses.default)
      const named = operation.parameters.filter(one => one.in === 'path').map(one => one.name)
      assert.deepEqual(
        named,
        [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name)
      )
    }
  })

  it('has each unit, and is the same under both of its names', async () => {
    for (const { name, kind } of gateway.units.list()) {
      const item = document.paths[`/api/v2/${kind}/${name}`]
      assert.equal(item?.post?.operationId, name)
    }
    const { headers, body } = await gateway.tcp('/api/v2/openapi.json')
    assert.deepEqual(body, document)
    const etag = String(headers.etag)
    const again = await gateway.tcp('/openapi.json', undefined, { 'if-none-match': etag })
    assert.equal(again.status, 304)
  })

  it('has each route of the gateway that is no unit and no face of another program', () => {
    const { units } = gateway
    const app = ownRoutes({
      ...{ units, sessions: new Sessions(systemClock), clock: systemClock, log: { ...console } },
      ...{ aliases: {}, closing: new AbortController().signal },
      bodies: new BodyReader(units.inputBytesMax, new JsonThread(systemClock))
    })
    const others = /^\/(?:v1|v2|mcp|api\/v0|\*|$)|^\/api\/(?!v2\/)|^\/api\/v2\/:(?:kind|domain)\{/
    const served = app.routes
      .filter(({ method, path }) => method !== 'ALL' && !others.test(path))
      .map(({ method, path }) => `${method} ${path.replaceAll(/:(\w+)/g, '{$1}')}`)
    // One handler for an address and its watch: addresses hold slashes.
    const resource = 'GET /api/v2/resource/'
    const expected = served.flatMap(route =>
      route === `${resource}*` ? [`${resource}{uri}`, `${resource}{uri}/watch`] : [route]
    )
    const described = Object.entries(document.paths)
      .filter(([path]) => !/^\/api\/v2\/(?:command|query)\//.test(path))
      .flatMap(([path, item]) => Object.keys(item).map(method => `${method.toUpperCase()} ${path}`))
    assert.deepEqual(described.toSorted(), [...new Set(expected)].toSorted())
  })

  it('names only routes that are there, and each GET answers a HEAD without a body', async () => {
    const host = `Host: 127.0.0.1:${gateway.port}`
    const headers = [host, `Authorization: Bearer ${gateway.token}`, 'Connection: close']
    for (const [path, { get }] of Object.entries(document.paths)) {
      if (get === undefined) continue
      const target = path.replaceAll(/\{\w+\}/g, 'x')
      const head = await rawStatus(gateway.port, [`HEAD ${target} HTTP/1.1`, ...headers, '', ''].join('\r\n'))
      // What has an id is looked up: an unknown one is not found, or is no id.
      const expected = path.includes('{') ? [400, 404] : [200]
      assert.ok(expected.includes(head), `${path}: ${head}`)
    }
    // A stream of events that nothing reads does not stay open.
    const closed = await gateway.tcp('/health/live')
    assert.equal(closed.status, 200)
  })
})

describe('a unit by its path', () => {
  it('runs as any other call of it, with the same permissions', async () => {
    const list = await gateway.tcp('/api/v2/models/list', {})
    assert.deepEqual([list.status, list.body.meta.unit], [200, 'model.list'])
    assert.equal((await gateway.tcp('/api/v2/mesh/status', {})).body.meta.unit, 'mesh.status')
    for (const path of ['/api/v2/models/nothing', '/api/v2/nothing/list', '/api/v2/models/list/more']) {
      const { status, body } = await gateway.tcp(path, {})
      assert.deepEqual([status, body.error.code], [404, 'ROUTE_NOT_FOUND'])
    }
    const denied = await gateway.tcp('/api/v2/tokens/list', {})
    assert.deepEqual([denied.status, denied.body.error.code], [403, 'DENIED'])
    const wrong = await gateway.tcp('/api/v2/models/get', { model: 7 })
    assert.deepEqual([wrong.status, wrong.body.error.code], [400, 'INVALID_INPUT'])
  })
})
