/** The Go client, compiled and run where Go is installed. */

import assert from 'node:assert/strict'
import { execFile, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe, it } from 'vitest'
import { startGateway } from '../gateway/running-gateway.ts'

const FOLDER = join(import.meta.dirname, '../../client/go')
/** Go compiles its own library first where no cache has it. */
const COMPILE_TIMEOUT_MS = 180_000

const hasGo = spawnSync('go', ['version']).status === 0
if (!hasGo) console.warn('DID NOT RUN: the Go client. Go is not installed.')

describe.skipIf(!hasGo)('the Go client', () => {
  it('streams a chat with a token, and fails with the code of the node', {
    timeout: COMPILE_TIMEOUT_MS
  }, async () => {
    await using gateway = await startGateway()
    const out = await mkdtemp(join(tmpdir(), 'lumos-go-'))
    const program = join(out, 'example')
    const env = { ...process.env, GOPROXY: 'off', GOFLAGS: '-mod=mod', CGO_ENABLED: '0' }
    await promisify(execFile)('go', ['build', '-o', program, './example'], { cwd: FOLDER, env })
    await promisify(execFile)('go', ['vet', './...'], { cwd: FOLDER, env })
    const run = (model: string, token: string) =>
      promisify(execFile)(program, [model, 'one two three'], {
        env: { LUMOS_URL: `http://127.0.0.1:${gateway.port}`, LUMOS_TOKEN: token }
      })

    assert.equal((await run('held', gateway.token)).stdout, 'one two three\n')
    await assert.rejects(run('helt', gateway.token), { code: 1, stderr: /^NO_PROVIDER: .*held/ })
    await assert.rejects(run('held', 'wrong'), (err: Error & { stderr: string }) =>
      err.stderr.startsWith('UNAUTHENTICATED: ')
    )
    // Another program at the address of the node.
    const asked: (string | undefined)[] = []
    const other = createServer(({ url }, response) => {
      asked.push(url)
      response.writeHead(307, { location: '/elsewhere' }).end()
    }).listen(0, '127.0.0.1')
    await once(other, 'listening')
    const { port } = other.address() as AddressInfo
    const elsewhere = { LUMOS_URL: `http://127.0.0.1:${port}`, LUMOS_TOKEN: gateway.token }
    await assert.rejects(promisify(execFile)(program, ['held', 'one'], { env: elsewhere }))
    assert.equal(asked.length, 1)
    other.close()
    await rm(out, { recursive: true })
  })
})
