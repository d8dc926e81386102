import assert from 'node:assert/strict'
import { generateKeyPairSync, type KeyObject, X509Certificate } from 'node:crypto'
import tls from 'node:tls'
import { generateKeyPair } from '@libp2p/crypto/keys'
import type { PrivateKey } from '@libp2p/interface'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import fc from 'fast-check'
import { beforeAll, describe, it } from 'vitest'
import { createCertificate } from '../../protocols/transport/tls/certificate.ts'
import { DER, der } from '../../protocols/transport/tls/der.ts'
import { peerOfCertificate } from '../../protocols/transport/tls/verify.ts'
import {
  certificateOf,
  ED25519,
  extension,
  extensionsOf,
  hex,
  hiddenByVersion,
  hiddenInSerial,
  issued,
  keyInfoOf,
  type Members,
  membersOf,
  objectId,
  proof,
  proofExtension,
  validity
} from './certificates.ts'

const NOW_MS = Date.UTC(2030, 0, 1)
/** 2.5.29.14, the subject's key identifier: an extension that says nothing here. */
const OTHER_EXTENSION = objectId('551d0e')

const idOf = (identity: PrivateKey): string => peerIdFromPrivateKey(identity).toString()
const peerOf = async (bytes: Uint8Array): Promise<string> =>
  String(await peerOfCertificate(certificateOf(bytes), NOW_MS))
const isRefused = async (bytes: Uint8Array, message = /./): Promise<void> =>
  assert.rejects(peerOf(bytes), { code: 'PROTOCOL_VIOLATION', message })

let identity: PrivateKey
let other: PrivateKey
/** What `createCertificate` makes for `identity`. */
let raw: Buffer
const { privateKey: key, publicKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' })
const keyInfo = keyInfoOf(publicKey)

beforeAll(async () => {
  identity = await generateKeyPair('Ed25519')
  other = await generateKeyPair('Ed25519')
  raw = new X509Certificate((await createCertificate(identity)).cert).raw
})

describe('a certificate', () => {
  it.each(['Ed25519', 'secp256k1', 'RSA'] as const)('names the peer of its %s key', async type => {
    const identity = await generateKeyPair(type as 'Ed25519')
    const { cert } = await createCertificate(identity)
    assert.equal(await peerOf(new X509Certificate(cert).raw), idOf(identity))
  })

  it('of a kind of key that has no peer id is refused', async () => {
    const { cert } = await createCertificate(await generateKeyPair('ECDSA'))
    await isRefused(new X509Certificate(cert).raw, /names no peer/)
  })

  it('names nobody when any of its bytes is changed', async () => {
    for (let at = 0; at < raw.length; at++) {
      const changed = Buffer.from(raw)
      changed[at]! ^= 0x01
      await isRefused(changed)
    }
  })

  it('names nobody when it is cut short or is no certificate at all', async () => {
    for (let length = 0; length < raw.length; length += 7) await isRefused(raw.subarray(0, length))
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 400 }), bytes => isRefused(bytes)),
      { numRuns: 500 }
    )
  })

  it("that is an ordinary one, without libp2p's extension, names nobody", async () => {
    const [root] = tls.rootCertificates
    await isRefused(new X509Certificate(root!).raw)
  })
})

describe('a certificate that is forged', () => {
  /** The attacker's own key, and all of the victim that a handshake with it shows. */
  async function forged(hide: (inner: Buffer) => Partial<Members>): Promise<Buffer> {
    const victim = generateKeyPairSync('ec', { namedCurve: 'prime256v1' })
    const victimKeyInfo = keyInfoOf(victim.publicKey)
    const stolen = extensionsOf(proofExtension(await proof(identity, victimKeyInfo)))
    return issued(membersOf(keyInfo, stolen, hide(victimKeyInfo)), key)
  }

  it.each([
    ['in a serial number with a long tag', hiddenInSerial],
    ['behind a version with a long tag', hiddenByVersion],
    [
      'in a plain serial number',
      inner => ({ serial: der(DER.integer, hex('01 0500 0500 0500 0500'), inner) })
    ],
    ['nowhere', () => ({})]
  ] satisfies [string, (inner: Buffer) => Partial<Members>][])(
    "does not name the victim whose key's bytes lie %s",
    async (_, hide) => {
      const bytes = await forged(hide)
      // OpenSSL takes it, with the attacker's key: the refusal is ours.
      const certificate = new X509Certificate(bytes)
      assert.ok(certificate.raw.equals(bytes) && certificate.verify(publicKey))
      assert.ok(keyInfoOf(certificate.publicKey).equals(keyInfo))
      await isRefused(bytes)
    }
  )
})

