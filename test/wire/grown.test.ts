/** What a later version may add to the wire is carried or skipped here, and never held against its sender. */

import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { generateKeyPair } from '@libp2p/crypto/keys'
import type { PrivateKey } from '@libp2p/interface'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import fc from 'fast-check'
import { beforeAll, describe, it } from 'vitest'
import type * as z from 'zod'
import { RemoteError } from '../../interface/errors.ts'
import type { InferenceChunk } from '../../interface/inference.ts'
import type { Certificate } from '../../interface/membership.ts'
import { prepare } from '../../interface/prepare.ts'
import { ProviderTable } from '../../node/manifests/provider-table.ts'
import { Accept, Certificates, Hello } from '../../protocols/hello/codec.ts'
import { RemoteCall } from '../../protocols/inference/call.ts'
import {
  chunkFrames,
  decodeChunk,
  decodeRequest,
  isRequest,
  Request
} from '../../protocols/inference/codec.ts'
import { Ask, Challenge, Grant, Redeem, Reveal } from '../../protocols/join/codec.ts'
import { Age, Versions } from '../../protocols/manifest/codec.ts'
import { openManifest, sealManifest } from '../../protocols/manifest/index.ts'
import {
  openCertificate,
  openRevocation,
  sealCertificate,
  sealRevocation
} from '../../protocols/membership/index.ts'
import { decodeRevocation } from '../../protocols/revocation/index.ts'
import { decode } from '../../protocols/wire/cbor/decode.ts'
import { decodeControl, detach, encodeControl } from '../../protocols/wire/control.ts'
import { decodeError } from '../../protocols/wire/errors.ts'
import type { Message } from '../../protocols/wire/messages.ts'
import { TYPE } from '../../protocols/wire/messages.ts'
import { messageIn, recorded } from './reading.ts'

const NEW_KEY = { 'from-a-later-version': { deep: [1, 'two', { three: new Uint8Array(3) }] } }

/** The same value, with an unknown key in each of its records. */
function grown(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(grown)
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return value
  return { ...Object.fromEntries(Object.entries(value).map(([key, held]) => [key, grown(held)])), ...NEW_KEY }
}

describe('control bodies of a later version', () => {
  it.each<[string, z.ZodType]>([
    ['hello/hello', Hello],
    ['hello/certificates', Certificates],
    ['hello/accept', Accept],
    ['join/redeem', Redeem],
    ['join/grant', Grant],
    ['join/ask', Ask],
    ['join/challenge', Challenge],
    ['join/reveal', Reveal],
    ['manifest/versions', Versions],
    ['manifest/age', Age]
  ])('%s means the same with unknown keys', (name, schema) => {
    const bytes = recorded(name)
    const later = encodeControl(grown(decode(bytes)))
    assert.notDeepEqual(later, bytes)
    assert.deepEqual(decodeControl(schema, later), decodeControl(schema, bytes))
  })

  it('revocation/entry means the same with unknown keys', () => {
    const bytes = recorded('revocation/entry')
    assert.deepEqual(decodeRevocation(encodeControl(grown(decode(bytes)))), decodeRevocation(bytes))
  })

  it('are held to no schema that refuses unknown keys', () => {
    const files = globSync(['protocols/**/*.ts', 'interface/manifest.ts'])
    assert.ok(files.length > 30)
    assert.deepEqual(
      files.filter(file => readFileSync(file, 'utf8').includes('strictObject')),
      []
    )
  })

  it('that are errors keep their words, and of their details what is known here', () => {
    const details = { retryAfterMs: 5, text: 'x'.repeat(1000), ...NEW_KEY }
    const err = decodeError(encodeControl({ code: 'FROM_THE_FUTURE', message: 'busy', details, ...NEW_KEY }))
    assert.ok(err instanceof RemoteError)
    assert.equal(err.message, 'busy')
    assert.deepEqual(err.details, { retryAfterMs: 5, text: 'x'.repeat(256) })
  })

  it('that are errors keep at most 16 details', () => {
    const details = Object.fromEntries(Array.from({ length: 40 }, (_, i) => [`number-${i}`, i]))
    const err = decodeError(encodeControl({ code: 'DENIED', message: 'no', details }))
    assert.equal(Object.keys(err.details).length, 16)
  })
})

