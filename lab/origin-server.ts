/**
 * A hub of models outside of the mesh, in the form of Hugging Face. A program of its own, started by `weights.ts`:
 *
 *     node origin-server.ts PORT OPTIONS
 *
 * Its one repository has files of random bytes. It prints how many bytes of them it has sent, a line for each part.
 */

import { createHash, randomBytes } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { setTimeout as wait } from 'node:timers/promises'

/** What the program takes, as JSON. */
export interface OriginOptions {
  /** Bytes of each file, by its path. */
  readonly files: Readonly<Record<string, number>>
  /** Of each answer; as fast as it can where absent. */
  readonly bytesPerSecond?: number
}

/** What it prints. */
export interface OriginCount {
  readonly sent: number
}

export const ORIGIN_REPOSITORY = 'acme/tiny'
const COMMIT = '0123456789abcdef0123456789abcdef01234567'
const PART_BYTES = 64 * 1024

class OriginServer {
  readonly #files: ReadonlyMap<string, Buffer>
  readonly #bytesPerSecond: number
  #sent = 0

  constructor({ files, bytesPerSecond = Number.POSITIVE_INFINITY }: OriginOptions) {
    this.#files = new Map(Object.entries(files).map(([path, bytes]) => [path, randomBytes(bytes)]))
    this.#bytesPerSecond = bytesPerSecond
  }

  readonly answer = (request: IncomingMessage, response: ServerResponse): void => {
    const { pathname } = new URL(request.url!, 'http://origin')
    const api = `/api/models/${ORIGIN_REPOSITORY}`
    const listing =
      pathname === `${api}/revision/main`
        ? { sha: COMMIT }
        : pathname === `${api}/tree/${COMMIT}`
          ? this.#listing()
          : undefined
    if (listing !== undefined) return void response.end(JSON.stringify(listing))
    const folder = `/${ORIGIN_REPOSITORY}/resolve/${COMMIT}/`
    const file = pathname.startsWith(folder) ? this.#files.get(pathname.slice(folder.length)) : undefined
    if (file === undefined) return void response.writeHead(404).end()
    // A client that is killed is no failure of the origin.
    this.#send(file, request, response).catch(() => response.destroy())
  }

  #listing(): unknown[] {
    return [...this.#files].map(([path, bytes]) => ({
      ...{ type: 'file', path, size: bytes.length, oid: 'x' },
      lfs: { oid: createHash('sha256').update(bytes).digest('hex'), size: bytes.length }
    }))
  }

  async #send(file: Buffer, { headers }: IncomingMessage, response: ServerResponse): Promise<void> {
    const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(headers.range ?? '') ?? []
    const from = Number(first ?? 0)
    const body = file.subarray(from, last === undefined ? file.length : Number(last) + 1)
    response.writeHead(first === undefined ? 200 : 206, {
      'content-length': body.length,
      ...(first !== undefined && {
        'content-range': `bytes ${from}-${from + body.length - 1}/${file.length}`
      })
    })
    const beganMs = performance.now()
    for (let at = 0; at < body.length && !response.destroyed; at += PART_BYTES) {
      const part = body.subarray(at, at + PART_BYTES)
      const aheadMs = (at / this.#bytesPerSecond) * 1000 - (performance.now() - beganMs)
      if (aheadMs > 0) await wait(aheadMs)
      await new Promise<void>((resolve, reject) =>
        response.write(part, err => (err ? reject(err) : resolve()))
      )
      this.#sent += part.length
      const count: OriginCount = { sent: this.#sent }
      console.log(JSON.stringify(count))
    }
    response.end()
  }
}

if (import.meta.main) {
  const [port, options] = process.argv.slice(2)
  const { answer } = new OriginServer(JSON.parse(options!) as OriginOptions)
  createServer(answer).listen(Number(port), () => console.log(JSON.stringify({ sent: 0 })))
}
