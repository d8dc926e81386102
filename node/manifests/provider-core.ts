/**
 * What each peer can do: the newest manifest of every peer, this node's own included, as a deterministic core.
 *
 * A manifest is believed for its `ttlMs`, counted from receipt on our monotonic
 * clock less the age it already had when another peer handed it on. The numbers
 * of a manifest outlive it, so that an old one never comes back: not after it
 * expired, and not after a restart.
 */

import { NO_EFFECTS, type Stepped } from '../../interface/core.ts'
import {
  type Capability,
  isCapability,
  type Manifest,
  type SignedManifest
} from '../../interface/manifest.ts'

/** Far above any private mesh; what a flood of identities can make us keep is bounded by it. */
export const PEERS_MAX = 4096

/** The admin that let a peer in; undefined for a peer that is not known as a member. */
export type IssuerOf = (peerId: string) => string | undefined

/** The number of the newest manifest of a peer: what two nodes compare to find what one lacks. */
export interface ManifestVersion {
  readonly peerId: string
  readonly epoch: number
  readonly sequence: number
}

/** What is known of one peer. */
interface Entry {
  readonly peerId: string
  epoch: number
  sequence: number
  hash: string
  /** Absent once equivocated, and for what is only remembered from an earlier run. */
  signed: SignedManifest | undefined
  /** On our clock, by the age it had when it reached us, as the peer that passed it on states it. */
  madeAtMs: number
  /** `remembered`: accepted by an earlier run, so that only its numbers bind us. */
  standing: 'received' | 'remembered' | 'equivocated'
}

export interface ProviderState {
  /** By peer. */
  readonly entries: Map<string, Entry>
  readonly issuerOf: IssuerOf
}

export type ProviderEvent =
  /** An earlier run had accepted this. */
  | { readonly type: 'remember'; readonly version: ManifestVersion & { readonly hash: string } }
  /** A manifest whose signature was proven came in, `ageMs` old. */
  | { readonly type: 'manifest'; readonly signed: SignedManifest; readonly ageMs: number }

export type Refusal = 'MANIFEST_STALE' | 'MANIFEST_EXPIRED' | 'MANIFEST_EQUIVOCATED'

/** No effect means that the manifest is the one we hold. */
export type ProviderEffect =
  /** It replaced what we had. */
  | { readonly type: 'news'; readonly signed: SignedManifest }
  | { readonly type: 'refuse'; readonly code: Refusal; readonly peerId: string; readonly why: string }

export const newProviders = (issuerOf: IssuerOf): ProviderState => ({ entries: new Map(), issuerOf })

/**
 * Changes `state` in place. A refused manifest changes nothing, except that a
 * second content under one number ends the trust in both.
 */
export function stepProviders(
  state: ProviderState,
  event: ProviderEvent,
  nowMs: number
): Stepped<ProviderState, ProviderEffect> {
  if (event.type === 'manifest') return { state, effects: accept(state, event.signed, event.ageMs, nowMs) }
  const { peerId, epoch, sequence, hash } = event.version
  state.entries.set(peerId, {
    ...{ peerId, epoch, sequence, hash, signed: undefined },
    ...{ madeAtMs: nowMs, standing: 'remembered' }
  })
  evict(state)
  return { state, effects: NO_EFFECTS }
}

function accept(
  state: ProviderState,
  signed: SignedManifest,
  ageMs: number,
  nowMs: number
): readonly ProviderEffect[] {
  const { entries } = state
  const { peerId, epoch, sequence, ttlMs } = signed.manifest
  const known = entries.get(peerId)
  if (!(ageMs < ttlMs)) return refuse('MANIFEST_EXPIRED', peerId, `is ${Math.round(ageMs)} ms old`)

  if (known !== undefined) {
    const order = orderOf(signed.manifest, known)
    if (order < 0) return refuse('MANIFEST_STALE', peerId, `is older than number ${known.sequence}`)
    if (order === 0 && signed.hash !== known.hash) {
      known.standing = 'equivocated'
      known.signed = undefined
      return refuse('MANIFEST_EQUIVOCATED', peerId, `is the second with number ${sequence}`)
    }
    if (order === 0 && known.standing === 'equivocated') {
      return refuse('MANIFEST_EQUIVOCATED', peerId, 'is disputed')
    }
    if (order === 0 && known.standing === 'received') {
      return isAlive(known, nowMs) ? NO_EFFECTS : refuse('MANIFEST_STALE', peerId, 'had its time')
    }
  }

  const entry = known ?? ({ peerId } as Entry)
  entry.epoch = epoch
  entry.sequence = sequence
  entry.hash = signed.hash
  entry.signed = signed
  entry.madeAtMs = nowMs - ageMs
  entry.standing = 'received'
  if (known === undefined) {
    entries.set(peerId, entry)
    evict(state)
  }
  return [{ type: 'news', signed }]
}