describe('signed records of a later version', () => {
  let key: PrivateKey
  let peerId: string
  beforeAll(async () => {
    key = await generateKeyPair('Ed25519')
    peerId = peerIdFromPrivateKey(key).toString()
  })

  const content = async (name: string) => (await openCertificate(recorded(`membership/${name}`))).value

  it('that are manifests are kept and passed on as their bytes, and an unknown task is not routed', async () => {
    const { manifest } = await openManifest(recorded('manifest/envelope'))
    const [known] = manifest.capabilities
    const unknown = { ...known!, task: 'speech-synthesis' }
    const later = { ...manifest, peerId, capabilities: [unknown, known!] }
    const { envelope } = await sealManifest(grown(later) as typeof manifest, key)
    const signed = await openManifest(envelope)
    assert.deepEqual(signed.manifest, later)

    const table = new ProviderTable(() => 'an admin')
    assert.ok(table.accept(signed, 0, 1))
    assert.deepEqual(
      table.providers({ model: known!.model }, 1).map(({ capability }) => capability),
      [known]
    )
    assert.deepEqual(table.providers({ task: unknown.task }, 1), [])
    const [passedOn] = table.newerThan([], 1)
    assert.deepEqual(passedOn?.envelope, envelope)
  })

  it('that are manifests may not have a task of another form', async () => {
    const { manifest } = await openManifest(recorded('manifest/envelope'))
    for (const task of ['', 'x'.repeat(65), 'two words', '\u001b[31m', '../x']) {
      const capabilities = [{ ...manifest.capabilities[0]!, task }]
      const { envelope } = await sealManifest({ ...manifest, peerId, capabilities }, key)
      await assert.rejects(openManifest(envelope), { code: 'MANIFEST_INVALID' }, task)
    }
  })

  it('that are certificates and revocations say the same with unknown keys', async () => {
    const certificate = { ...(await content('certificate-admin')), issuer: peerId }
    const sealedCertificate = await sealCertificate({ ...certificate, ...NEW_KEY } as Certificate, key)
    assert.deepEqual((await openCertificate(sealedCertificate.envelope)).value, certificate)

    const revocation = { ...(await openRevocation(recorded('membership/revocation'))).value, issuer: peerId }
    const sealedRevocation = await sealRevocation({ ...revocation, ...NEW_KEY } as typeof revocation, key)
    assert.deepEqual((await openRevocation(sealedRevocation.envelope)).value, revocation)
  })

  it.each([
    ['version', 2],
    ['role', 'watcher']
  ])('that are certificates are refused when their %s demands to be understood', async (what, value) => {
    const later = { ...(await content('certificate-admin')), issuer: peerId, [what]: value } as Certificate
    const { envelope } = await sealCertificate(later, key)
    await assert.rejects(openCertificate(envelope), { code: 'CERTIFICATE_INVALID' })
  })
})

