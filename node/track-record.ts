/**
 * How each peer has done for us, model by model: what we measured overrules what
 * it claims.
 *
 * Pure bookkeeping over times that are passed in.
 */

/** Weight of a new sample. A fifth follows a peer that slows down within about five calls. */
const SAMPLE_WEIGHT = 0.2
/** As many failures in a row as Envoy's outlier detection takes: https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/outlier */
const FAILURES_TO_EJECT = 5
const EJECTION_MS = 30_000
const EJECTION_MS_MAX = 300_000
/** After this long without a call a measurement says little; the peer is treated as new and so tried again. */
const SAMPLE_LIFE_MS = 300_000
/** More pairs of peer and model than anyone talks to; the longest unused goes first. */
const RECORDS_MAX = 8192

export interface TrackRecord {
  /** Requests of ours under way. */
  readonly inFlight: number
  /** Smoothed time to the first chunk; absent while nothing recent was measured. */
  readonly firstChunkMs: number | undefined
  /** The peer said it is busy until then. */
  readonly busyUntilMs: number
  /** Failed too often in a row: not asked before then while others can be. */
  readonly ejectedUntilMs: number
}

interface Mutable {
  inFlight: number
  firstChunkMs: number | undefined
  sampledAtMs: number
  busyUntilMs: number
  ejectedUntilMs: number
  failuresInARow: number
  ejections: number
}

/** What became of one attempt. `overloaded` carries the peer's own estimate of when to come back. */
export type Outcome = 'answered' | 'cancelled' | 'failed' | { readonly overloadedMs: number }

export class TrackRecords {
  readonly #records = new Map<string, Mutable>()

  get(peerId: string, model: string, nowMs: number): TrackRecord {
    const record = this.#records.get(keyOf(peerId, model))
    if (record === undefined) return NO_RECORD
    const { inFlight, busyUntilMs, ejectedUntilMs } = record
    const recent = nowMs - record.sampledAtMs < SAMPLE_LIFE_MS
    return { inFlight, busyUntilMs, ejectedUntilMs, firstChunkMs: recent ? record.firstChunkMs : undefined }
  }

  begin(peerId: string, model: string): void {
    this.#open(peerId, model).inFlight++
  }

  firstChunk(peerId: string, model: string, elapsedMs: number, nowMs: number): void {
    const record = this.#open(peerId, model)
    const before = nowMs - record.sampledAtMs < SAMPLE_LIFE_MS ? record.firstChunkMs : undefined
    // A slower sample counts at once, a faster one gradually: better to avoid a
    // peer that just got slow than to praise one that was fast once.
    record.firstChunkMs =
      before === undefined || elapsedMs > before ? elapsedMs : before + SAMPLE_WEIGHT * (elapsedMs - before)
    record.sampledAtMs = nowMs
  }

  end(peerId: string, model: string, outcome: Outcome, nowMs: number): void {
    const record = this.#open(peerId, model)
    record.inFlight--
    if (outcome === 'answered') {
      record.failuresInARow = 0
      record.ejections = 0
    } else if (outcome === 'failed') {
      record.failuresInARow++
      if (record.failuresInARow < FAILURES_TO_EJECT) return
      record.failuresInARow = 0
      record.ejections++
      record.ejectedUntilMs = nowMs + Math.min(EJECTION_MS * record.ejections, EJECTION_MS_MAX)
    } else if (typeof outcome === 'object') {
      record.busyUntilMs = nowMs + outcome.overloadedMs
    }
  }

  #open(peerId: string, model: string): Mutable {
    const key = keyOf(peerId, model)
    const known = this.#records.get(key)
    if (known !== undefined) return known
    const record = { ...NO_RECORD, sampledAtMs: 0, failuresInARow: 0, ejections: 0 }
    this.#records.set(key, record)
    if (this.#records.size > RECORDS_MAX) this.#forgetOne()
    return record
  }

  #forgetOne(): void {
    for (const [key, record] of this.#records) {
      if (record.inFlight > 0) continue
      this.#records.delete(key)
      return
    }
  }
}

const NO_RECORD: TrackRecord = { inFlight: 0, firstChunkMs: undefined, busyUntilMs: 0, ejectedUntilMs: 0 }

/** Neither a PeerId nor a model id holds a space. */
const keyOf = (peerId: string, model: string): string => `${peerId} ${model}`
