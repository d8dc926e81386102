/**
 * Who is who in a virtual mesh, as verified values: a signature that no key
 * could have made is not modelled, because shells refuse it before a core sees it.
 */

import type { Capability, Manifest, SignedManifest } from '../../interface/manifest.ts'
import { BACKDATED_MS, CERTIFICATE_LIFE_MS, type Certificate } from '../../interface/membership.ts'
import type { ProvenRevocation } from '../../node/membership/removals.ts'

export const MESH = 'mesh-root'
/** Where the clocks of people stand when a virtual world begins. */
export const EPOCH_WALL_MS = 1_800_000_000_000

/** One string for each node, shared by all who know it: a large world looks each up millions of times. */
const PEER_IDS: string[] = []
const NODES = new Map<string, number>()

export function peerIdOf(node: number): string {
  while (PEER_IDS.length <= node) {
    const peerId = `peer-${PEER_IDS.length}`
    NODES.set(peerId, PEER_IDS.length)
    PEER_IDS.push(peerId)
  }
  return PEER_IDS[node]!
}
/** -1 for the root and whoever else is no node. */
export const nodeOf = (peerId: string): number => NODES.get(peerId) ?? -1

/** Certificates by the bytes that stand for them. */
export class Identities {
  readonly #certificates = new Map<Uint8Array, Certificate>()
  readonly #chains = new Map<number, readonly Uint8Array[]>()
  #last = 0

  /** Signed by the root, or by the admin `issuer`, which must have a chain itself. */
  admit(node: number, issuer?: number): void {
    const own = this.#issue(node, issuer === undefined ? MESH : peerIdOf(issuer), MESH)
    this.#chains.set(node, issuer === undefined ? [own] : [own, this.chainOf(issuer)[0]!])
  }

  /** A device of another mesh, which says that it belongs to this one. */
  makeStranger(node: number): void {
    this.#chains.set(node, [this.#issue(node, 'other-root', 'other-root')])
  }

  chainOf(node: number): readonly Uint8Array[] {
    return this.#chains.get(node)!
  }

  open(chain: readonly Uint8Array[]): Certificate[] {
    return chain.map(bytes => this.#certificates.get(bytes)!)
  }

  revocation(issuer: number | undefined, subject: number): ProvenRevocation {
    const number = ++this.#last
    return {
      hash: `revocation-${number}`,
      value: {
        version: 1,
        mesh: MESH,
        issuer: issuer === undefined ? MESH : peerIdOf(issuer),
        subject: peerIdOf(subject),
        revokedAtMs: EPOCH_WALL_MS
      },
      envelope: bytesOf(number),
      issuerCertificate: issuer === undefined ? null : this.chainOf(issuer)[0]!
    }
  }

  #issue(node: number, issuer: string, mesh: string): Uint8Array {
    const number = ++this.#last
    const bytes = bytesOf(number)
    this.#certificates.set(bytes, {
      version: 1,
      mesh,
      issuer,
      subject: peerIdOf(node),
      role: issuer === MESH ? 'admin' : 'member',
      name: `node-${node}`,
      serial: String(number).padStart(32, '0'),
      notBeforeMs: EPOCH_WALL_MS - BACKDATED_MS,
      notAfterMs: EPOCH_WALL_MS + CERTIFICATE_LIFE_MS
    })
    return bytes
  }
}

const bytesOf = (number: number): Uint8Array => new Uint8Array(new Uint32Array([number]).buffer)

export interface Announcement {
  readonly node: number
  readonly epoch: number
  readonly sequence: number
  readonly ttlMs: number
  readonly capabilities: readonly Capability[]
  readonly chain: readonly Uint8Array[]
  /** Tells two contents under one number apart. */
  readonly content: number
}

export function manifestOf({ node, chain, capabilities, content, ...numbers }: Announcement): SignedManifest {
  const manifest: Manifest = {
    version: 1,
    peerId: peerIdOf(node),
    ...numbers,
    issuedAtMs: EPOCH_WALL_MS,
    name: `node-${node}`,
    software: 'virtual',
    hardware: HARDWARE,
    addresses: [],
    capabilities: capabilities as Capability[],
    certificates: chain as Uint8Array[]
  }
  return { manifest, envelope: NO_BYTES, hash: `${node}/${numbers.epoch}/${numbers.sequence}/${content}` }
}

const NO_BYTES = new Uint8Array(0)
const HARDWARE = { platform: 'virtual', arch: '', cpu: '', cores: 1, memoryBytes: 0, accelerators: [] }
