/** What virtual nodes say to each other on a connection, as values: codecs have tests of their own. */

import type { ErrorCode } from '../../interface/errors.ts'
import type { SignedManifest } from '../../interface/manifest.ts'
import type { ManifestVersion } from '../../node/manifests/provider-core.ts'
import type { ProvenRevocation } from '../../node/membership/removals.ts'

export type Message =
  | { readonly type: 'hello'; readonly manifest: SignedManifest; readonly digest: string }
  | { readonly type: 'pull'; readonly versions: readonly ManifestVersion[] }
  | { readonly type: 'manifests'; readonly items: readonly { signed: SignedManifest; ageMs: number }[] }
  | { readonly type: 'pull-revocations'; readonly digest: string }
  | { readonly type: 'revocations'; readonly items: readonly ProvenRevocation[] }
  | CallMessage

/** A call is a request as one peer sees it; its number is the asker's. */
export type CallMessage =
  | {
      readonly type: 'call'
      readonly call: number
      readonly request: number
      readonly model: string
      readonly budgetMs: number
      /** Chunks that the asker has already, from others. */
      readonly from: number
    }
  | {
      readonly type: 'chunk'
      readonly call: number
      readonly index: number
      readonly text: number
      readonly last: boolean
    }
  | {
      readonly type: 'error'
      readonly call: number
      readonly code: ErrorCode
      readonly retryAfterMs: number | undefined
    }
  | { readonly type: 'cancel'; readonly call: number }

/** What a whole answer to a request is, wherever it is computed: the oracle that answers are held against. */
export const chunksOf = (request: number): number => 1 + ((Math.imul(request + 1, 0x9e3779b1) >>> 16) % 12)
export const textOf = (request: number, index: number): number =>
  Math.imul(request + 1, 0x85ebca6b) ^ Math.imul(index + 1, 0xc2b2ae35)
