/**
 * Who can do what: the newest manifest of every peer, this node's own included.
 *
 * A manifest is believed for its `ttlMs`, counted from receipt on our monotonic
 * clock less the age it already had when another peer handed it on. The numbers
 * of a manifest outlive it, so that an old one never comes back: not after it
 * expired, and not after a restart.
 */

import { LumosError } from '../interface/errors.ts'
import type { Capability, SignedManifest } from '../interface/manifest.ts'

/** Far above any private mesh; what a flood of identities can make us keep is bounded by it. */
const PEERS_MAX = 4096

/** The number of the newest manifest of a peer: what two nodes compare to find what one lacks. */
export interface ManifestVersion {
  readonly peerId: string
  readonly epoch: number
  readonly sequence: number
}

interface Entry {
  readonly epoch: number
  readonly sequence: number
  readonly hash: string
  /** Absent once expired or equivocated, and for what is only remembered from an earlier run. */
  signed?: SignedManifest
  /** Age the manifest had when it reached us, by the word of whoever passed it on. */
  ageOnReceiptMs: number
  receivedAtMs: number
  equivocated?: boolean
}

export interface Provider {
  readonly peerId: string
  readonly name: string
  readonly capability: Capability
}

export class ProviderTable {
  readonly #entries = new Map<string, Entry>()

  /** What an earlier run had accepted: its numbers bind us, its content does not count as alive. */
  remember(version: ManifestVersion & { readonly hash: string }): void {
    this.#entries.set(version.peerId, { ...version, ageOnReceiptMs: 0, receivedAtMs: 0 })
  }

  /**
   * Take a verified manifest in, unless it is not news.
   *
   * @returns whether it replaced what we had; `false` for the one we hold already.
   * @throws {LumosError} `MANIFEST_STALE` when older than what we saw, or the same but expired;
   *   `MANIFEST_EXPIRED` when its age used up its life; `MANIFEST_EQUIVOCATED` when another
   *   content bears the same number, which ends our trust in both. The former entry stays.
   */
  accept(signed: SignedManifest, ageMs: number, nowMs: number): boolean {
    const { peerId, epoch, sequence, ttlMs } = signed.manifest
    const known = this.#entries.get(peerId)
    if (ageMs >= ttlMs) throw refusal('MANIFEST_EXPIRED', peerId, `is ${Math.round(ageMs)} ms old`)

    if (known !== undefined) {
      const order = epoch - known.epoch || sequence - known.sequence
      if (order < 0) throw refusal('MANIFEST_STALE', peerId, `is older than number ${known.sequence}`)
      if (order === 0 && signed.hash !== known.hash) {
        this.#equivocated(known)
        throw refusal('MANIFEST_EQUIVOCATED', peerId, `is the second with number ${sequence}`)
      }
      if (order === 0 && known.equivocated) throw refusal('MANIFEST_EQUIVOCATED', peerId, 'is disputed')
      if (order === 0 && known.receivedAtMs > 0) {
        if (this.#alive(known, nowMs)) return false
        throw refusal('MANIFEST_STALE', peerId, 'had its time')
      }
    }

    this.#entries.delete(peerId)
    this.#entries.set(peerId, {
      epoch,
      sequence,
      hash: signed.hash,
      signed,
      ageOnReceiptMs: ageMs,
      // Zero means "remembered, not received", so a clock that starts at zero must not produce it.
      receivedAtMs: Math.max(nowMs, Number.MIN_VALUE)
    })
    this.#evict()
    return true
  }

  get(peerId: string, nowMs: number): SignedManifest | undefined {
    const entry = this.#entries.get(peerId)
    return entry !== undefined && this.#alive(entry, nowMs) ? entry.signed : undefined
  }

  alive(nowMs: number): SignedManifest[] {
    return [...this.#entries.values()].filter(entry => this.#alive(entry, nowMs)).map(entry => entry.signed!)
  }

  /** Peers whose living manifest offers `task` or `model`, whichever is given. */
  providers(wanted: { task?: string; model?: string }, nowMs: number): Provider[] {
    return this.alive(nowMs).flatMap(({ manifest }) =>
      manifest.capabilities
        .filter(({ task, model }) => (wanted.task ?? task) === task && (wanted.model ?? model) === model)
        .map(capability => ({ peerId: manifest.peerId, name: manifest.name, capability }))
    )
  }

  /** The numbers of all we saw, the expired ones too: nobody needs to send those again. */
  versions(): ManifestVersion[] {
    return [...this.#entries].map(([peerId, { epoch, sequence }]) => ({ peerId, epoch, sequence }))
  }

  /** Living manifests that somebody who holds `versions` lacks, each with its age. */
  newerThan(versions: readonly ManifestVersion[], nowMs: number): { envelope: Uint8Array; ageMs: number }[] {
    const theirs = new Map(versions.map(version => [version.peerId, version]))
    const lacking = [...this.#entries].filter(([peerId, entry]) => {
      const their = theirs.get(peerId)
      const newer = their === undefined || (entry.epoch - their.epoch || entry.sequence - their.sequence) > 0
      return newer && this.#alive(entry, nowMs)
    })
    return lacking.map(([, entry]) => ({
      envelope: entry.signed!.envelope,
      ageMs: Math.round(this.#ageMs(entry, nowMs))
    }))
  }

  #ageMs(entry: Entry, nowMs: number): number {
    return entry.ageOnReceiptMs + nowMs - entry.receivedAtMs
  }

  #alive(entry: Entry, nowMs: number): boolean {
    return entry.signed !== undefined && this.#ageMs(entry, nowMs) < entry.signed.manifest.ttlMs
  }

  #equivocated(entry: Entry): void {
    entry.equivocated = true
    delete entry.signed
  }

  /** The map keeps the order of acceptance, so the first is who has been silent longest. */
  #evict(): void {
    while (this.#entries.size > PEERS_MAX) {
      const [oldest] = this.#entries.keys()
      this.#entries.delete(oldest!)
    }
  }
}

type Refusal = 'MANIFEST_STALE' | 'MANIFEST_EXPIRED' | 'MANIFEST_EQUIVOCATED'

const refusal = (code: Refusal, peerId: string, why: string): LumosError =>
  new LumosError(code, `The manifest of ${peerId} ${why}.`)
