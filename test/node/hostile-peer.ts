/** A hostile peer on the loopback, and what nodes say of it. */

import { generateKeyPair } from '@libp2p/crypto/keys'
import type { Connection, PrivateKey } from '@libp2p/interface'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { CERTIFICATE_LIFE_MS, type Role } from '../../interface/membership.ts'
import type { LumosNode } from '../../interface/node.ts'
import type { NodeLogger } from '../../node/log/log.ts'
import { rootKeyFromText } from '../../node/membership/root-key.ts'
import { tcpNetwork } from '../../node/network/lan-network.ts'
import type { DrivenNode } from '../../sim/driven-node.ts'
import { madeUpCertificates, HostilePeer as Peer } from '../../sim/hostile/peer.ts'
import { device, sealed } from '../membership/mesh-keys.ts'
import { temporaryHome } from './mesh-nodes.ts'

/** What a node wrote to its log as refused, by code. */
export function listeningLog(): { log: NodeLogger; saw(code: string): Promise<void>; codes: string[] } {
  const codes: string[] = []
  const waiting = new Set<() => void>()
  const note = (fields: { code?: string }) => {
    if (fields.code === undefined) return
    codes.push(fields.code)
    for (const check of waiting) check()
  }
  const log: NodeLogger = {
    debug: note,
    info: note,
    warn: note,
    error: note,
    child: () => log,
    isLevelEnabled: () => false
  }
  const saw = (code: string) =>
    new Promise<void>(resolve => {
      const check = () => {
        if (!codes.includes(code)) return
        waiting.delete(check)
        resolve()
      }
      waiting.add(check)
      check()
    })
  return { log, saw, codes }
}

export type HostilePeer = Peer

const onLoopback = async (victim: LumosNode, key: PrivateKey, certificates: readonly Uint8Array[]) =>
  await Peer.create({
    key,
    mesh: victim.status().meshId,
    certificates,
    network: tcpNetwork({ hosts: ['127.0.0.1'], port: 0, peers: [] }),
    directory: await temporaryHome()
  })

export const HostilePeer = {
  /** A member of the founder's mesh. */
  async member(founder: DrivenNode, role: Role = 'member'): Promise<HostilePeer> {
    const key = await generateKeyPair('Ed25519')
    const subject = peerIdFromPrivateKey(key).toString()
    const { chain } = await founder.admit({ subject, role, name: 'hostile' })
    return await onLoopback(founder, key, chain)
  },

  /** A device whose certificate an earlier version has issued: with any name that it wished for. */
  async misnamed(founder: DrivenNode, name: string, role: Role): Promise<HostilePeer> {
    const [own, admin] = await Promise.all([device(), device()])
    const root = await rootKeyFromText(founder.mesh.exportRoot())
    const mesh = { key: root, id: founder.status().meshId }
    const life = { notBeforeMs: Date.now(), notAfterMs: Date.now() + CERTIFICATE_LIFE_MS }
    return await onLoopback(founder, own.key, [
      await sealed({ mesh, issuer: admin, subject: own }, { ...life, name, role }),
      await sealed({ mesh, issuer: mesh, subject: admin }, life)
    ])
  },

  /** A device with a valid key, and a certificate of a root that it made up. */
  async stranger(victim: LumosNode, key?: PrivateKey): Promise<HostilePeer> {
    const own = key ?? (await generateKeyPair('Ed25519'))
    return await onLoopback(victim, own, await madeUpCertificates(own))
  }
}

/** Resolves when the other side has ended the connection. */
export const ended = (connection: Connection): Promise<void> =>
  new Promise(resolve => {
    if (connection.status !== 'open') resolve()
    connection.addEventListener('close', () => resolve())
  })