const refuse = (code: Refusal, peerId: string, why: string): readonly ProviderEffect[] => [
  { type: 'refuse', code, peerId, why }
]

/**
 * Of the peers of the admin that has let in most, the one that has been silent longest goes: made-up members
 * of one admin push out each other. It is looked for only here: an order kept at each manifest costs more.
 */
function evict({ entries, issuerOf }: ProviderState): void {
  if (entries.size <= PEERS_MAX) return
  const largest = largestGroup(entries.keys(), issuerOf)
  largest.sort((a, b) => entries.get(a)!.madeAtMs - entries.get(b)!.madeAtMs)
  entries.delete(largest[0]!)
}

/** The peers of the admin that has let in most of them, in the order in which they came. */
export function largestGroup(peerIds: Iterable<string>, issuerOf: IssuerOf): string[] {
  const groups = Map.groupBy(peerIds, issuerOf)
  return [...groups.values()].reduce((largest, group) => (group.length > largest.length ? group : largest))
}

const ageMsOf = (entry: Entry, nowMs: number): number => nowMs - entry.madeAtMs

const isAlive = (entry: Entry, nowMs: number): boolean =>
  entry.signed !== undefined && ageMsOf(entry, nowMs) < entry.signed.manifest.ttlMs

export function manifestOf(
  { entries }: ProviderState,
  peerId: string,
  nowMs: number
): SignedManifest | undefined {
  const entry = entries.get(peerId)
  return entry !== undefined && isAlive(entry, nowMs) ? entry.signed : undefined
}

function aliveManifests({ entries }: ProviderState, nowMs: number): SignedManifest[] {
  return [...entries.values()].filter(entry => isAlive(entry, nowMs)).map(({ signed }) => signed!)
}

export interface Provider {
  readonly peerId: string
  readonly manifest: Manifest
  readonly capability: Capability
}

/** Peers whose living manifest offers `task` or `model`, whichever is given, for a task that this node knows. */
export function providersOf(
  state: ProviderState,
  wanted: { task?: string; model?: string },
  nowMs: number
): Provider[] {
  const found: Provider[] = []
  for (const { manifest } of aliveManifests(state, nowMs)) {
    for (const capability of manifest.capabilities) {
      if (!isCapability(capability) || (wanted.task ?? capability.task) !== capability.task) continue
      if ((wanted.model ?? capability.model) !== capability.model) continue
      found.push({ peerId: manifest.peerId, manifest, capability })
    }
  }
  return found
}

/**
 * The numbers of all we saw in this run, the expired ones too: no peer needs to
 * send those again. What an earlier run saw is asked for once more, because its
 * content is gone.
 */
export const versionsOf = ({ entries }: ProviderState): ManifestVersion[] =>
  [...entries.values()].filter(({ standing }) => standing !== 'remembered')

/** Whether this peer, which states this number of its own, has signed a later one, or another one with that number. */
export function isBehind({ entries }: ProviderState, stated: ManifestVersion): boolean {
  const known = entries.get(stated.peerId)
  if (known === undefined) return false
  const order = orderOf(known, stated)
  return order > 0 || (order === 0 && known.standing === 'equivocated')
}

/** How far `one` is beyond `other`: below zero when it is older, zero for the same number. */
export const orderOf = (
  one: Omit<ManifestVersion, 'peerId'>,
  other: Omit<ManifestVersion, 'peerId'>
): number => one.epoch - other.epoch || one.sequence - other.sequence

/** Living manifests that a peer with these `versions` lacks, each with its age. */
export function newerThan(
  { entries }: ProviderState,
  versions: readonly ManifestVersion[],
  nowMs: number
): { signed: SignedManifest; ageMs: number }[] {
  const newer: { signed: SignedManifest; ageMs: number }[] = []
  const add = (entry: Entry): void => {
    if (isAlive(entry, nowMs)) newer.push({ signed: entry.signed!, ageMs: Math.round(ageMsOf(entry, nowMs)) })
  }
  let shared = 0
  for (const version of versions) {
    const entry = entries.get(version.peerId)
    if (entry === undefined) continue
    shared++
    if (orderOf(entry, version) > 0) add(entry)
  }
  // Mostly both know the same peers, and then there is nothing more to look for.
  if (shared < entries.size) {
    const theirs = new Set(versions.map(({ peerId }) => peerId))
    for (const entry of entries.values()) if (!theirs.has(entry.peerId)) add(entry)
  }
  return newer
}
