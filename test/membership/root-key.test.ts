import { join } from 'node:path'
import { generateKeyPair } from '@libp2p/crypto/keys'
import { expect, it } from 'vitest'
import { meshIdOf, RootKey } from '../../node/membership/root-key.ts'
import { temporaryHome } from '../storage/home.ts'

it('a root key that cannot be stored leaves the one that is there', async () => {
  const path = join(temporaryHome(), 'root.key')
  const first = await new RootKey(path, {}).create()
  const other = await generateKeyPair('Ed25519')

  const refusing = new RootKey(path, { passphrase: 'short' })
  await expect(refusing.replace(other)).rejects.toMatchObject({ code: 'INVALID_INPUT' })
  const root = new RootKey(path, {})
  await root.load()
  expect(root.of(meshIdOf(first))?.equals(first)).toBe(true)

  await root.replace(other)
  const again = new RootKey(path, {})
  await again.load()
  expect(again.of(meshIdOf(other))?.equals(other)).toBe(true)
  expect(again.of(meshIdOf(first))).toBeUndefined()
})
