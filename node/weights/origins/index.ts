/** Origins: places outside the mesh that models come from, by the refs that people write. */

import type { Environment } from '../../../storage/home/home-path.ts'
import type { HttpClient } from './http-client.ts'
import { HttpFile } from './http-file.ts'
import { HuggingFace } from './hugging-face.ts'
import { Ipfs } from './ipfs.ts'
import { ModelScope } from './model-scope.ts'
import { Ollama } from './ollama.ts'
import type { Origin } from './origin.ts'
import type { OriginRef } from './refs.ts'
import { hfUrl, type OriginSettings, readToken } from './settings.ts'

export { download } from './download.ts'
export { HttpClient } from './http-client.ts'
export type { LeafTarget } from './leaf-sink.ts'
export { keyOf, obtainFile } from './obtain.ts'
export type { Listing, Origin, OriginFile, RepositoryParts } from './origin.ts'
export { type HubRef, type ModelRef, nameOf, type OriginRef, parseRef, refText } from './refs.ts'
export { retrying } from './retry.ts'
export { searchHub } from './search.ts'
export { type OriginSettings, originSettings } from './settings.ts'

export interface OriginComponents {
  readonly client: HttpClient
  readonly settings: OriginSettings
  /** Of it, `HF_ENDPOINT` and `HF_TOKEN` count. */
  readonly env: Environment
  /** Of this device: which variant of a model is taken depends on it. */
  readonly memoryBytes: number
}

export function originOf(ref: OriginRef, { client, settings, env, memoryBytes }: OriginComponents): Origin {
  switch (ref.kind) {
    case 'hf': {
      const token = () => readToken(settings.hfTokenFile, env.HF_TOKEN)
      return new HuggingFace(ref, { client, url: hfUrl(settings, env), memoryBytes, token })
    }
    case 'ms': {
      const token = () => readToken(settings.msTokenFile, undefined)
      return new ModelScope(ref, { client, url: settings.ms, memoryBytes, token })
    }
    case 'ollama':
      return new Ollama(ref, { client, url: settings.ollama })
    case 'ipfs':
      return new Ipfs(ref, client.clock)
    default:
      return new HttpFile(ref, client)
  }
}
