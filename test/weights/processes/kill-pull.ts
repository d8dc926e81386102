/** One pull that is killed with `SIGKILL` and begun again. */

import assert from 'node:assert/strict'
import { DeviceProcess } from './devices.ts'

export interface KilledPull {
  readonly directory: string
  readonly seeder: DeviceProcess
  readonly cid: string
  readonly bytes: number
  /** So many leaves are there then. */
  readonly dieAt: number
}

const PULLER = 5

/** @throws {AssertionError} where a leaf that was there comes again. */
export async function killPull({ directory, seeder, cid, bytes, dieAt }: KilledPull) {
  await using dying = await DeviceProcess.start({ number: PULLER, directory })
  dying.meet(seeder)
  await assert.rejects(dying.fetch(cid, { dieAt }), /SIGKILL/)
  const { bytesDone } = dying.progress!
  await using again = await DeviceProcess.start({ number: PULLER, directory })
  again.meet(seeder)
  const fetched = await again.fetch(cid)
  const anew = fetched.fetched.reduce((sum, { from, bytes }) => sum + (from === 'disk' ? 0 : bytes), 0)
  assert.ok(anew <= bytes - bytesDone, `${anew} bytes came, and ${bytesDone} of ${bytes} were there`)
  return { ...fetched, bytesDone, anew }
}
