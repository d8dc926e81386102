/** Everything that reads bytes of peers, from frames to what they sign. */

import { createHash } from 'node:crypto'
import { generateKeyPairFromSeed } from '@libp2p/crypto/keys'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import * as z from 'zod'
import { Answer } from '../../../interface/answer.ts'
import type { Random } from '../../../interface/clock.ts'
import { LumosError, ProtocolViolationError } from '../../../interface/errors.ts'
import type { PreparedRequest } from '../../../interface/inference.ts'
import { Manifest } from '../../../interface/manifest.ts'
import { Certificate } from '../../../interface/membership.ts'
import { prepare } from '../../../interface/prepare.ts'
import type { TaskName } from '../../../interface/tasks/index.ts'
import { ProviderTable } from '../../../node/manifests/provider-table.ts'
import { Members } from '../../../node/membership/members.ts'
import { formatInviteCode, parseInviteCode, SECRET_BYTES } from '../../../node/pairing/invite-code.ts'
import { Accept, Certificates, Hello } from '../../../protocols/hello/codec.ts'
import { chunkFrames, decodeChunk, decodeRequest, encodeRequest } from '../../../protocols/inference/codec.ts'
import { Ask, Challenge, Grant, NONCE_BYTES, Redeem, Reveal } from '../../../protocols/join/codec.ts'
import { Age, Versions } from '../../../protocols/manifest/codec.ts'
import { openManifest, sealManifest } from '../../../protocols/manifest/index.ts'
import { openCertificate, sealCertificate, sealRevocation } from '../../../protocols/membership/index.ts'
import { decodeRevocation, encodeRevocation } from '../../../protocols/revocation/index.ts'
import {
  decodeReply,
  decodeRequest as decodeUnitRequest,
  doneFrames,
  encodeRequest as encodeUnitRequest,
  errorFrames as unitErrorFrames
} from '../../../protocols/unit/codec.ts'
import { decodePart, encodePart, Sent, Ask as WakeAsk } from '../../../protocols/wake/codec.ts'
import { decode } from '../../../protocols/wire/cbor/decode.ts'
import { attach, decodeControl, encodeControl } from '../../../protocols/wire/control.ts'
import { decodeError, encodeError } from '../../../protocols/wire/errors.ts'
import { FrameParser } from '../../../protocols/wire/frame-parser.ts'
import { FrameWriter } from '../../../protocols/wire/frame-writer.ts'
import type { FrameInit } from '../../../protocols/wire/frames.ts'
import { FIRST_FRAME_BYTES_MAX } from '../../../protocols/wire/limits.ts'
import { MessageReader, messageFrames, TYPE } from '../../../protocols/wire/messages.ts'
import { MeshStore } from '../../../storage/mesh/mesh-store.ts'
import { ManualClock } from '../../capabilities/manual-clock.ts'
import { RICH_ANSWER } from '../../fixtures/rich-answer.ts'
import { certificate, type Device, revocation, sealed } from '../../membership/mesh-keys.ts'
import { temporaryDatabase } from '../../membership/temporary-database.ts'
import { mutatedControl, mutatedValue } from '../structure.ts'
import type { Target } from '../target.ts'

async function fixedDevice(name: string): Promise<Device> {
  const key = await generateKeyPairFromSeed('Ed25519', createHash('sha256').update(name).digest())
  return { key, id: peerIdFromPrivateKey(key).toString() }
}

// Always the same, so that inputs that are kept stay what they are.
const [mesh, self, admin, member, removed] = await Promise.all<Device>(
  ['mesh', 'self', 'admin', 'member', 'removed'].map(fixedDevice)
).then(devices => devices as [Device, Device, Device, Device, Device])
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
const ask = encodeRequest(request as unknown as PreparedRequest)
const requestWire = wire(messageFrames(TYPE.request, 1, 0, ask.control, ask.data))
const answerWire = wire([
  ...chunkFrames(1, { type: 'output', index: 0, output: { tensors } }),
  ...chunkFrames(1, { type: 'done', index: 1, finishReason: 'stop', usage: { inputTokens: 1 } })
])
const textWire = wire(chunkFrames(1, { type: 'text', index: 0, text: 'wörter' }))
const richWires = RICH_ANSWER.map(chunk => wire(chunkFrames(1, chunk)))

const unitCall = {
  unit: 'model.get',
  input: { model_id: 'a' },
  requestId: 'r1',
  budgetMs: 1000,
  stream: true
}
const unitAsk = encodeUnitRequest(unitCall)
const unitRequestWire = wire(messageFrames(TYPE.request, 1, 0, unitAsk.control, unitAsk.data))
const unitAnswerWire = wire(doneFrames(1, 0, { items: [{ id: 'a', size: null }], wörter: [1.5, true] }))
const unitErrorWire = wire(
  unitErrorFrames(1, new LumosError('DENIED', 'no', { details: { fields: [{ field: 'a' }] } }))
)

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
    onRemoved() {},
    onRoomFull() {}
  }
)
await members.load()
await members.admit(member.id, manifest.certificates)
const removal = await revocation({ mesh, issuer: admin, subject: removed })
await members.revoke(removal)

const table = new ProviderTable(() => undefined)
table.accept(signedManifest, 0, 1)

const honestCertificate = certificate({ mesh, issuer: admin, subject: member })
const honestRevocation = {
  version: 1,
  mesh: mesh.id,
  issuer: admin.id,
  subject: removed.id,
  revokedAtMs: 0
} as const

/** What a member signs although no honest one would. */
const signed =
  <T>(honest: T, seal: (hostile: T) => Promise<Uint8Array>) =>
  (_bytes: Uint8Array, random: Random): Promise<Uint8Array> =>
    seal(mutatedValue(structuredClone(honest), random) as T).catch(() => new Uint8Array())

