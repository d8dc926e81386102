import { streamPair } from '@libp2p/utils'
import { describe, expect, it } from 'vitest'
import { pullRevocations, serveRevocations } from '../../protocols/revocation/index.ts'

const held = {
  revocations: [{ envelope: Uint8Array.of(1), issuerCertificate: null }],
  digest: 'a'.repeat(64)
}

async function pulled(digest?: string) {
  const [dialer, listener] = await streamPair()
  const serving = serveRevocations(listener, held)
  const entries = await Array.fromAsync(pullRevocations(dialer, digest === undefined ? {} : { digest }))
  await serving
  return entries
}

describe('a pull of revocations', () => {
  it('brings the whole set to who holds another one, or does not say which', async () => {
    expect(await pulled('b'.repeat(64))).toEqual(held.revocations)
    expect(await pulled()).toEqual(held.revocations)
  })

  it('brings nothing to who holds the same', async () => {
    expect(await pulled(held.digest)).toEqual([])
  })
})
