/** Receipts of answers: what is signed, and every way in which one does not count. */

import { generateKeyPair } from '@libp2p/crypto/keys'
import type { PrivateKey } from '@libp2p/interface'
import { peerIdFromPublicKey } from '@libp2p/peer-id'
import { beforeAll, describe, expect, it } from 'vitest'
import type { InferenceChunk } from '../../interface/chunks.ts'
import type { Inference } from '../../interface/inference.ts'
import { BACKDATED_MS, CERTIFICATE_LIFE_MS, type Role } from '../../interface/membership.ts'
import { prepare } from '../../interface/prepare.ts'
import type { Receipt, ReceiptGiven } from '../../interface/receipts.ts'
import { type Signing, Signing as SigningOf, verifyReceipts } from '../../node/receipts/index.ts'
import { openReceipt, RECEIPT } from '../../protocols/inference/index.ts'
import { sealCertificate } from '../../protocols/membership/index.ts'
import { sealRecord } from '../../protocols/wire/signed-record.ts'

const NOW_MS = Date.UTC(2026, 10, 30)
const DAY_MS = 24 * 3600 * 1000
const idOf = ({ publicKey }: PrivateKey): string => peerIdFromPublicKey(publicKey).toString()
const log = { debug() {}, info() {}, warn() {}, error() {} }

const QUESTION = {
  task: 'text-generation',
  model: 'tiny-llm',
  input: { messages: [{ role: 'user', content: 'Why?' }] },
  params: { temperature: 0, maxTokens: 8 }
} as const
const ANSWER: InferenceChunk[] = [
  { type: 'text', index: 0, text: 'Because ' },
  { type: 'delta', index: 1, text: 'of Rayleigh.', tokens: [7, 9] },
  { type: 'done', index: 2, finishReason: 'stop', usage: {} }
]
const TEXT = 'Because of Rayleigh.'

const certificateOf = async (issuer: PrivateKey, subject: PrivateKey, role: Role, mesh: PrivateKey) =>
  (
    await sealCertificate(
      {
        ...{ version: 1, mesh: idOf(mesh), issuer: idOf(issuer), subject: idOf(subject), role },
        ...{ name: role, serial: '00'.repeat(16) },
        ...{ notBeforeMs: NOW_MS - BACKDATED_MS, notAfterMs: NOW_MS + CERTIFICATE_LIFE_MS }
      },
      issuer
    )
  ).envelope

/** A device of the mesh that answers with these chunks, from what was said before on. */
function deviceOf(key: PrivateKey, chain: readonly Uint8Array[], mesh: string, atMs = NOW_MS): Signing {
  const signing = new SigningOf({ log, madeOf: () => ({ weights: 'bafyweights', engine: 'llama-cpp' }) })
  signing.join({
    meshId: mesh,
    members: { own: { chain } } as never,
    clock: { wallMs: () => atMs } as never,
    seal: async (kind, value) => (await sealRecord(kind, value, key)).envelope
  })
  return signing
}

async function signed(signing: Signing, chunks = ANSWER, from = 0, receipt = true): Promise<string[]> {
  const service: Inference = {
    async *infer() {
      yield* chunks.slice(from)
    }
  }
  const said = chunks
    .slice(0, from)
    .map(chunk => ('text' in chunk ? chunk.text : ''))
    .join('')
  const resume = from > 0 ? { index: from, text: said, tokens: [] } : undefined
  const request = prepare({ id: 'r', budgetMs: 1000, ...QUESTION, resume, receipt })
  const given = await Array.fromAsync(signing.around(service).infer(request))
  expect(given.slice(0, -1)).toEqual(chunks.slice(from, -1))
  return (given.at(-1) as { receipts?: string[] }).receipts ?? []
}

