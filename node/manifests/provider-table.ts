/** The manifests that this node holds: the shell of `provider-core.ts`, with refusals as errors. */

import { LumosError } from '../../interface/errors.ts'
import type { SignedManifest } from '../../interface/manifest.ts'
import {
  type IssuerOf,
  isBehind,
  type ManifestVersion,
  manifestOf,
  newerThan,
  newProviders,
  type Provider,
  type ProviderState,
  providersOf,
  stepProviders,
  versionsOf
} from './provider-core.ts'

export class ProviderTable {
  readonly #state: ProviderState

  constructor(issuerOf: IssuerOf) {
    this.#state = newProviders(issuerOf)
  }

  /** What an earlier run had accepted: its numbers bind us, its content does not count as alive. */
  remember(version: ManifestVersion & { readonly hash: string }): void {
    stepProviders(this.#state, { type: 'remember', version }, 0)
  }

  /**
   * Take a verified manifest in, unless it is not new.
   *
   * @returns whether it replaced what we had; `false` for the one we hold already.
   * @throws {LumosError} `MANIFEST_STALE` when older than what we saw, or the same but expired;
   *   `MANIFEST_EXPIRED` when its age used up its life; `MANIFEST_EQUIVOCATED` when another
   *   content bears the same number, which ends our trust in both. The former entry stays.
   */
  accept(signed: SignedManifest, ageMs: number, nowMs: number): boolean {
    const [effect] = stepProviders(this.#state, { type: 'manifest', signed, ageMs }, nowMs).effects
    if (effect?.type !== 'refuse') return effect !== undefined
    throw new LumosError(effect.code, `The manifest of ${effect.peerId} ${effect.why}.`)
  }

  get(peerId: string, nowMs: number): SignedManifest | undefined {
    return manifestOf(this.#state, peerId, nowMs)
  }

  /** See {@link providersOf}. */
  providers(wanted: { task?: string; model?: string }, nowMs: number): Provider[] {
    return providersOf(this.#state, wanted, nowMs)
  }

  /** See {@link isBehind}. */
  isBehind(stated: ManifestVersion): boolean {
    return isBehind(this.#state, stated)
  }

  /** See {@link versionsOf}. */
  versions(): ManifestVersion[] {
    return versionsOf(this.#state).map(({ peerId, epoch, sequence }) => ({ peerId, epoch, sequence }))
  }

  /** See {@link newerThan}. */
  newerThan(versions: readonly ManifestVersion[], nowMs: number): { envelope: Uint8Array; ageMs: number }[] {
    return newerThan(this.#state, versions, nowMs).map(({ signed: { envelope }, ageMs }) => ({
      envelope,
      ageMs
    }))
  }
}
