/**
 * One signature is checked once, however many nodes check it.
 *
 * Every node of a mesh verifies every manifest, its certificate and the gossip it came in. On devices
 * of their own that is nothing; two hundred nodes in one process would verify the same 600 signatures
 * two hundred times each a minute, and do little else. Whether a signature is right depends on nothing
 * but its bytes, so what was found once holds for all: no node learns anything it would not find itself.
 */

import { createHash } from 'node:crypto'
import { generateKeyPair } from '@libp2p/crypto/keys'
import type { Ed25519PublicKey } from '@libp2p/interface'

/** Three for each manifest of the largest cluster, of the last few rounds. */
const VERDICTS_MAX = 20_000

type Verify = Ed25519PublicKey['verify']

let shared: Promise<void> | undefined

/** For this process, from now on and for good. */
export function shareVerification(): Promise<void> {
  shared ??= install()
  return shared
}

async function install(): Promise<void> {
  const { publicKey } = await generateKeyPair('Ed25519')
  const prototype = Object.getPrototypeOf(publicKey) as { verify: Verify }
  const { verify } = prototype
  const verdicts = new Map<string, boolean>()
  prototype.verify = function (this: Ed25519PublicKey, data, signature, options) {
    const signed = data instanceof Uint8Array ? data : data.subarray()
    const key = createHash('sha256').update(this.raw).update(signature).update(signed).digest('base64')
    const known = verdicts.get(key)
    if (known !== undefined) return known
    const verdict = verify.call(this, data, signature, options)
    if (typeof verdict === 'boolean') {
      verdicts.set(key, verdict)
      if (verdicts.size > VERDICTS_MAX) verdicts.delete(verdicts.keys().next().value!)
    }
    return verdict
  }
}
