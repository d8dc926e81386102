/** Models of the hub by words of their names. */

import * as z from 'zod'
import type { AbortOptions } from '../../../interface/lifecycle.ts'
import type { FoundModel } from '../../../interface/weights.ts'
import type { Environment } from '../../../storage/home/home-path.ts'
import { getJson } from './answer.ts'
import type { HttpClient } from './http-client.ts'
import { hfUrl, type OriginSettings, readToken } from './settings.ts'

const FOUND_DEFAULT = 20
const ID = /^[A-Za-z0-9][\w.-]{0,95}\/[A-Za-z0-9][\w.-]{0,95}$/

const Found = z.array(
  z.object({
    id: z.string(),
    pipeline_tag: z.string().max(64).nullish(),
    downloads: z.int().nullish()
  })
)

export interface SearchComponents {
  readonly client: HttpClient
  readonly settings: OriginSettings
  readonly env: Environment
}

/** The most downloaded first, as the hub counts. @throws {LumosError} `ORIGIN_FAILED`, `PROTOCOL_VIOLATION`, … */
export async function searchHub(
  words: string,
  { client, settings, env }: SearchComponents,
  { limit = FOUND_DEFAULT, signal }: AbortOptions & { limit?: number } = {}
): Promise<FoundModel[]> {
  const query = new URLSearchParams({
    search: words,
    limit: String(limit),
    sort: 'downloads',
    direction: '-1'
  })
  const { value } = await getJson(client, `${hfUrl(settings, env)}/api/models?${query}`, {
    ...{ schema: Found, what: `models called "${words}"` },
    token: await readToken(settings.hfTokenFile, env.HF_TOKEN),
    ...(signal && { signal })
  })
  // A hub may send more than it was asked for, and ids that no pull takes.
  return value
    .filter(({ id }) => ID.test(id))
    .slice(0, limit)
    .map(({ id, pipeline_tag: type, downloads }) => ({
      ref: `hf:${id}`,
      type: type ?? null,
      downloads: downloads ?? null
    }))
}
