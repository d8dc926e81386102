/** What an admin that turned hostile can do with the time that a mesh was named at. */

import assert from 'node:assert/strict'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, it } from 'vitest'
import { Hello } from '../../protocols/hello/codec.ts'
import { decodeControl, encodeControl } from '../../protocols/wire/control.ts'
import { meets, startNode, temporaryHome, waitFor } from '../node/mesh-nodes.ts'

const hello = (meshNamedAtMs: number) => ({
  version: 1,
  mesh: 'mesh',
  meshName: 'home',
  meshNamedAtMs,
  revocationsDigest: ''
})

describe('the time that a mesh was named at', () => {
  it('is a whole number that is safe on the wire: anything else is no hello', () => {
    assert.equal(decodeControl(Hello, encodeControl(hello(Number.MAX_SAFE_INTEGER))).meshName, 'home')
    for (const wrong of [-1, 0.5, 2 ** 53, -(2 ** 53)]) {
      assert.throws(() => decodeControl(Hello, encodeControl(hello(wrong))), { code: 'PROTOCOL_VIOLATION' })
    }
  })

  it('is healed where an earlier version has stored what no number can hold: the node starts, renames and meets others', async () => {
    const home = await temporaryHome()
    try {
      await (await startNode('den', [], { home }))[Symbol.asyncDispose]()
      using core = new DatabaseSync(join(home, 'core.db'))
      core.exec(`UPDATE mesh SET named_at_ms = ${2n ** 53n}`)
      core.close()

      await using den = await startNode('den', [], { home })
      await using attic = await startNode('attic')
      await attic.mesh.join(den.mesh.invite().code)
      await Promise.all([meets(den, attic), meets(attic, den)])
      await den.mesh.rename('house')
      await waitFor(() => attic.mesh.info().name === 'house')
    } finally {
      await rm(home, { recursive: true, force: true })
    }
  })
})