/** What an asker takes of the replies to a request. */
const answerTo = (task: TaskName) => (bytes: Uint8Array) => {
  const input = task === 'tensor' ? { tensors } : { messages: [{ role: 'user', content: 'a' }] }
  const asked = prepare({ id: 'r', task, input, params: {}, budgetMs: 1000 })
  const answer = new Answer(asked, what => new ProtocolViolationError(`The peer ${what}.`))
  return messagesOf(bytes).map(message => {
    const chunk = decodeChunk(message)
    // Seeds are single chunks from the middle of an answer.
    if (chunk === undefined) return undefined
    return answer.accept({ ...chunk, index: answer.received })
  })
}

export const PEER_TARGETS: readonly Target[] = [
  {
    name: 'cbor',
    seeds: [encodeControl(manifest), encodeControl(request.params)],
    read: decode,
    encode: encodeControl,
    mutate: mutatedControl
  },
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
    read: answerTo('tensor')
  },
  {
    name: 'inference text',
    seeds: [textWire, ...richWires],
    read: answerTo('text-generation')
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
    mutate: mutatedControl,
    read: bytes => decodeControl(Hello, bytes)
  },
  {
    name: 'hello certificates',
    seeds: [encodeControl({ chain: [] }), encodeControl({ chain: [new Uint8Array(9), new Uint8Array(9)] })],
    mutate: mutatedControl,
    read: bytes => decodeControl(Certificates, bytes)
  },
  {
    name: 'hello accepted',
    seeds: [encodeControl({ renewed: [] }), encodeControl({ renewed: [new Uint8Array(9)] })],
    mutate: mutatedControl,
    read: bytes => decodeControl(Accept, bytes)
  },
  {
    name: 'manifest versions',
    seeds: [encodeControl({ versions: [{ peerId: member.id, epoch: 1, sequence: 2 }], last: true })],
    mutate: mutatedControl,
    read: bytes => decodeControl(Versions, bytes)
  },
  {
    name: 'manifest age',
    seeds: [encodeControl({ ageMs: 17 })],
    mutate: mutatedControl,
    read: bytes => decodeControl(Age, bytes)
  },
  {
    name: 'manifest',
    seeds: [signedManifest.envelope],
    mutate: signed(manifest, async hostile => (await sealManifest(hostile, member.key)).envelope),
    read: async bytes => table.accept(await openManifest(bytes), 0, 1),
    state: () => JSON.stringify(table.versions())
  },
  // What is signed, as whoever holds a key could sign it.
  {
    name: 'manifest content',
    seeds: [encodeControl(manifest)],
    mutate: mutatedControl,
    read: bytes => decodeControl(Manifest, bytes)
  },
  {
    name: 'certificate content',
    seeds: [encodeControl(honestCertificate)],
    mutate: mutatedControl,
    read: bytes => decodeControl(Certificate, bytes)
  },
  {
    name: 'certificate',
    seeds: [memberCertificate, adminCertificate],
    mutate: signed(honestCertificate, async hostile => (await sealCertificate(hostile, admin.key)).envelope),
    read: openCertificate
  },
  {
    name: 'chain of certificates',
    seeds: [memberCertificate],
    mutate: signed(honestCertificate, async hostile => (await sealCertificate(hostile, admin.key)).envelope),
    read: bytes => members.admit(member.id, [bytes, adminCertificate]),
    state: () => JSON.stringify(members.get(member.id))
  },
  {
    name: 'revocation',
    seeds: [encodeRevocation(removal)],
    mutate: signed(honestRevocation, async hostile => {
      const { envelope } = await sealRevocation(hostile, admin.key)
      return encodeRevocation({ envelope, issuerCertificate: adminCertificate })
    }),
    read: async bytes => members.revoke(decodeRevocation(bytes)),
    state: () => members.revocationsDigest
  },
  {
    name: 'unit request',
    seeds: [unitRequestWire],
    read: bytes => {
      for (const { control, data } of messagesOf(bytes)) decodeUnitRequest(control, data ?? [])
    }
  },
  {
    name: 'unit answer',
    seeds: [unitAnswerWire, unitErrorWire],
    read: bytes => {
      for (const message of messagesOf(bytes)) decodeReply(message)
    }
  },
  {
    name: 'wake',
    seeds: [encodeControl({ peer: member.id }), encodeControl({ packets: 8 })],
    mutate: mutatedControl,
    read: bytes => decodeControl(z.union([WakeAsk, Sent]), bytes)
  },
  {
    name: 'wake part of a manifest',
    seeds: [encodePart([new Uint8Array(6).fill(2)])],
    mutate: mutatedControl,
    read: decodePart
  },
  {
    name: 'join',
    seeds: [
      encodeControl({ version: 1, name: 'den', invite: '0'.repeat(16), proof: NONCE }),
      encodeControl({ version: 1, name: 'den', commitment: NONCE }),
      encodeControl({ nonce: NONCE })
    ],
    mutate: mutatedControl,
    read: bytes => decodeControl(z.union([Redeem, Ask, Reveal]), bytes)
  },
  {
    name: 'join granted',
    seeds: [
      encodeControl({ mesh: mesh.id, meshName: 'home', meshNamedAtMs: 1, chain: [memberCertificate] }),
      encodeControl({ mesh: mesh.id, meshName: 'home', nonce: NONCE })
    ],
    mutate: mutatedControl,
    read: bytes => decodeControl(z.union([Grant, Challenge]), bytes)
  },
  {
    name: 'invitation code',
    seeds: [Buffer.from(invitation)],
    words: ['lumos:', '//', '2', 'a'],
    read: bytes => parseInviteCode(Buffer.from(bytes).toString()),
    encode: code => Buffer.from(formatInviteCode(code as never))
  }
]
