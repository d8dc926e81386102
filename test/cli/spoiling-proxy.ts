/** Another server's faults: the answers of a good one, changed on their way. */

import { once } from 'node:events'
import { createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'

export interface Spoiled {
  readonly status: number
  readonly type: string
  readonly text: string
}
/** @param asked the body of the request. */
export type Spoil = (answer: Spoiled, asked: string) => Partial<Spoiled>

/** Answers go on although their client has left. */
export const HOLD = 'hold'

export const swap =
  (from: string | RegExp, to: string): Spoil =>
  ({ text }) => ({ text: text.replaceAll(from, to) })
export const status =
  (from: number, to: number): Spoil =>
  answer => ({ status: answer.status === from ? to : answer.status })
export const refusing =
  (words: string): Spoil =>
  (_, asked) =>
    asked.includes(words) ? { status: 400 } : {}

export async function startSpoilingProxy(upstream: string) {
  let spoil: Spoil | typeof HOLD = () => ({})
  const leaving = new AbortController()
  const server = createServer(async (asked, answer) => {
    const body = await text(asked)
    const { host: _, connection: __, ...headers } = asked.headers
    const { signal } = leaving
    const forward = request(`${upstream}${asked.url}`, {
      method: asked.method,
      headers,
      signal,
      agent: false
    })
    forward.on('error', () => answer.destroy()).end(body)
    const [given] = (await once(forward, 'response').catch(() => [])) as [
      import('node:http').IncomingMessage?
    ]
    if (given === undefined) return
    if (spoil === HOLD) {
      answer.writeHead(given.statusCode!, given.headers)
      given.on('data', data => answer.write(data)).on('end', () => answer.end())
      given.on('error', () => answer.destroy())
      return
    }
    const type = given.headers['content-type'] ?? ''
    const good = { status: given.statusCode!, type, text: await text(given) }
    const bad = { ...good, ...spoil(good, body) }
    const { 'content-length': ___, 'transfer-encoding': ____, ...kept } = given.headers
    answer.writeHead(bad.status, { ...kept, ...(bad.type && { 'content-type': bad.type }) }).end(bad.text)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    spoil(next: Spoil | typeof HOLD) {
      spoil = next
    },
    [Symbol.dispose]() {
      leaving.abort()
      server.closeAllConnections()
      server.close()
    }
  }
}
