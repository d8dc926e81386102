/** Repositories of ModelScope, which networks in China reach faster. */

import * as z from 'zod'
import { LumosError } from '../../../interface/errors.ts'
import { getJson } from './answer.ts'
import { type HubComponents, listingOf } from './hub.ts'
import type { Entry } from './listing.ts'
import { type Listing, type ListOptions, type Origin, weightsInvalid } from './origin.ts'
import { type HubRef, nameOf } from './refs.ts'

const DEFAULT_REVISION = 'master'

const Files = z.object({
  Success: z.boolean().optional(),
  Message: z.string().optional(),
  Data: z
    .object({
      Files: z
        .array(
          z.object({
            Path: z.string(),
            Size: z.number(),
            Sha256: z.string().nullish(),
            Type: z.string().max(32).optional()
          })
        )
        .nullish()
    })
    .nullish()
})

export class ModelScope implements Origin {
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
    const { url, client } = this.#components
    const { owner, name, revision = DEFAULT_REVISION } = this.#ref
    const id = `${owner}/${name}`
    const query = new URLSearchParams({ Revision: revision, Recursive: 'true' })
    const { value } = await getJson(client, `${url}/api/v1/models/${id}/repo/files?${query}`, {
      ...{ schema: Files, what: id, token: await this.token() },
      ...(options.signal && { signal: options.signal })
    })
    const files = value.Data?.Files
    if (value.Success === false || files == null)
      throw new LumosError('MODEL_NOT_FOUND', `${new URL(url).host} has no ${id}@${revision}.`)
    const entries = files.flatMap(({ Path, Size, Sha256, Type = 'blob' }): Entry[] => {
      if (Type === 'tree') return []
      if (Type !== 'blob')
        throw weightsInvalid(
          `The listing is refused for ${JSON.stringify(Path.slice(0, 120))}: it is a ${JSON.stringify(Type)}`
        )
      return [{ path: Path, bytes: Size, ...(Sha256 && { sha256: Sha256 }) }]
    })
    return listingOf({
      ...{ entries, ref: this.#ref, options, revision },
      name: nameOf(this.#ref) ?? id,
      ...this.#components,
      addressOf: path =>
        `${url}/models/${id}/resolve/${encodeURIComponent(revision)}/${path.split('/').map(encodeURIComponent).join('/')}`
    })
  }
}
