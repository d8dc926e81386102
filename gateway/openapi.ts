/** The gateway described in OpenAPI 3.1: each unit as a route of its own, and the routes that are not units. */

import type { UnitDescription } from '../units/description.ts'

type Json = Readonly<Record<string, unknown>>

const json = (schema: Json) => ({ 'application/json': { schema } })

const ERROR: Json = {
  type: 'object',
  required: ['code', 'message', 'hint', 'retryable', 'details'],
  properties: {
    ...{ code: { type: 'string' }, message: { type: 'string' }, hint: { type: ['string', 'null'] } },
    ...{ retryable: { type: 'boolean' }, details: { type: 'object' } }
  }
}
const META: Json = {
  type: 'object',
  properties: {
    ...{ request_id: { type: 'string' }, trace_id: { type: 'string' }, duration_ms: { type: 'number' } },
    ...{ unit: { type: ['string', 'null'] }, peer: { type: ['string', 'null'] } },
    ...{ answer: { type: ['string', 'null'] }, route: { enum: ['local', 'remote', null] } }
  }
}

const META_REF = { $ref: '#/components/schemas/Meta' }

/** Around each answer. */
const envelope = (data: Json): Json => ({
  type: 'object',
  required: ['success', 'data', 'error', 'meta'],
  properties: { success: { const: true }, data, error: { type: 'null' }, meta: META_REF }
})

const FAILED = { $ref: '#/components/responses/Failed' }

const UNIT_PARAMETERS = [
  ...['Idempotency-Key', 'Prefer', 'traceparent'].map(name => ({
    ...{ name, in: 'header', schema: { type: 'string' } }
  }))
]

/**
 * What stands beside the units. A summary for each method. Faces of other programs, such as `/v1` and `/mcp`, have
 * descriptions of their own.
 */
const ROUTES: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  '/api/v2/execute': { post: 'Runs a unit: {"unit", "input", "options"}' },
  '/api/v2/stream': { post: 'The same in pieces, as server-sent events' },
  '/api/v2/calls/{id}': { get: 'How far a kept call is, and its answer', delete: 'Cancels it' },
  '/api/v2/answers/{id}': { get: 'How far an answer is', delete: 'Ends it' },
  '/api/v2/answers/{id}/stream': { get: 'The chunks of an answer, as server-sent events' },
  '/api/v2/answers/{id}/media/{part}': { get: 'The bytes of a media part' },
  '/api/v2/events': { get: 'The events of the node, as server-sent events' },
  '/api/v2/resources': { get: 'All resources, as patterns of their addresses' },
  '/api/v2/resource/{uri}': { get: 'A resource by its address, which is escaped' },
  '/api/v2/resource/{uri}/watch': { get: 'A resource and its changes, as server-sent events' },
  '/api/v2/metrics': { get: 'Metrics of the node, as Prometheus reads them' },
  '/metrics': { get: 'The same' },
  '/api/v2/units': { get: 'All units with their schemas' },
  '/api/v2/session': { post: 'A cookie against the token', get: 'What it opens', delete: 'Its end' },
  '/api/v2/health': { get: 'Whether the node takes requests' },
  '/health/live': { get: 'Whether the node lives' },
  '/health/ready': { get: 'Whether the node takes requests' },
  '/openapi.json': { get: 'This document' },
  '/api/v2/openapi.json': { get: 'The same' }
}

/** @param version of the units: it changes with the node. */
export function openapiOf(units: readonly UnitDescription[], version: string): object {
  return {
    openapi: '3.1.0',
    info: { title: 'lumos-node', version },
    jsonSchemaDialect: 'https://json-schema.org/draft/2020-12/schema',
    security: [{ bearer: [] }, { key: [] }],
    tags: [...new Set(units.map(domainOf))].map(name => ({ name })),
    paths: { ...Object.fromEntries(units.map(unitPath)), ...fixedPaths() },
    components: {
      securitySchemes: {
        bearer: { type: 'http', scheme: 'bearer' },
        key: { type: 'apiKey', in: 'header', name: 'x-api-key' }
      },
      schemas: { Error: ERROR, Meta: META },
      responses: { Failed: failed() }
    }
  }
}

const domainOf = ({ name }: UnitDescription): string => name.split('.', 1)[0]!

function unitPath(unit: UnitDescription): [path: string, item: Json] {
  const { name, kind, summary, permission, input, output, examples = [] } = unit
  const path = `/api/v2/${kind}/${name}`
  const schema = rooted(input, path, 'requestBody/content/application~1json/schema')
  const place = 'responses/200/content/application~1json/schema/properties/data'
  const named = Object.fromEntries(examples.map(({ input: value }, n) => [`example_${n + 1}`, { value }]))
  const operation = {
    ...{ operationId: name, summary, tags: [domainOf(unit)], 'x-permission': permission },
    parameters: UNIT_PARAMETERS,
    requestBody: {
      content: { 'application/json': { schema, ...(examples.length > 0 && { examples: named }) } }
    },
    responses: {
      200: { description: 'The answer', content: json(envelope(rooted(output, path, place))) },
      default: FAILED
    }
  }
  return [path, { post: operation }]
}

/** References of a schema lead to its own root, which in the document is elsewhere. */
function rooted(schema: object, path: string, place: string): Json {
  const root = `#/paths/${path.replaceAll('/', '~1')}/post/${place}`
  return JSON.parse(JSON.stringify(schema), (key, value) =>
    key === '$ref' && typeof value === 'string' && value.startsWith('#') ? root + value.slice(1) : value
  ) as Json
}

function fixedPaths(): Json {
  const operation = (path: string, method: string, summary: string) => ({
    ...{ operationId: `${method} ${path}`, summary },
    parameters: [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({
      ...{ name, in: 'path', required: true, schema: { type: 'string' } }
    })),
    ...(method === 'post' && { requestBody: { content: json({ type: 'object' }) } }),
    responses: { 200: { description: summary }, default: FAILED }
  })
  return Object.fromEntries(
    Object.entries(ROUTES).map(([path, methods]) => [
      path,
      Object.fromEntries(
        Object.entries(methods).map(([method, summary]) => [method, operation(path, method, summary)])
      )
    ])
  )
}

const failed = () => ({
  description: 'An error: decide by its code',
  content: json({
    type: 'object',
    required: ['success', 'data', 'error', 'meta'],
    properties: {
      ...{ success: { const: false }, data: { type: 'null' }, error: { $ref: '#/components/schemas/Error' } },
      meta: META_REF
    }
  })
})