describe('requests and answers of a later version', () => {
  const input = { messages: [{ role: 'user', content: 'hi' }] }
  const request = prepare({
    ...{ id: 'r-1', task: 'text-generation', input, params: { maxTokens: 10 }, budgetMs: 1000 }
  })
  const text = (index: number): Message => messageIn(wireOf({ type: 'text', index, text: `${index}` }))
  const done = (index: number): Message => ({
    ...{ type: TYPE.done, call: 1, index, data: [] },
    control: encodeControl({
      finishReason: 'tool-use',
      usage: { inputTokens: 1, thinkingTokens: 9 },
      ...NEW_KEY
    })
  })
  const unknown = (index: number): Message => ({
    ...{ type: 99, call: 1, index, control: Uint8Array.of(0xff), data: [new Uint8Array(5)] }
  })

  /** What a caller takes of these replies. */
  function taken(...messages: Message[]): { chunks: Promise<InferenceChunk[]>; resets: string[] } {
    const resets: string[] = []
    const call = new RemoteCall(request, 0, undefined, () => {})
    const chunks = Array.fromAsync(call)
    call.run({ ended() {}, cancel() {}, reset: err => resets.push(err.message) })
    for (const message of messages) void call.onMessage(message)
    return { chunks, resets }
  }

  it('with chunks of unknown types give the others, numbered without gaps', async () => {
    const { chunks, resets } = taken(unknown(0), text(1), unknown(2), unknown(3), text(4), done(5))
    assert.deepEqual(await chunks, [
      { type: 'text', index: 0, text: '1' },
      { type: 'text', index: 1, text: '4' },
      { type: 'done', index: 2, finishReason: 'tool-use', usage: { inputTokens: 1 } }
    ])
    assert.deepEqual(resets, [])
  })

  it.each([
    ['an unknown chunk has the wrong number', [text(0), unknown(2)]],
    ['a known chunk does not count an unknown one', [unknown(0), text(0)]],
    ['more unknown chunks come than an answer may have', Array.from({ length: 65_537 }, (_, i) => unknown(i))]
  ])('are a breach of the protocol when %s', async (_, messages) => {
    const { chunks, resets } = taken(...messages)
    await assert.rejects(chunks)
    assert.equal(resets.length, 1)
  })

  it('keep a finish reason that is unknown here, and have "other" for one that is none', () => {
    const reasonOf = (message: Message) => {
      const chunk = decodeChunk(message)
      return chunk?.type === 'done' && chunk.finishReason
    }
    assert.equal(reasonOf(done(0)), 'tool-use')
    const control = encodeControl({ finishReason: '\u001b[2J', usage: {} })
    assert.equal(reasonOf({ ...done(0), control }), 'other')
  })

  it('count progress and unknown chunks on the wire, and not for the caller', async () => {
    const report = (index: number): Message => ({
      ...{ type: 20, call: 1, index, data: [] },
      control: encodeControl({ stage: 'loading', done: 1, later: [1, 'two'] })
    })
    const { chunks, resets } = taken(report(0), unknown(1), text(2), report(3), text(4), done(5))
    const progress = { type: 'progress', stage: 'loading', done: 1 }
    assert.deepEqual(await chunks, [
      { ...progress, index: 0 },
      { type: 'text', index: 0, text: '2' },
      { ...progress, index: 1 },
      { type: 'text', index: 1, text: '4' },
      { type: 'done', index: 2, finishReason: 'tool-use', usage: { inputTokens: 1 } }
    ])
    assert.deepEqual(resets, [])
  })

  it('lose the keys of a request that are unknown here', () => {
    const { control, data } = detach({ ...request, ...{ later: 1 } })
    const { model, ...asked } = request
    assert.deepEqual(decodeRequest(control, data), asked)
  })

  it('for an unknown task are refused with NO_PROVIDER', () => {
    const { control } = detach({ ...request, task: 'speech-synthesis' })
    assert.throws(() => decodeRequest(control, []), { code: 'NO_PROVIDER' })
  })

  it('are taken for requests without the schema only when the schema takes them as they are', () => {
    const odd = fc.record(
      {
        id: fc.constantFrom('r-1', 'x'.repeat(128), 'x'.repeat(129), '', 1),
        task: fc.constantFrom('tensor', 'text-generation', 'speech-synthesis', 'constructor', 1),
        model: fc.constantFrom('digits-cnn', '../x', undefined, 1),
        input: fc.constantFrom(null, undefined, {}, 1, 'x'),
        params: fc.oneof(
          {
            arbitrary: fc.dictionary(fc.string({ maxLength: 3 }), fc.nat(), { noNullPrototype: true }),
            weight: 4
          },
          { arbitrary: fc.constantFrom(null, [], new Uint8Array(2), 'x', new Date(0)), weight: 1 }
        ),
        budgetMs: fc.oneof(
          { arbitrary: fc.constantFrom(0.5, 1000, 3_600_000), weight: 4 },
          {
            arbitrary: fc.constantFrom(-1, 0, 3_600_001, Number.POSITIVE_INFINITY, Number.NaN, '1'),
            weight: 1
          }
        ),
        later: fc.constant(1)
      },
      { requiredKeys: ['id', 'task', 'input', 'params', 'budgetMs'], noNullPrototype: true }
    )
    let certain = 0
    fc.assert(
      fc.property(odd, value => {
        if (!isRequest(value)) return
        certain++
        assert.deepEqual(Request.parse(value), value)
      }),
      { numRuns: 5000 }
    )
    assert.ok(certain > 10)
  })

  /** One small chunk as the bytes of its frames. */
  function wireOf(chunk: InferenceChunk): Uint8Array {
    const frames = [...chunkFrames(1, chunk)].map(([type, body]) => {
      const bytes = Buffer.concat([body as Uint8Array])
      return Buffer.concat([Uint8Array.of(bytes.length, type), bytes])
    })
    return Buffer.concat(frames)
  }
})
