/**
 * Everything that reads bytes of peers. To have one more decoder tried, add it
 * here: the tests and `npm run fuzz` take the table as it is.
 */

import * as z from 'zod'
import { LumosError } from '../../interface/errors.ts'
import { Manifest } from '../../interface/manifest.ts'
import { Certificate } from '../../interface/membership.ts'
import { formatInviteCode, parseInviteCode, SECRET_BYTES } from '../../node/membership/invite-code.ts'
import { Members } from '../../node/membership/members.ts'
import { ProviderTable } from '../../node/provider-table.ts'
import { decode } from '../../protocols/cbor/decode.ts'
import { attach, decodeControl, encodeControl } from '../../protocols/control.ts'
import { decodeError, encodeError } from '../../protocols/errors.ts'
import { FrameParser } from '../../protocols/frame-parser.ts'
import { FrameWriter } from '../../protocols/frame-writer.ts'
import type { FrameInit } from '../../protocols/frames.ts'
import { Accept, Hello } from '../../protocols/hello/codec.ts'
import { chunkFrames, decodeChunk, decodeRequest, encodeRequest } from '../../protocols/inference/codec.ts'
import { Ask, Challenge, Grant, NONCE_BYTES, Redeem, Reveal } from '../../protocols/join/codec.ts'
import { FIRST_FRAME_BYTES_MAX } from '../../protocols/limits.ts'
import { Age, Versions } from '../../protocols/manifest/codec.ts'
import { openManifest, sealManifest } from '../../protocols/manifest/index.ts'
import { openCertificate } from '../../protocols/membership/index.ts'
import { MessageReader, messageFrames, TYPE } from '../../protocols/messages.ts'
import { decodeRevocation, encodeRevocation } from '../../protocols/revocation/index.ts'
import { MeshStore } from '../../storage/mesh-store.ts'
import { ManualClock } from '../capabilities/manual-clock.ts'
import { certificate, device, revocation, sealed } from '../membership/mesh-keys.ts'
import { temporaryDatabase } from '../membership/temporary-database.ts'

export interface Target {
  readonly name: string
  /** What an honest peer sends. Each must be accepted. */
  readonly seeds: readonly Uint8Array[]
  /** Returns anything, or throws a `LumosError`. */
  read(bytes: Uint8Array): unknown
  /** What a refused input must leave as it is. */
  state?(): string
}

const [mesh, self, admin, member] = await Promise.all([device(), device(), device(), device()])
const adminCertificate = await sealed({ mesh, issuer: mesh, subject: admin })
const memberCertificate = await sealed({ mesh, issuer: admin, subject: member })
const manifest = {
  version: 1 as const,
  peerId: member.id,
  epoch: 1_700_000_000_000,
  sequence: 7,
  ttlMs: 180_000,
  issuedAtMs: 1_700_000_000_000,
  name: 'ödöns board',
  software: 'lumos-node/0.1.0',
  hardware: { platform: 'linux', arch: 'arm64', cpu: 'x', cores: 4, memoryBytes: 2 ** 33, accelerators: [] },
  addresses: ['/ip4/192.168.1.2/tcp/5867', '/ip6/::1/tcp/5867'],
  capabilities: [{ task: 'tensor' as const, model: 'digits-cnn', slots: 2, warm: false }],
  certificates: [memberCertificate, adminCertificate]
}
const signedManifest = await sealManifest(manifest, member.key)

const wire = (frames: Iterable<FrameInit>): Uint8Array => {
  const sent: Uint8Array[] = []
  const writer = new FrameWriter(bytes => sent.push(bytes.slice()))
  for (const [type, body] of frames) writer.add(type, body)
  writer.flush()
  return Buffer.concat(sent)
}
const tensors = { x: { type: 'float32', dims: [2, 2], data: new Uint8Array(16).fill(3) } }
const request = {
  id: 'a',
  task: 'tensor' as const,
  model: 'digits-cnn',
  input: { tensors },
  params: { deep: [1, -1, 0.5, null, true, 'text'] },
  budgetMs: 1000
}
const ask = encodeRequest(request)
const requestWire = wire(messageFrames(TYPE.request, 1, 0, ask.control, ask.data))
const answerWire = wire([
  ...chunkFrames(1, { type: 'output', index: 0, output: { tensors } }),
  ...chunkFrames(1, { type: 'done', index: 1, finishReason: 'stop', usage: { inputTokens: 1 } })
])
const textWire = wire(chunkFrames(1, { type: 'text', index: 0, text: 'wörter' }))

/** All frames and all messages of `bytes`, as a stream would bring them. */
function messagesOf(bytes: Uint8Array) {
  const parser = new FrameParser()
  const reader = new MessageReader()
  const messages = []
  // In two pieces, so that frames are cut in the middle.
  for (const piece of [bytes.subarray(0, bytes.length >> 1), bytes.subarray(bytes.length >> 1)]) {
    parser.push(piece)
    for (let frame = parser.take(FIRST_FRAME_BYTES_MAX); frame; frame = parser.take(FIRST_FRAME_BYTES_MAX)) {
      const message = reader.push(frame)
      if (message !== undefined) messages.push(message)
    }
  }
  return messages
}

