/**
 * The page of the node. Its files say nothing of the node, so they are given without a token; what the page then asks is
 * asked with its session, as any program asks.
 */

import { readdir, readFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import { gunzip } from 'node:zlib'
import { Hono } from 'hono'
import type { AppEnv } from './app-env.ts'
import { PAGE_PATHS } from './page-paths.ts'

/** Of the bundle. The source has none: there the page is made when it is first asked for. */
const BUILT = new URL('page/', import.meta.url)
/** Names no module to the bundler, which would take its own code in. */
const SOURCE = new URL('../web/bundle.ts', import.meta.url).href

const TYPES: Readonly<Record<string, string>> = {
  html: 'text/html; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  css: 'text/css; charset=utf-8',
  svg: 'image/svg+xml',
  webmanifest: 'application/manifest+json'
}

/** Nothing from elsewhere, no script or style but those of its files, in no frame, and no text becomes markup. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data: blob:",
  'media-src data: blob:',
  "connect-src 'self'",
  "manifest-src 'self'",
  "worker-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  // The one address of a script that the page names: its service worker's.
  'trusted-types lumos'
].join('; ')

const HEADERS = {
  'content-security-policy': POLICY,
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'cross-origin-opener-policy': 'same-origin',
  vary: 'accept-encoding'
} as const

/** By name; compressed. */
type Files = ReadonlyMap<string, Uint8Array<ArrayBuffer>>

export function pageRoutes(): Hono<AppEnv> {
  const routes = new Hono<AppEnv>()
  let files: Promise<Files> | undefined

  routes.get('*', async (c, next) => {
    // A port that was another program's serves what that program did.
    if (c.env.listener !== undefined || !PAGE_PATHS.test(c.req.path)) return next()
    files ??= readPage()
    const name = c.req.path === '/' ? 'index.html' : c.req.path.slice(1)
    const contents = (await files.catch(forget)).get(name)
    if (contents === undefined) return next()

    const zipped = /\bgzip\b/.test(c.req.header('accept-encoding') ?? '')
    const headers = {
      ...HEADERS,
      'content-type': TYPES[name.slice(name.lastIndexOf('.') + 1)]!,
      // The name of a script or a style holds a hash of it.
      'cache-control': name.startsWith('app-') ? 'public, max-age=31536000, immutable' : 'no-cache',
      ...(zipped && { 'content-encoding': 'gzip' })
    }
    return new Response(zipped ? contents : await promisify(gunzip)(contents), { headers })
  })

  /** A disk that failed once is read again for the next request. */
  function forget(err: unknown): never {
    files = undefined
    throw err
  }

  return routes
}

async function readPage(): Promise<Files> {
  const names = await readdir(BUILT).catch(() => undefined)
  if (names === undefined) {
    const { pageFiles }: { pageFiles(): Promise<Files> } = await import(SOURCE)
    return pageFiles()
  }
  const read = async (name: string) =>
    [name.replace(/\.gz$/, ''), await readFile(new URL(name, BUILT))] as const
  return new Map(await Promise.all(names.map(read)))
}
