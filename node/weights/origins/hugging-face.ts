/** Repositories of Hugging Face and its mirrors. A listing is of one commit, so that a pull that goes on is of the same files. */

import * as z from 'zod'
import { ProtocolViolationError } from '../../../interface/errors.ts'
import { getJson } from './answer.ts'
import { type HubComponents, listingOf } from './hub.ts'
import { ENTRIES_MAX, type Entry } from './listing.ts'
import { type Listing, type ListOptions, type Origin, weightsInvalid } from './origin.ts'
import { type HubRef, nameOf } from './refs.ts'

/** Of a thousand files each. */
const PAGES_MAX = 50
const COMMIT = /^[0-9a-f]{40}$/
const SHA256 = /^[0-9a-f]{64}$/

const Revision = z.object({ sha: z.string().regex(COMMIT) })
const Tree = z.array(
  z.object({
    type: z.string().max(32),
    path: z.string(),
    size: z.number().optional(),
    oid: z.string().optional(),
    lfs: z.object({ oid: z.string(), size: z.number() }).optional()
  })
)

export class HuggingFace implements Origin {
  readonly #ref: HubRef
  readonly #components: HubComponents

  constructor(ref: HubRef, components: HubComponents) {
    this.#ref = ref
    this.#components = components
  }

  async token(): Promise<string | undefined> {
    return await this.#components.token()
  }

  async list(options: ListOptions = {}): Promise<Listing> {
    const { url } = this.#components
    const { owner, name, revision = 'main' } = this.#ref
    const id = `${owner}/${name}`
    const what = revision === 'main' ? id : `${id}@${revision}`
    const token = await this.token()
    const api = `${url}/api/models/${id}`
    const { value } = await getJson(
      this.#components.client,
      `${api}/revision/${encodeURIComponent(revision)}`,
      {
        ...{ schema: Revision, what, token },
        ...(options.signal && { signal: options.signal })
      }
    )
    const entries = await this.#tree(`${api}/tree/${value.sha}?recursive=true`, what, token, options)
    return listingOf({
      ...{ entries, ref: this.#ref, options, revision: value.sha },
      name: nameOf(this.#ref) ?? id,
      ...this.#components,
      addressOf: path => `${url}/${id}/resolve/${value.sha}/${encoded(path)}`
    })
  }

  async #tree(
    first: string,
    what: string,
    token: string | undefined,
    { signal }: ListOptions
  ): Promise<Entry[]> {
    const entries: Entry[] = []
    let next: string | undefined = first
    for (let page = 0; next !== undefined; page++) {
      if (page === PAGES_MAX || entries.length > ENTRIES_MAX)
        throw weightsInvalid(`The listing of ${what} has more than ${page} pages or ${ENTRIES_MAX} files`)
      const { value, answer } = await getJson(this.#components.client, next, {
        ...{ schema: Tree, what, token },
        ...(signal && { signal })
      })
      for (const { type, path, size, oid, lfs } of value) {
        if (type === 'directory') continue
        if (type !== 'file')
          throw weightsInvalid(
            `The listing is refused for ${JSON.stringify(path.slice(0, 120))}: it is a ${JSON.stringify(type)}`
          )
        entries.push({
          path,
          bytes: lfs?.size ?? size ?? -1,
          ...(lfs !== undefined && { sha256: lfs.oid.replace(/^sha256:/, '') }),
          ...(lfs === undefined && oid !== undefined && !SHA256.test(oid) && { gitSha1: oid })
        })
      }
      next = nextPage(first, answer.headers.link)
    }
    return entries
  }
}

/** Asked of the hub that was named, whatever host the link has: mirrors pass on links of the hub they mirror. */
function nextPage(first: string, link: string | readonly string[] | undefined): string | undefined {
  const target = /<([^>]{1,4096})>\s*;\s*rel="?next"?/.exec(String(link ?? ''))?.[1]
  if (target === undefined) return undefined
  const base = new URL(first)
  if (!URL.canParse(target, first))
    throw new ProtocolViolationError(`${base.host} continues its listing nowhere.`)
  base.search = new URL(target, first).search
  return base.href
}

const encoded = (path: string): string => path.split('/').map(encodeURIComponent).join('/')
