/**
 * A server that answers as the hubs do: Hugging Face with its pages and its redirect to a second host, ModelScope, an
 * Ollama registry and plain files. It counts the bytes of files that it sends, and misbehaves when a test says so.
 */

import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'

export const COMMIT = '0123456789abcdef0123456789abcdef01234567'
const PART_BYTES = 64 * 1024

/** What happens to one answer with a file. */
export interface Twist {
  readonly status?: number
  readonly headers?: Record<string, string>
  /** The connection ends after so many bytes of the body. */
  readonly cutAfter?: number
  /** After so many bytes, nothing more comes. */
  readonly silentAfter?: number
  /** The whole file, whatever was asked for. */
  readonly ignoreRange?: boolean
  /** Between two parts of 64 KiB: a slow link. */
  readonly pauseMs?: number
  /** Bytes without end follow, and no length is stated. */
  readonly endless?: boolean
  /** This byte of the file is another. */
  readonly flip?: number
  /** A header about another range than the one that comes. */
  readonly contentRange?: string
}

export interface Seen {
  readonly path: string
  readonly headers: IncomingMessage['headers']
}

export interface HubFile {
  bytes: Buffer
  etag?: string
  /** Beside the repository's large files, those of Git have a SHA-1 only. */
  readonly git?: boolean
}

export const sha256 = (bytes: Uint8Array | string): string => createHash('sha256').update(bytes).digest('hex')
export const gitSha1 = (bytes: Uint8Array): string =>
  createHash('sha1').update(`blob ${bytes.byteLength}\0`).update(bytes).digest('hex')

export class FakeHub implements AsyncDisposable {
  /** By path in the repository `acme/tiny`. */
  readonly files = new Map<string, HubFile>()
  readonly seen: Seen[] = []
  /** Of files. */
  bytesSent = 0
  /** For the next answers with a file, one each. */
  readonly twists: Twist[] = []
  /** For each answer with a file. */
  always: Twist = {}
  /** Answers that go before all others. */
  answer: ((path: string, response: ServerResponse, request: IncomingMessage) => boolean) | undefined
  /** What the listing says instead of the truth. */
  listing: unknown[] | undefined
  pageSize = 1000
  /** Where `resolve` redirects to; absent: it answers itself. */
  cdn: string | undefined
  readonly #server: Server

  private constructor() {
    this.#server = createServer((request, response) => void this.#handle(request, response))
  }

