/**
 * What asking a peer costs: one figure, the expected time of its answer, and what it is made of. To change how peers are
 * compared, change `costOf`. A policy turns figures into an order: `policies.ts`.
 */

import type { Capability, Manifest, Speed } from '../../interface/manifest.ts'
import type { Asking } from './asking.ts'
import type { TrackRecord } from './track-record.ts'

/** Guess for a peer that was not measured: between a classifier (1 ms) and a language model (1 s). */
const FIRST_CHUNK_UNMEASURED_MS = 100
/** Loading a model from disk takes a second or two on ordinary machines. */
export const COLD_MS = 1500
/** Guess for the way to a peer whose round trip is not known yet: a busy Wi-Fi. */
const ROUND_TRIP_UNMEASURED_MS = 20
/** Dialing first costs about ten round trips with its handshakes. */
export const DIAL_ROUND_TRIPS = 10
/** Guess for the time of a piece where no peer of the request was measured: 33 tokens a second. */
const PIECE_UNMEASURED_MS = 30
/** A device that yields goes on after half a minute at the earliest. */
const YIELDING_MS = 30_000
/** A small device reads about 500 tokens of a prompt in a second, of four characters each. */
const CHARS_READ_PER_MS = 2

/** A peer that offers what is wanted. */
export interface Candidate {
  readonly peerId: string
  readonly name: string
  readonly local: boolean
  readonly connected: boolean
  /** Round trip to the peer; `null` while unknown. */
  readonly rttMs: number | null
  readonly capability: Capability
  readonly device?: Device
  /** It sleeps, and is asked once it was woken, which is expected to take so long. Absent: it need not be. */
  readonly wakeMs?: number
}

/** What a device says of itself. It orders devices that are about equal otherwise. */
export interface Device {
  /** 0: a board or an old computer. 1: an ordinary computer. 2: one with a graphics processor or the like. */
  readonly tier: 0 | 1 | 2
  readonly onBattery: boolean
  /** It refuses requests of others for the sake of its user. */
  readonly yielding?: true
}

/** With fewer cores or less memory a computer is a small one. */
const ORDINARY_CORES = 4
const ORDINARY_BYTES = 8 * 1000 ** 3

export function deviceOf({
  hardware,
  onBattery = false,
  yielding = false
}: Pick<Manifest, 'hardware' | 'onBattery' | 'yielding'>): Device {
  const { cores, memoryBytes, accelerators } = hardware
  const isOrdinary = cores >= ORDINARY_CORES && memoryBytes >= ORDINARY_BYTES
  return { tier: accelerators.length > 0 ? 2 : isOrdinary ? 1 : 0, onBattery, ...(yielding && { yielding }) }
}

/** This device always answers itself. */
export const yieldsToUser = ({ device, local }: Candidate): boolean => !local && device?.yielding === true

export const namesOf = ({ peerId, name, local }: Candidate) =>
  ({ peerId, name, route: local ? 'local' : 'remote' }) as const

/** The same, with how it has done for us. */
export interface RankedCandidate extends Candidate {
  readonly record: TrackRecord
}

export interface CostPart {
  readonly reason: string
  readonly ms: number
}

export interface Ranked {
  readonly candidate: RankedCandidate
  readonly costMs: number
  /** What the cost is made of, for people who ask why. */
  readonly parts: readonly CostPart[]
}

/**
 * What each of them costs. Peers that failed too often lately are left out, unless no other is there: a poor chance
 * beats none.
 */
export function costsOf(candidates: readonly RankedCandidate[], asking: Asking, nowMs: number): Ranked[] {
  const trusted = candidates.filter(({ record }) => record.ejectedUntilMs <= nowMs)
  const able = trusted.some(({ wakeMs }) => wakeMs === undefined) ? trusted : candidates
  const common = { nowMs, asking, pieceMs: usualPieceMs(able), charsKnown: mostKnown(able, asking) }
  return able.map(candidate => ({ candidate, ...costOf(candidate, common) }))
}

interface Common {
  readonly nowMs: number
  readonly asking: Asking
  readonly pieceMs: number
  /** The most that one of them has read of the conversation. */
  readonly charsKnown: number
}

function costOf(candidate: RankedCandidate, common: Common): Omit<Ranked, 'candidate'> {
  const { capability, record, local, connected, peerId } = candidate
  const { nowMs, asking, pieceMs, charsKnown } = common
  const parts: CostPart[] = []
  const add = (reason: string, ms: number) => parts.push({ reason, ms })
  if (candidate.wakeMs !== undefined) add('sleeps, and has to be woken', candidate.wakeMs)

  // A measured peer's figure holds the way there; a claim or a guess does not.
  const measured = record.firstChunkMs !== undefined
  const { speed } = capability
  const workMs = record.firstChunkMs ?? speed?.firstChunkMs ?? FIRST_CHUNK_UNMEASURED_MS
  add(measured ? 'measured first chunk' : speed ? 'stated first chunk' : 'not measured yet', workMs)
  const writesMs = asking.pieces * (record.pieceMs ?? statedPieceMs(speed) ?? pieceMs)
  if (writesMs > 0) add('writes the answer', writesMs)
  if (record.inFlight > 0) {
    add('our requests under way there', ((workMs + writesMs) * record.inFlight) / capability.slots)
  }
  if (!capability.warm && !measured) add('model not loaded', COLD_MS)
  const unreadChars = charsKnown - (asking.known.get(peerId) ?? 0)
  if (unreadChars > 0) add('reads the conversation anew', unreadChars / CHARS_READ_PER_MS)
  if (!local) {
    const roundTripMs = candidate.rttMs ?? ROUND_TRIP_UNMEASURED_MS
    if (!measured) add('round trip', roundTripMs)
    if (!connected) add('not connected', roundTripMs * DIAL_ROUND_TRIPS)
  }
  if (yieldsToUser(candidate)) add('yields to its user', YIELDING_MS)
  if (record.busyUntilMs > nowMs) add('refused us lately', record.busyUntilMs - nowMs)

  return { costMs: parts.reduce((sum, { ms }) => sum + ms, 0), parts }
}

/** A piece of an answer is about a token. */
const statedPieceMs = (speed: Speed | undefined): number | undefined =>
  speed?.tokensPerSecond === undefined ? undefined : 1000 / speed.tokensPerSecond

/** What a peer that was not measured, itself included, is taken for: as fast as the fastest that was. So it is tried. */
const usualPieceMs = (candidates: readonly RankedCandidate[]): number =>
  candidates.reduce(
    (least, { record }) => Math.min(least, record.pieceMs ?? PIECE_UNMEASURED_MS),
    PIECE_UNMEASURED_MS
  )

const mostKnown = (candidates: readonly RankedCandidate[], asking: Asking): number =>
  candidates.reduce((most, { peerId }) => Math.max(most, asking.known.get(peerId) ?? 0), 0)
