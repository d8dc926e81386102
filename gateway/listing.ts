/** What there is to call: the units with their schemas, and all routes in OpenAPI. */

import { createHash } from 'node:crypto'
import { type Context, Hono } from 'hono'
import type { UnitDescription } from '../units/description.ts'
import type { AppComponents, AppEnv } from './app-env.ts'
import { JSON_HEADERS } from './envelope.ts'
import { toJson } from './json-answer.ts'

interface Listing {
  /** What it was made of, to be made again when there is another. */
  readonly items: readonly UnitDescription[]
  readonly body: string
  readonly etag: string
}

type Make = (items: readonly UnitDescription[]) => object | Promise<object>

export function listingRoutes({ units }: Pick<AppComponents, 'units'>): Hono<AppEnv> {
  const routes = new Hono<AppEnv>()
  const listed = listing({ units }, items => ({ items }))
  const openapi = listing({ units }, async items => {
    const { openapiOf } = await import('./openapi.ts')
    return openapiOf(items, versionOf(items))
  })
  routes.get('/api/v2/units', c => {
    if (c.req.query('names') === undefined) return listed(c)
    return new Response(toJson({ names: units.names() }), { headers: JSON_HEADERS })
  })
  routes.get('/api/v2/openapi.json', openapi)
  routes.get('/openapi.json', openapi)
  return routes
}

function listing({ units }: Pick<AppComponents, 'units'>, make: Make) {
  let kept: Listing | undefined
  return async (c: Context<AppEnv>) => {
    const items = units.list()
    if (kept?.items !== items) kept = listingOf(items, await make(items))
    const { body, etag } = kept
    // To be kept, and asked for again each time: it changes with the version of the node.
    const headers = { 'cache-control': 'private, no-cache', etag }
    const known = c.req.header('if-none-match')?.split(/\s*,\s*/)
    if (known?.includes(etag)) return new Response(null, { status: 304, headers })
    return new Response(body, { headers: { ...JSON_HEADERS, ...headers } })
  }
}

function listingOf(items: readonly UnitDescription[], made: object): Listing {
  const body = toJson(made)
  return { items, body, etag: `"${digestOf(body)}"` }
}

/** Of the interface, which has no number of its own: another one where a unit is another. */
const versionOf = (items: readonly UnitDescription[]): string => `2-${digestOf(toJson(items)).slice(0, 8)}`

const digestOf = (text: string): string => createHash('sha256').update(text).digest('base64url')
