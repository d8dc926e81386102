/** What a configuration of resources says, in one form. */

/** `external`: a program of the owner that is a model by itself, or opens what is made for it. */
export type Runtime = 'torch' | 'onnx' | 'rknn' | 'gguf' | 'external'

export interface ModelWanted {
  /** `NAME`, which is Lumen's own on either hub, or `OWNER/NAME`. */
  readonly model: string
  readonly runtime: Runtime
  /** Of the runtime `rknn`. */
  readonly device?: string
  readonly dataset?: string
  /** Of a node's own configuration: what `models pull` takes, the names of the devices that have it, and its batches. */
  readonly source?: string
  readonly region?: 'cn'
  readonly devices?: readonly string[]
  readonly batchSize?: number
  /** Weights of 8 bits are made of it here. */
  readonly optimization?: 'int8'
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
