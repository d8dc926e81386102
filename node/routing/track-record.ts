/**
 * How each peer has done for us, model by model: what we measured overrules what
 * it claims.
 *
 * Bookkeeping over times that are passed in: part of the router's state.
 */

/** Weight of a new sample. A fifth follows a peer that slows down within about five calls. */
const SAMPLE_WEIGHT = 0.2
/** As many failures in a row as Envoy's outlier detection takes: https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/outlier */
const FAILURES_TO_EJECT = 5
const EJECTION_MS = 30_000
const EJECTION_MS_MAX = 300_000
/** Wrong answers are worse than none: long enough for its owner to look after it. */
const DISTRUST_MS = 3_600_000
/** After this long without a call a measurement says little; the peer is treated as new and so tried again. */
const SAMPLE_LIFE_MS = 300_000
/** More pairs of peer and model than anyone talks to; the longest unused goes first. */
export const RECORDS_MAX = 8192

/** An answer of fewer pieces says little of speed. */
const PIECES_MIN = 8
/** One in so many first chunks takes longer than the slowest of the last so many: the 95th of a hundred. */
export const SAMPLES = 20

export interface TrackRecord {
  /** Requests of ours under way. */
  readonly inFlight: number
  /** Smoothed time to the first chunk; absent while nothing recent was measured. */
  readonly firstChunkMs: number | undefined
  /** The slowest of the last {@link SAMPLES} first chunks; absent while there are fewer. */
  readonly slowestFirstChunkMs?: number | undefined
  /** Smoothed time between two pieces of its answers; absent while nothing recent was measured. */
  readonly pieceMs?: number | undefined
  /** Of the last answer in pieces, by its peer's own count; for people, and not for the order. */
  readonly tokensPerSecond?: number | undefined
  /** The peer refused us, being busy or because of what we are: it is asked after the others until then. */
  readonly busyUntilMs: number
  /** Failed too often in a row: not asked before then while others can be. */
  readonly ejectedUntilMs: number
}

interface Entry {
  inFlight: number
  firstChunkMs: number | undefined
  /** The last first chunks, the oldest first. */
  samples: number[]
  pieceMs?: number | undefined
  tokensPerSecond?: number | undefined
  sampledAtMs: number
  busyUntilMs: number
  ejectedUntilMs: number
  failuresInARow: number
  ejections: number
}

/** What is known of an attempt that was answered. */
interface Answered {
  readonly peer: { readonly peerId: string; readonly capability: { readonly model: string } }
  readonly startedMs: number
  readonly firstChunkMs: number | undefined
  readonly received: number
}

/** By peer and model, the pair that was asked longest ago first. Part of the router's state, which alone changes it. */
export type TrackRecords = Map<string, Entry>

export const newTrackRecords = (): TrackRecords => new Map()

/** What became of one attempt. `awayMs` is how long a peer that refused is asked after the others. */
export type Outcome = 'answered' | 'cancelled' | 'failed' | { readonly awayMs: number }

export function recordOf(records: TrackRecords, peerId: string, model: string, nowMs: number): TrackRecord {
  const entry = records.get(keyOf(peerId, model))
  if (entry === undefined) return NO_RECORD
  const { inFlight, busyUntilMs, ejectedUntilMs, tokensPerSecond, samples } = entry
  const recent = nowMs - entry.sampledAtMs < SAMPLE_LIFE_MS
  return {
    ...{ inFlight, busyUntilMs, ejectedUntilMs, tokensPerSecond },
    firstChunkMs: recent ? entry.firstChunkMs : undefined,
    pieceMs: recent ? entry.pieceMs : undefined,
    slowestFirstChunkMs: recent && samples.length === SAMPLES ? Math.max(...samples) : undefined
  }
}

export function noteBegin(records: TrackRecords, peerId: string, model: string): void {
  const key = keyOf(peerId, model)
  const entry = records.get(key) ?? {
    ...NO_RECORD,
    samples: [],
    sampledAtMs: 0,
    failuresInARow: 0,
    ejections: 0
  }
  entry.inFlight++
  records.delete(key)
  records.set(key, entry)
  if (records.size > RECORDS_MAX) forgetOne(records)
}