describe('what the specification of the handshake demands of a certificate', () => {
  const good = async (wrong: Partial<Members> = {}): Promise<Members> =>
    membersOf(keyInfo, extensionsOf(proofExtension(await proof(identity, keyInfo))), wrong)

  it('is met by one that is built member by member', async () => {
    assert.equal(await peerOf(issued(await good(), key)), idOf(identity))
  })

  it.each([
    ['not yet valid', validity('300102000000Z', '99991231235959Z'), /not valid at this time/],
    ['expired', validity('700101000000Z', '291231235959Z'), /not valid at this time/],
    ['valid from no date', validity('7x0101000000Z', '99991231235959Z'), /not valid at this time/],
    ['valid to no date', validity('700101000000Z', '9999123123595xZ'), /not valid at this time/]
  ])('refuses one that is %s', async (_, validity, message) => {
    await isRefused(issued(await good({ validity }), key), message)
  })

  const refusedExtensions: [string, (mine: Buffer) => Promise<Buffer[]> | Buffer[], RegExp][] = [
    [
      'a critical extension that is unknown',
      mine => [mine, extension(OTHER_EXTENSION, hex('0401aa'))],
      /is not known/
    ],
    ["libp2p's extension twice", mine => [mine, mine], /twice/],
    [
      "libp2p's extension of two peers",
      async mine => [mine, proofExtension(await proof(other, keyInfo))],
      /twice/
    ],
    [
      'no extension of libp2p',
      () => [extension(OTHER_EXTENSION, hex('0401aa'), false)],
      /no libp2p extension/
    ],
    ['no extensions', () => [], /no libp2p extension/],
    [
      'bytes behind the signature in its extension',
      async () => [proofExtension(Buffer.concat([await proof(identity, keyInfo), hex('0500')]))],
      /malformed/
    ],
    [
      'a third member in its extension',
      async () => [
        proofExtension(der(DER.sequence, (await proof(identity, keyInfo)).subarray(2), hex('0400')))
      ],
      /malformed/
    ],
    ['an empty extension of libp2p', () => [proofExtension(Buffer.alloc(0))], /malformed/],
    [
      'the proof of another key',
      async () => [
        proofExtension(await proof(identity, keyInfoOf(generateKeyPairSync('ed25519').publicKey)))
      ],
      /not signed by the peer/
    ],
    [
      'the name of another peer',
      async () => [proofExtension(await proof(identity, keyInfo, other))],
      /not signed by the peer/
    ]
  ]
  it.each(refusedExtensions)('refuses one with %s', async (_, extensions, message) => {
    const mine = proofExtension(await proof(identity, keyInfo))
    await isRefused(
      issued(await good({ extensions: extensionsOf(...(await extensions(mine))) }), key),
      message
    )
  })

  it('takes extensions that are unknown and not critical, and its own when it is not critical', async () => {
    const mine = proofExtension(await proof(identity, keyInfo), false)
    const extensions = extensionsOf(extension(OTHER_EXTENSION, hex('0401aa'), false), mine)
    assert.equal(await peerOf(issued(await good({ extensions }), key)), idOf(identity))
  })

  it.each([
    ['of version 1 by its number', { version: hex('a003020100') }],
    ['without a version', { version: Buffer.alloc(0) }],
    ["with an issuer's unique id", { ids: hex('8102 00aa') }],
    ["with a subject's unique id", { ids: hex('8202 00aa') }],
    ['with a length that is not minimal', { version: hex('a0 8103 020102') }],
    ['whose issuer is another', { issuer: hex('3000') }]
  ])('refuses one %s', async (_, wrong) => {
    await isRefused(issued(await good(wrong), key))
  })

  it('refuses bytes behind it', async () => {
    await isRefused(Buffer.concat([issued(await good(), key), hex('0500')]), /more than a certificate/)
  })

  it('refuses one that another key has signed', async () => {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' })
    await isRefused(issued(await good(), privateKey), /not signed by itself/)
  })

  const ofKey = async (
    { privateKey, publicKey }: { privateKey: KeyObject; publicKey: KeyObject },
    algorithm: Buffer,
    hash: string | null
  ): Promise<Buffer> => {
    const keyInfo = keyInfoOf(publicKey)
    const extensions = extensionsOf(proofExtension(await proof(identity, keyInfo)))
    return issued(membersOf(keyInfo, extensions, { algorithm }), privateKey, hash)
  }
  const ecdsa = (last: string): Buffer => der(DER.sequence, objectId(`2a8648ce3d04${last}`))
  const rsa = (last: string): Buffer => der(DER.sequence, objectId(`2a864886f70d0101${last}`), hex('0500'))

  it.each([
    ['P-256 and SHA-512', () => generateKeyPairSync('ec', { namedCurve: 'P-256' }), ecdsa('0304'), 'sha512'],
    ['P-384 and SHA-384', () => generateKeyPairSync('ec', { namedCurve: 'P-384' }), ecdsa('0303'), 'sha384'],
    ['P-521 and SHA-512', () => generateKeyPairSync('ec', { namedCurve: 'P-521' }), ecdsa('0304'), 'sha512'],
    ['Ed25519', () => generateKeyPairSync('ed25519'), ED25519, null]
  ])('takes a key of %s', async (_, generate, algorithm, hash) => {
    assert.equal(await peerOf(await ofKey(generate(), algorithm, hash)), idOf(identity))
  })

  it.each([
    [
      'secp256k1',
      () => generateKeyPairSync('ec', { namedCurve: 'secp256k1' }),
      ecdsa('0302'),
      'sha256',
      /key/
    ],
    [
      'a curve that is written out',
      () => generateKeyPairSync('ec', { namedCurve: 'P-256', paramEncoding: 'explicit' }),
      ecdsa('0302'),
      'sha256',
      /key|curve/
    ],
    ['P-192', () => generateKeyPairSync('ec', { namedCurve: 'prime192v1' }), ecdsa('0302'), 'sha256', /key/],
    ['RSA', () => generateKeyPairSync('rsa', { modulusLength: 2048 }), rsa('0b'), 'sha256', /rsa key/],
    [
      'P-256 and SHA-1',
      () => generateKeyPairSync('ec', { namedCurve: 'P-256' }),
      ecdsa('01'),
      'sha1',
      /algorithm/
    ],
    [
      'P-256 and SHA-224',
      () => generateKeyPairSync('ec', { namedCurve: 'P-256' }),
      ecdsa('0301'),
      'sha224',
      /algorithm/
    ]
  ])('refuses a key of %s', async (_, generate, algorithm, hash, message) => {
    await isRefused(await ofKey(generate(), algorithm, hash), message)
  })
})