describe('a receipt', () => {
  let root: PrivateKey
  let device: PrivateKey
  let admin: PrivateKey
  let chain: Uint8Array[]
  let mesh: string
  let one: string[]

  const trusted = { wallMs: NOW_MS + DAY_MS, isRevoked: () => false }
  const verdict = (receipts: readonly string[], given: ReceiptGiven = {}, more: object = {}) =>
    verifyReceipts(receipts, given, { mesh, ...trusted, ...more })
  const reasons = async (...asked: Parameters<typeof verdict>) => {
    const { ok, problems } = await verdict(...asked)
    expect(ok).toBe(problems.length === 0)
    return problems.map(({ reason }) => reason)
  }
  /** The same receipt with other words in it, signed by `key`. */
  const forged = async (change: Partial<Receipt>, key = device) => {
    const { value } = await openReceipt(Buffer.from(one[0]!, 'base64'))
    const { envelope } = await sealRecord(RECEIPT, { ...value, ...change }, key)
    return [Buffer.from(envelope).toString('base64')]
  }

  beforeAll(async () => {
    root = await generateKeyPair('Ed25519')
    admin = await generateKeyPair('Ed25519')
    device = await generateKeyPair('Ed25519')
    mesh = idOf(root)
    chain = [
      await certificateOf(admin, device, 'member', root),
      await certificateOf(root, admin, 'admin', root)
    ]
    one = await signed(deviceOf(device, chain, mesh))
  })

  it('says who answered, with what, and counts for its request and its answer, in pieces and as text', async () => {
    for (const answer of [ANSWER, TEXT, `${TEXT}\n`]) {
      const { ok, checked, receipts } = await verdict(one, { request: QUESTION, answer })
      expect({ ok, checked }).toEqual({ ok: true, checked: { request: true, answer: true } })
      expect(receipts).toMatchObject([
        {
          ...{ peerId: idOf(device), name: 'member', model: 'tiny-llm', weights: 'bafyweights' },
          ...{ engine: 'llama-cpp', from: 0, pieces: 2, finishReason: 'stop', atMs: NOW_MS },
          params: { temperature: 0, maxTokens: 8 }
        }
      ])
    }
    expect((await verdict(one)).checked).toEqual({ request: false, answer: false })
  })

  it('is made for a request that asks for one, and for no other', async () => {
    expect(await signed(deviceOf(device, chain, mesh), ANSWER, 0, false)).toEqual([])
  })

  it('does not count for an answer or a request that was changed', async () => {
    const other = (change: object, at = 1) =>
      ANSWER.map((chunk, i) => (i === at ? { ...chunk, ...change } : chunk)) as InferenceChunk[]
    for (const answer of [
      ...['Because of Ray.', `${TEXT} Or so.`, ''],
      ...[other({ text: 'of Tyndall.' }), other({ tokens: [7, 8] }), other({ index: 2 }), ANSWER.slice(1)],
      [...ANSWER.slice(0, 2), { ...ANSWER[1]!, index: 2 } as InferenceChunk]
    ]) {
      expect(await reasons(one, { answer })).toEqual(['answer'])
    }
    for (const change of [
      { input: { messages: [{ role: 'user', content: 'How?' }] } },
      { params: { temperature: 1, maxTokens: 8 } },
      { model: 'other-llm' },
      { task: 'text-ranking' }
    ]) {
      expect(await reasons(one, { request: { ...QUESTION, ...change } as never })).toEqual(['request'])
    }
  })

  it('does not count when its signature is forged, or another device has signed it', async () => {
    const bytes = Buffer.from(one[0]!, 'base64')
    bytes[bytes.length - 1]! ^= 1
    expect(await reasons([bytes.toString('base64')])).toEqual(['signature'])
    expect(await reasons(await forged({}, admin))).toEqual(['signature'])
    expect(await reasons(['AAAA'])).toEqual(['receipt'])
  })

  it('does not count of another mesh, nor with a chain that leads elsewhere', async () => {
    const stranger = await generateKeyPair('Ed25519')
    expect(await reasons(one, {}, { mesh: idOf(stranger) })).toEqual(['mesh'])
    // Its own mesh, said to be this one.
    const own = await certificateOf(stranger, stranger, 'admin', stranger)
    expect(await reasons(await forged({ certificates: [own] }, stranger))).toEqual(['membership'])
    expect(await reasons(await forged({ certificates: chain.slice(0, 1) }))).toEqual(['membership'])
  })

  it('does not count of a device that was removed, nor of one that was no member at its time', async () => {
    const isRevoked = (peerId: string) => peerId === idOf(device)
    expect(await reasons(one, {}, { isRevoked })).toEqual(['revoked'])
    const isAdmin = (peerId: string) => peerId === idOf(admin)
    expect(await reasons(one, {}, { isRevoked: isAdmin })).toEqual(['membership'])
    for (const days of [-9, 91]) {
      const late = await signed(deviceOf(device, chain, mesh, NOW_MS + days * DAY_MS))
      expect(await reasons(late, {}, { wallMs: NOW_MS + 100 * DAY_MS })).toEqual(['membership'])
    }
    const ahead = await signed(deviceOf(device, chain, mesh, NOW_MS + 30 * DAY_MS))
    expect(await reasons(ahead)).toEqual(['membership'])
    // A certificate that has ended since was good at the time.
    expect(await reasons(one, {}, { wallMs: NOW_MS + 400 * DAY_MS })).toEqual([])
  })

  it('covers its part of an answer that went on elsewhere, and a part without one is missed', async () => {
    const end = await signed(deviceOf(admin, chain.slice(1), mesh), ANSWER, 1)
    const begun = [...ANSWER.slice(0, 1), { ...ANSWER[2]!, index: 1 } as InferenceChunk]
    const both = [...(await signed(deviceOf(device, chain, mesh), begun)), ...end]
    expect(await reasons(both, { answer: TEXT, request: QUESTION })).toEqual([])
    expect(await reasons(both, { answer: ANSWER })).toEqual([])
    expect(await reasons(both.toReversed())).toEqual(['missing'])
    expect(await reasons(end, { answer: TEXT })).toEqual(['missing'])
    expect(await reasons(end, { answer: `Despite${TEXT.slice(7)}` })).toEqual(['missing', 'answer'])
    const other = await forged({ requestId: 'another', from: 2 })
    expect(await reasons([...one, ...other])).toEqual(['receipt'])
  })
})