/** What is noted of an attempt that began; one whose record is gone already says nothing. */
export function noteFirstChunk(
  records: TrackRecords,
  peerId: string,
  model: string,
  elapsedMs: number,
  nowMs: number
): void {
  const entry = records.get(keyOf(peerId, model))
  if (entry === undefined) return
  const before = nowMs - entry.sampledAtMs < SAMPLE_LIFE_MS ? entry.firstChunkMs : undefined
  // A slower sample counts at once, a faster one gradually: better to avoid a
  // peer that just got slow than to praise one that was fast once.
  entry.firstChunkMs =
    before === undefined || elapsedMs > before ? elapsedMs : before + SAMPLE_WEIGHT * (elapsedMs - before)
  // What is older than a measurement lives is of another time.
  if (before === undefined) entry.samples = []
  if (entry.samples.push(elapsedMs) > SAMPLES) entry.samples.shift()
  entry.sampledAtMs = nowMs
}

/** Of a whole answer. Its peer counts the tokens, and more than it can have made between two chunks are its own claim. */
export function noteSpeed(
  records: TrackRecords,
  { peer: { peerId, capability }, startedMs, firstChunkMs, received }: Answered,
  outputTokens: number | undefined,
  nowMs: number
): void {
  const entry = records.get(keyOf(peerId, capability.model))
  const ms = nowMs - startedMs - (firstChunkMs ?? 0)
  if (entry === undefined || received <= PIECES_MIN || ms <= 0) return
  const pieceMs = ms / (received - 1)
  entry.pieceMs =
    entry.pieceMs === undefined ? pieceMs : entry.pieceMs + SAMPLE_WEIGHT * (pieceMs - entry.pieceMs)
  if (outputTokens !== undefined) entry.tokensPerSecond = (outputTokens * 1000) / ms
}

export function noteEnd(
  records: TrackRecords,
  peerId: string,
  model: string,
  outcome: Outcome,
  nowMs: number
): void {
  const entry = records.get(keyOf(peerId, model))
  if (entry === undefined) return
  entry.inFlight--
  if (outcome === 'answered') {
    entry.failuresInARow = 0
    entry.ejections = 0
  } else if (outcome === 'failed') {
    // What was under way when it was ejected says nothing new. What is asked after that is a trial.
    if (nowMs < entry.ejectedUntilMs) return
    entry.failuresInARow++
    if (entry.failuresInARow < FAILURES_TO_EJECT && entry.ejections === 0) return
    entry.failuresInARow = 0
    entry.ejections++
    const awayMs = Math.min(EJECTION_MS * entry.ejections, EJECTION_MS_MAX)
    entry.ejectedUntilMs = Math.max(entry.ejectedUntilMs, nowMs + awayMs)
  } else if (typeof outcome === 'object') {
    entry.busyUntilMs = nowMs + outcome.awayMs
  }
}

/** Two others agreed against its answer. It is asked after the others for so long, and its next answers change nothing. */
export function noteDistrust(records: TrackRecords, peerId: string, model: string, nowMs: number): void {
  noteBegin(records, peerId, model)
  const entry = records.get(keyOf(peerId, model))!
  entry.inFlight--
  entry.ejectedUntilMs = Math.max(entry.ejectedUntilMs, nowMs + DISTRUST_MS)
}

function forgetOne(records: TrackRecords): void {
  for (const [key, { inFlight }] of records) {
    if (inFlight > 0) continue
    records.delete(key)
    return
  }
}

const NO_RECORD: TrackRecord = { inFlight: 0, firstChunkMs: undefined, busyUntilMs: 0, ejectedUntilMs: 0 }

/** Neither a PeerId nor a model id holds a space. */
const keyOf = (peerId: string, model: string): string => `${peerId} ${model}`
