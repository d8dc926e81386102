/** What there is to call: the units, with their schemas. */

import { createHash } from 'node:crypto'
import { Hono } from 'hono'
import type { AppComponents, AppEnv } from './app-env.ts'
import { JSON_HEADERS } from './envelope.ts'
import { toJson } from './json-answer.ts'

interface Listing {
  /** What it was made of, to be made again when there is another. */
  readonly items: readonly object[]
  readonly body: string
  readonly etag: string
}

export function listingRoutes({ units }: Pick<AppComponents, 'units'>): Hono<AppEnv> {
  const routes = new Hono<AppEnv>()
  let kept: Listing | undefined

  routes.get('/units', c => {
    const items = units.list()
    if (kept?.items !== items) kept = listingOf(items)
    const { body, etag } = kept
    // To be kept, and asked for again each time: it changes with the version of the node.
    const headers = { 'cache-control': 'private, no-cache', etag }
    const known = c.req.header('if-none-match')?.split(/\s*,\s*/)
    if (known?.includes(etag)) return new Response(null, { status: 304, headers })
    return new Response(body, { headers: { ...JSON_HEADERS, ...headers } })
  })

  return routes
}

function listingOf(items: readonly object[]): Listing {
  const body = toJson({ items })
  return { items, body, etag: `"${createHash('sha256').update(body).digest('base64url')}"` }
}
