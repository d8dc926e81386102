/** A self-signed certificate as TLS libraries take it, which those of libp2p are not: they hold a critical extension. */

import { generateKeyPairSync, randomBytes, sign, X509Certificate } from 'node:crypto'
import { DER, der } from '../protocols/transport/tls/der.ts'

/** A key and its certificate, in PEM. */
export interface Identity {
  readonly key: string
  readonly cert: string
}

const ECDSA_WITH_SHA256 = Buffer.from('2a8648ce3d040302', 'hex')
const COMMON_NAME = Buffer.from('550403', 'hex')

export function selfSigned(): Identity {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' })
  const algorithm = der(DER.sequence, der(DER.objectId, ECDSA_WITH_SHA256))
  const attribute = der(DER.objectId, COMMON_NAME)
  const name = der(
    DER.sequence,
    der(DER.set, der(DER.sequence, attribute, der(DER.utf8, Buffer.from('localhost'))))
  )
  const toBeSigned = der(
    DER.sequence,
    der(DER.context0, der(DER.integer, Uint8Array.of(2))),
    der(DER.integer, Uint8Array.of(1), randomBytes(15)),
    algorithm,
    name,
    der(
      DER.sequence,
      der(DER.utcTime, Buffer.from('700101000000Z')),
      der(DER.generalizedTime, Buffer.from('99991231235959Z'))
    ),
    name,
    publicKey.export({ type: 'spki', format: 'der' })
  )
  const signature = der(DER.bitString, Uint8Array.of(0), sign('sha256', toBeSigned, privateKey))
  return {
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
    cert: new X509Certificate(der(DER.sequence, toBeSigned, algorithm, signature)).toString()
  }
}
