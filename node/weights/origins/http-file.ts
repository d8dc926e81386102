/** One file of any HTTP server. It has no hash but what the server may state, so its size and ETag name it. */

import { InvalidInputError, ProtocolViolationError } from '../../../interface/errors.ts'
import { refusalOf } from './answer.ts'
import { versionOf } from './download.ts'
import type { HttpAnswer, HttpClient } from './http-client.ts'
import { checkListing, checkTaken } from './listing.ts'
import type { Listing, ListOptions, Origin } from './origin.ts'
import { lastOf, nameOf, type UrlRef } from './refs.ts'

const SHA256 = /^"?([0-9a-f]{64})"?$/

export class HttpFile implements Origin {
  readonly #ref: UrlRef
  readonly #client: HttpClient

  constructor(ref: UrlRef, client: HttpClient) {
    this.#ref = ref
    this.#client = client
  }

  async list({ signal }: ListOptions = {}): Promise<Listing> {
    const { url } = this.#ref
    const name = nameOf(this.#ref)
    const path = lastOf(new URL(url).pathname)
    if (name === undefined || path === '')
      throw new InvalidInputError(
        `${new URL(url).host} is asked for no file: the address ends without a name.`
      )
    // Signed addresses answer no HEAD.
    const answer = await this.#client.get(url, signal ? { signal } : {})
    if (answer.status !== 200) throw refusalOf(answer, path, this.#client.clock)
    answer.body.destroy()
    if (/^text\/html\b/i.test(answer.headers['content-type'] ?? ''))
      throw new InvalidInputError(`${answer.url.host} answers with a page, and no file.`, {
        hint: 'For a repository of a hub, give hf:OWNER/NAME or ms:OWNER/NAME.'
      })
    const file = { path, url, ...factsOf(answer) }
    checkListing([file])
    checkTaken([file])
    return {
      name,
      revision: file.sha256 ?? file.version ?? String(file.bytes),
      host: new URL(url).host,
      files: [file],
      leftOut: 0
    }
  }
}

function factsOf(answer: HttpAnswer): { bytes: number; sha256?: string; version?: string } {
  const { headers, originHeaders, url } = answer
  const length = headers['content-length']
  if (length === undefined) throw new ProtocolViolationError(`${url.host} does not say how long the file is.`)
  // Hubs of Hugging Face state the hash where they redirect to what delivers.
  const sha256 = SHA256.exec(String(originHeaders['x-linked-etag'] ?? ''))?.[1]
  const version = versionOf(answer)
  return {
    bytes: Number((sha256 && originHeaders['x-linked-size']) ?? length),
    ...(sha256 !== undefined && { sha256 }),
    ...(sha256 === undefined && version !== undefined && { version })
  }
}