function framesOf(bytes: Uint8Array): number {
  const parser = new FrameParser()
  parser.push(bytes)
  let frames = 0
  while (parser.take(FIRST_FRAME_BYTES_MAX) !== undefined) frames++
  return frames
}

const NONCE = new Uint8Array(NONCE_BYTES).fill(7)
const invitation = formatInviteCode({
  mesh: mesh.id,
  inviter: admin.id,
  secret: new Uint8Array(SECRET_BYTES).fill(9),
  expiresAtMs: 1_800_000_000_000,
  addresses: ['/ip4/192.168.1.2/tcp/5867']
})

const database = temporaryDatabase()
const members = new Members(
  { id: mesh.id, name: 'home', namedAtMs: 0, chain: [await sealed({ mesh, issuer: mesh, subject: self })] },
  {
    store: new MeshStore(database),
    clock: new ManualClock(),
    peerId: self.id,
    onRevoked() {},
    onJoined() {},
    onRenamed() {},
    onRemoved() {}
  }
)
await members.load()
await members.admit(member.id, manifest.certificates)
const removal = await revocation({ mesh, issuer: admin, subject: { ...member, id: (await device()).id } })
await members.revoke(removal)

const table = new ProviderTable()
table.accept(signedManifest, 0, 1)

export const TARGETS: readonly Target[] = [
  { name: 'cbor', seeds: [encodeControl(manifest), encodeControl(request.params)], read: decode },
  { name: 'frames', seeds: [requestWire, answerWire, textWire], read: framesOf },
  { name: 'messages', seeds: [requestWire, answerWire, textWire], read: messagesOf },
  {
    name: 'attachments',
    seeds: [ask.control],
    read: bytes => attach(bytes, ask.data)
  },
  {
    name: 'inference request',
    seeds: [ask.control],
    read: bytes => decodeRequest(bytes, ask.data)
  },
  {
    name: 'inference answer',
    seeds: [answerWire],
    read: bytes => messagesOf(bytes).map(message => decodeChunk(message, 'tensor'))
  },
  {
    name: 'inference text',
    seeds: [textWire],
    read: bytes => messagesOf(bytes).map(message => decodeChunk(message, 'text-generation'))
  },
  {
    name: 'error',
    seeds: [
      encodeError(new LumosError('OVERLOADED', 'busy', { hint: 'later', details: { retryAfterMs: 5 } }))
    ],
    read: decodeError
  },
  {
    name: 'hello',
    seeds: [
      encodeControl({
        version: 1,
        mesh: mesh.id,
        meshName: 'home',
        meshNamedAtMs: 1,
        revocationsDigest: 'ab'.repeat(32)
      })
    ],
    read: bytes => decodeControl(Hello, bytes)
  },
  {
    name: 'hello accepted',
    seeds: [encodeControl({ renewed: [] }), encodeControl({ renewed: [new Uint8Array(9)] })],
    read: bytes => decodeControl(Accept, bytes)
  },
  {
    name: 'manifest versions',
    seeds: [encodeControl({ versions: [{ peerId: member.id, epoch: 1, sequence: 2 }], last: true })],
    read: bytes => decodeControl(Versions, bytes)
  },
  { name: 'manifest age', seeds: [encodeControl({ ageMs: 17 })], read: bytes => decodeControl(Age, bytes) },
  {
    name: 'manifest',
    seeds: [signedManifest.envelope],
    read: async bytes => table.accept(await openManifest(bytes), 0, 1),
    state: () => JSON.stringify(table.versions())
  },
  // What is signed, as whoever holds a key could sign it.
  {
    name: 'manifest content',
    seeds: [encodeControl(manifest)],
    read: bytes => decodeControl(Manifest, bytes)
  },
  {
    name: 'certificate content',
    seeds: [encodeControl(certificate({ mesh, issuer: admin, subject: member }))],
    read: bytes => decodeControl(Certificate, bytes)
  },
  { name: 'certificate', seeds: [memberCertificate, adminCertificate], read: openCertificate },
  {
    name: 'chain of certificates',
    seeds: [memberCertificate],
    read: bytes => members.admit(member.id, [bytes, adminCertificate]),
    state: () => JSON.stringify(members.get(member.id))
  },
  {
    name: 'revocation',
    seeds: [encodeRevocation(removal)],
    read: async bytes => members.revoke(decodeRevocation(bytes)),
    state: () => members.revocationsDigest
  },
  {
    name: 'join',
    seeds: [
      encodeControl({ version: 1, name: 'den', invite: '0'.repeat(16), proof: NONCE }),
      encodeControl({ version: 1, name: 'den', commitment: NONCE }),
      encodeControl({ nonce: NONCE })
    ],
    read: bytes => decodeControl(z.union([Redeem, Ask, Reveal]), bytes)
  },
  {
    name: 'join granted',
    seeds: [
      encodeControl({ mesh: mesh.id, meshName: 'home', meshNamedAtMs: 1, chain: [memberCertificate] }),
      encodeControl({ mesh: mesh.id, meshName: 'home', nonce: NONCE })
    ],
    read: bytes => decodeControl(z.union([Grant, Challenge]), bytes)
  },
  {
    name: 'invitation code',
    seeds: [Buffer.from(invitation)],
    read: bytes => parseInviteCode(Buffer.from(bytes).toString())
  }
]
