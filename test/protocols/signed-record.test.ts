import { expect, it } from 'vitest'
import { openCertificate } from '../../protocols/membership/index.ts'
import { device, sealed } from '../membership/mesh-keys.ts'

it('a record that is kept takes its own size in memory, and not that of what it came in', async () => {
  const [mesh, subject] = [await device(), await device()]
  const bytes = await sealed({ mesh, issuer: mesh, subject })
  const pool = new Uint8Array(65_536)
  pool.set(bytes, 100)
  const { envelope } = await openCertificate(pool.subarray(100, 100 + bytes.byteLength))
  expect(envelope).toEqual(bytes)
  expect(envelope.buffer.byteLength).toBe(bytes.byteLength)
})
