/** Models of an Ollama registry: layers by their SHA-256, of which one is a GGUF file. */

import { createHash } from 'node:crypto'
import * as z from 'zod'
import { getJson } from './answer.ts'
import type { HttpClient } from './http-client.ts'
import { checkListing, checkTaken } from './listing.ts'
import { type Listing, type ListOptions, type Origin, weightsInvalid } from './origin.ts'
import { nameOf, type OllamaRef } from './refs.ts'

const ACCEPT = 'application/vnd.docker.distribution.manifest.v2+json'
const KIND = 'application/vnd.ollama.image.'
/** Today's have fewer than ten. */
const LAYERS_MAX = 64
/** What layers are called here. Others say how Ollama shows them. */
const NAMES: Readonly<Record<string, string>> = {
  model: 'model.gguf',
  projector: 'mmproj.gguf',
  adapter: 'adapter.gguf',
  template: 'template.txt',
  system: 'system.txt',
  params: 'params.json',
  messages: 'messages.json',
  license: 'LICENSE'
}

const Manifest = z.object({
  layers: z
    .array(
      z.object({
        mediaType: z.string().max(128),
        digest: z.string().regex(/^sha256:[0-9a-f]{64}$/),
        size: z.number()
      })
    )
    .max(LAYERS_MAX)
})

export interface OllamaComponents {
  readonly client: HttpClient
  readonly url: string
}

export class Ollama implements Origin {
  readonly #ref: OllamaRef
  readonly #components: OllamaComponents

  constructor(ref: OllamaRef, components: OllamaComponents) {
    this.#ref = ref
    this.#components = components
  }

  async list({ signal }: ListOptions = {}): Promise<Listing> {
    const { url, client } = this.#components
    const { name, tag } = this.#ref
    const base = `${url}/v2/${name.includes('/') ? name : `library/${name}`}`
    const { value, text } = await getJson(client, `${base}/manifests/${encodeURIComponent(tag)}`, {
      ...{ schema: Manifest, what: `${name}:${tag}`, headers: { accept: ACCEPT } },
      ...(signal && { signal })
    })
    const counts = new Map<string, number>()
    const files = value.layers.flatMap(({ mediaType, digest, size: bytes }) => {
      const known = mediaType.startsWith(KIND) ? NAMES[mediaType.slice(KIND.length)] : undefined
      if (known === undefined) return []
      const count = (counts.get(known) ?? 0) + 1
      counts.set(known, count)
      // Licences are several at times.
      const path = count === 1 ? known : known.replace(/(\.\w+)?$/, `-${count}$1`)
      return [{ path, bytes, sha256: digest.slice('sha256:'.length), url: `${base}/blobs/${digest}` }]
    })
    if (counts.get('model.gguf') !== 1)
      throw weightsInvalid(
        `${name}:${tag} has ${counts.get('model.gguf') ?? 0} layers of a model, and one is needed`
      )
    checkListing(files)
    checkTaken(files)
    return {
      name: nameOf(this.#ref) ?? name,
      revision: createHash('sha256').update(text).digest('hex'),
      host: new URL(url).host,
      files,
      leftOut: value.layers.length - files.length
    }
  }
}
