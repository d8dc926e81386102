/** The mesh at one moment, as it is shown. Texts are those of other devices, as they came. */

export interface DeviceRow {
  readonly peerId: string
  readonly name: string
  readonly role: string
  readonly state: 'this' | 'online' | 'offline' | 'duplicated' | 'drained' | 'yields'
  readonly path: string | null
  readonly rttMs: number | null
  /** From 0 to 1; null where the device does not tell. */
  readonly load: number | null
  /** Earlier loads, the last one at the end. */
  readonly loads: readonly number[]
  readonly memoryUsed: number | null
  readonly memoryTotal: number | null
  readonly models: readonly string[]
  readonly running: number | null
  readonly queued: number | null
}

export interface ModelRow {
  readonly id: string
  readonly type: string
  readonly status: string
  readonly size: number | null
  readonly devices: readonly string[]
  readonly tokensPerSecond: number | null
}

export interface RequestRow {
  readonly requestId: string
  readonly model: string | null
  readonly task: string
  readonly device: string | null
  /** `running`, `answered`, or the code of its failure. */
  readonly state: string
  /** Until now, where it is under way. */
  readonly durationMs: number
  readonly firstChunkMs: number | null
  readonly chunks: number
}

export interface Snapshot {
  readonly mesh: string
  readonly name: string
  readonly version: string
  readonly devices: readonly DeviceRow[]
  readonly models: readonly ModelRow[]
  /** Of this node, the newest first. */
  readonly requests: readonly RequestRow[]
}
