/** What the version before wrote is read, and means what it meant. */

import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { describe, it } from 'vitest'
import { checkChain } from '../../node/membership/chain.ts'
import { Accept, Certificates, Hello } from '../../protocols/hello/codec.ts'
import { decodeChunk, decodeRequest } from '../../protocols/inference/codec.ts'
import { Ask, Challenge, commitmentTo, Grant, Redeem, Reveal } from '../../protocols/join/codec.ts'
import { Age, Versions } from '../../protocols/manifest/codec.ts'
import { openManifest } from '../../protocols/manifest/index.ts'
import { openCertificate, openRevocation } from '../../protocols/membership/index.ts'
import { decodeRevocation } from '../../protocols/revocation/index.ts'
import { decodeControl } from '../../protocols/wire/control.ts'
import { decodeError } from '../../protocols/wire/errors.ts'
import { TYPE } from '../../protocols/wire/messages.ts'
import { MEMORY_MESSAGES } from './memory-messages.ts'
import { messageIn, recorded } from './reading.ts'

const NAMED_AT_MS = 1_700_000_000_000
const nonce = new Uint8Array(32).fill(7)
const tensors = { x: { type: 'float32', dims: [2, 2], data: new Uint8Array(16).fill(3) } }

const adminCertificate = recorded('membership/certificate-admin')
const memberCertificate = recorded('membership/certificate-member')
/** An admin that let the member in, and whose certificate the other admin has renewed. */
const LAPTOP = '12D3KooWBE8JpfLUgwNy45C9Hy51QFNyjmudNuautZLUcCURAkTa'
const chain = [memberCertificate, adminCertificate]
const admin = (await openCertificate(adminCertificate)).value
const member = (await openCertificate(memberCertificate)).value
const mesh = admin.issuer

/** Each file, what reads it, and what it says. */
const MESSAGES: Record<string, (bytes: Uint8Array) => unknown> = {
  ...MEMORY_MESSAGES,
  'hello/hello': bytes =>
    assert.deepEqual(decodeControl(Hello, bytes), {
      ...{ version: 1, mesh, meshName: 'home', meshNamedAtMs: NAMED_AT_MS },
      revocationsDigest: 'ab'.repeat(32)
    }),
  'hello/certificates': bytes => assert.deepEqual(decodeControl(Certificates, bytes), { chain }),
  'hello/accept': bytes => assert.deepEqual(decodeControl(Accept, bytes), { renewed: chain }),
  'hello/refuse': bytes => assert.equal(decodeError(bytes).code, 'PEER_REVOKED'),
  'join/redeem': bytes =>
    assert.deepEqual(decodeControl(Redeem, bytes), {
      ...{ version: 1, name: 'board', invite: '0123456789abcdef', proof: nonce }
    }),
  'join/grant': bytes =>
    assert.deepEqual(decodeControl(Grant, bytes), {
      ...{ mesh, meshName: 'home', meshNamedAtMs: NAMED_AT_MS, chain }
    }),
  'join/ask': bytes =>
    assert.deepEqual(decodeControl(Ask, bytes).commitment, new Uint8Array(commitmentTo(nonce))),
  'join/challenge': bytes =>
    assert.deepEqual(decodeControl(Challenge, bytes), { mesh, meshName: 'home', nonce }),
  'join/reveal': bytes => assert.deepEqual(decodeControl(Reveal, bytes), { nonce }),
  'manifest/versions': bytes =>
    assert.deepEqual(decodeControl(Versions, bytes), {
      versions: [{ peerId: member.subject, epoch: 1, sequence: 2 }],
      last: true
    }),
  'manifest/age': bytes => assert.deepEqual(decodeControl(Age, bytes), { ageMs: 17 }),
  'manifest/envelope': async bytes => {
    const { manifest } = await openManifest(bytes)
    assert.equal(manifest.peerId, member.subject)
    assert.deepEqual(manifest.capabilities, [{ task: 'tensor', model: 'digits-cnn', slots: 2, warm: false }])
    assert.deepEqual(manifest.certificates, chain)
  },
  'membership/certificate-admin': () => assert.equal(admin.role, 'admin'),
  'membership/certificate-member': () => {
    const context = { mesh, subject: member.subject, wallMs: NAMED_AT_MS + 1, isRevoked: () => false }
    const { role, name } = checkChain([member, admin], context)
    assert.deepEqual({ role, name }, { role: 'member', name: 'ödöns board' })
  },
  'membership/certificate-renewed': async bytes => {
    const { vouchers, ...renewed } = (await openCertificate(bytes)).value
    assert.deepEqual({ ...renewed, serial: member.serial }, member)
    assert.deepEqual(vouchers, [LAPTOP])
  },
  'membership/revocation': async bytes =>
    assert.equal((await openRevocation(bytes)).value.subject, member.subject),
  'revocation/entry': bytes =>
    assert.deepEqual(decodeRevocation(bytes), {
      envelope: recorded('membership/revocation'),
      issuerCertificate: adminCertificate
    }),
  'inference/request': bytes => {
    const { control, data } = messageIn(bytes)
    assert.deepEqual(decodeRequest(control, data!), {
      ...{ id: 'r-1', task: 'tensor', model: 'digits-cnn', input: { tensors }, params: {}, budgetMs: 1000 }
    })
  },
  'inference/cancel': bytes => assert.equal(messageIn(bytes).type, TYPE.cancel),
  'inference/text': bytes =>
    assert.deepEqual(decodeChunk(messageIn(bytes)), { type: 'text', index: 0, text: 'wörter' }),
  'inference/output': bytes =>
    assert.deepEqual(decodeChunk(messageIn(bytes)), { type: 'output', index: 0, output: { tensors } }),
  'inference/delta': bytes =>
    assert.deepEqual(decodeChunk(messageIn(bytes)), {
      ...{ type: 'delta', index: 0, text: 'wörter', reasoning: 'so', tokens: [1, 70_000] },
      toolCalls: [{ index: 1, id: 'c-1', name: 'weather', arguments: '{' }]
    }),
  'inference/data': bytes =>
    assert.deepEqual(decodeChunk(messageIn(bytes)), {
      ...{ type: 'data', index: 2, part: 1, mime: 'audio/wav', bytes: new Uint8Array(16).fill(3) }
    }),
  'inference/progress': bytes =>
    assert.deepEqual(decodeChunk(messageIn(bytes)), {
      ...{ type: 'progress', index: 3, stage: 'loading', done: 1.5, total: 2 }
    }),
  'inference/done': bytes =>
    assert.deepEqual(decodeChunk(messageIn(bytes)), {
      ...{ type: 'done', index: 1, finishReason: 'stop', usage: { inputTokens: 1 } }
    }),
  'inference/error': bytes => {
    const { code, hint, details } = decodeError(messageIn(bytes).control)
    assert.deepEqual(
      { code, hint, details },
      { code: 'OVERLOADED', hint: 'later', details: { retryAfterMs: 5 } }
    )
  }
}

describe('a message of the version before', () => {
  it.each(Object.keys(MESSAGES))('%s is read, and says what it said', async name => {
    await MESSAGES[name]!(recorded(name))
  })

  it('is read for every file that was recorded', () => {
    const files = readdirSync(new URL('../fixtures/wire/', import.meta.url), { recursive: true })
      .map(file => `${file}`)
      .filter(file => file.endsWith('.bin'))
      .map(file => file.slice(0, -'.bin'.length))
    assert.deepEqual(files.sort(), Object.keys(MESSAGES).sort())
  })
})
