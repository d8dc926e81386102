/** What hubs have in common: a listing becomes the files that are taken. */

import { chooseFiles } from './choose.ts'
import type { HttpClient } from './http-client.ts'
import { checkListing, checkTaken, type Entry } from './listing.ts'
import type { Listing, ListOptions } from './origin.ts'
import type { HubRef } from './refs.ts'

export interface HubComponents {
  readonly client: HttpClient
  /** Without a slash at its end. */
  readonly url: string
  readonly memoryBytes: number
  token(): Promise<string | undefined>
}

interface Listed extends Pick<HubComponents, 'url' | 'memoryBytes'> {
  readonly entries: readonly Entry[]
  readonly ref: HubRef
  readonly options: ListOptions
  readonly name: string
  readonly revision: string
  addressOf(path: string): string
}

export function listingOf({
  entries,
  ref,
  options,
  name,
  revision,
  url,
  memoryBytes,
  addressOf
}: Listed): Listing {
  checkListing(entries)
  const taken = chooseFiles(entries, { file: ref.file, all: options.all, parts: options.parts, memoryBytes })
  checkTaken(taken)
  return {
    name,
    revision,
    host: new URL(url).host,
    files: taken.map(({ path, bytes, sha256, gitSha1 }) => ({
      ...{ path, bytes, url: addressOf(path) },
      ...(sha256 !== undefined && { sha256 }),
      ...(gitSha1 !== undefined && { gitSha1 })
    })),
    leftOut: entries.length - taken.length
  }
}
