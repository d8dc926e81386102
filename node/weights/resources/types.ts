/** What a configuration of resources says, in one form. */

export type Runtime = 'torch' | 'onnx' | 'rknn'

export interface ModelWanted {
  /** `NAME`, which is Lumen's own on either hub, or `OWNER/NAME`. */
  readonly model: string
  readonly runtime: Runtime
  /** Of the runtime `rknn`. */
  readonly device?: string
  readonly dataset?: string
}

export interface ServiceWanted {
  readonly name: string
  readonly enabled: boolean
  /** By alias. */
  readonly models: ReadonlyMap<string, ModelWanted>
  readonly defaultModel: string | undefined
  readonly env: Readonly<Record<string, string>>
}

export interface ResourceConfiguration {
  readonly version: string | undefined
  /** `cn`: ModelScope; `other`: Hugging Face. */
  readonly region: 'cn' | 'other'
  /** As it is written. */
  readonly cacheDir: string
  readonly services: readonly ServiceWanted[]
}