  static async start(host = '127.0.0.1'): Promise<FakeHub> {
    const hub = new FakeHub()
    hub.#server.listen(0, host)
    await once(hub.#server, 'listening')
    return hub
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections()
    this.#server.close()
    await once(this.#server, 'close')
  }

  put(path: string, content: Buffer | string, more: Omit<HubFile, 'bytes'> = {}): Buffer {
    const bytes = Buffer.from(content)
    this.files.set(path, { bytes, ...more })
    return bytes
  }

  /** Requests for bytes of files. */
  get fetched(): Seen[] {
    return this.seen.filter(({ path }) => /\/(?:resolve|blobs|files|cdn)\//.test(path))
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = request.url!
    this.seen.push({ path, headers: request.headers })
    if (this.answer?.(path, response, request)) return
    const { pathname, searchParams } = new URL(path, this.url)
    const json = (value: unknown, headers: Record<string, string> = {}) => {
      response.writeHead(200, { 'content-type': 'application/json', ...headers })
      response.end(JSON.stringify(value))
    }
    if (pathname.startsWith('/api/models/acme/tiny/revision/')) return json({ id: 'acme/tiny', sha: COMMIT })
    if (pathname === `/api/models/acme/tiny/tree/${COMMIT}`) return this.#tree(searchParams, json)
    if (pathname === '/api/v1/models/acme/tiny/repo/files')
      return json({ Success: true, Data: { Files: this.#scope() } })
    if (pathname === '/v2/library/tiny/manifests/latest') return json({ layers: this.#layers() })
    const name = /^\/(?:acme\/tiny\/resolve\/[^/]+|models\/acme\/tiny\/resolve\/[^/]+|files|cdn)\/(.+)$/.exec(
      pathname
    )?.[1]
    const blob = /^\/v2\/library\/tiny\/blobs\/sha256:(.+)$/.exec(pathname)?.[1]
    const file =
      name === undefined
        ? [...this.files.values()].find(({ bytes }) => sha256(bytes) === blob)
        : this.files.get(decodeURIComponent(name))
    if (file === undefined) return void response.writeHead(404).end('no such file')
    if (this.cdn !== undefined && !pathname.startsWith('/cdn/')) {
      const headers = { location: `${this.cdn}/cdn/${name}`, 'x-linked-etag': `"${sha256(file.bytes)}"` }
      return void response.writeHead(302, { ...headers, 'x-linked-size': file.bytes.length }).end()
    }
    await this.#send(file, request, response)
  }

  #tree(query: URLSearchParams, json: (value: unknown, headers?: Record<string, string>) => void): void {
    const all =
      this.listing ??
      [...this.files].map(([path, { bytes, git }]) =>
        git
          ? { type: 'file', path, size: bytes.length, oid: gitSha1(bytes) }
          : {
              type: 'file',
              path,
              size: bytes.length,
              oid: 'x',
              lfs: { oid: sha256(bytes), size: bytes.length }
            }
      )
    const from = Number(query.get('cursor') ?? 0)
    const next = from + this.pageSize
    // As mirrors do: the link names another host than the one that was asked.
    const link = `<https://hub.invalid/api/models/acme/tiny/tree/${COMMIT}?recursive=true&cursor=${next}>; rel="next"`
    json(all.slice(from, next), next < all.length ? { link } : {})
  }

  #scope(): unknown[] {
    if (this.listing !== undefined) return this.listing
    const files = [...this.files].map(([Path, { bytes }]) => ({
      Path,
      Size: bytes.length,
      Sha256: sha256(bytes),
      Type: 'blob'
    }))
    return [{ Path: 'onnx', Size: 0, Sha256: '', Type: 'tree' }, ...files]
  }

  #layers(): unknown[] {
    return (
      this.listing ??
      [...this.files].map(([kind, { bytes }]) => ({
        mediaType: `application/vnd.ollama.image.${kind}`,
        digest: `sha256:${sha256(bytes)}`,
        size: bytes.length
      }))
    )
  }

  async #send(file: HubFile, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const twist = { ...this.always, ...this.twists.shift() }
    if (twist.status !== undefined && twist.status !== 200)
      return void response.writeHead(twist.status, twist.headers).end('refused')
    const bytes = Buffer.from(file.bytes)
    if (twist.flip !== undefined && twist.flip < bytes.length) bytes[twist.flip]! ^= 1
    const condition = request.headers['if-range']
    const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '') ?? []
    const ranged =
      first !== undefined && !twist.ignoreRange && (condition === undefined || condition === file.etag)
    if (ranged && Number(first) >= bytes.length)
      return void response.writeHead(416, { 'content-range': `bytes */${bytes.length}` }).end()
    const from = ranged ? Number(first) : 0
    const body = bytes.subarray(from, ranged ? Math.min(Number(last) + 1, bytes.length) : bytes.length)
    response.writeHead(ranged ? 206 : 200, {
      'content-type': 'application/octet-stream',
      ...(!twist.endless && { 'content-length': body.length }),
      ...(file.etag !== undefined && { etag: file.etag }),
      ...(ranged && {
        'content-range': twist.contentRange ?? `bytes ${from}-${from + body.length - 1}/${bytes.length}`
      }),
      ...twist.headers
    })
    for (let at = 0; at < body.length; at += PART_BYTES) {
      const end = Math.min(
        at + PART_BYTES,
        twist.cutAfter ?? body.length,
        twist.silentAfter ?? body.length,
        body.length
      )
      if (twist.pauseMs !== undefined) await wait(twist.pauseMs)
      if (end > at && !(await this.#write(response, body.subarray(at, end)))) return
      if (end === twist.cutAfter) return void response.destroy()
      if (end === twist.silentAfter) return
    }
    if (!twist.endless) return void response.end()
    while (await this.#write(response, Buffer.alloc(PART_BYTES))) {}
  }

  /** @returns whether the client is still there. */
  async #write(response: ServerResponse, part: Buffer): Promise<boolean> {
    if (response.destroyed) return false
    this.bytesSent += part.length
    const { promise, resolve } = Promise.withResolvers<void>()
    response.write(part, () => resolve())
    await promise
    return !response.destroyed
  }
}
