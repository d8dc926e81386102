/** What `docs/http.md` says is so: its requests are run, and its errors are those of the code. */

import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe, it } from 'vitest'
import { ERROR_MEANINGS } from '../../interface/errors.ts'
import { definitionOf, TASK_NAMES } from '../../interface/tasks/index.ts'
import { startGateway } from './running-gateway.ts'

const ROOT = join(import.meta.dirname, '../..')
const page = await readFile(join(ROOT, 'docs/http.md'), 'utf8')
const blocks = [...page.matchAll(/```sh\n(.*?)```/gs)].map(([, text]) => text!)

describe('docs/http.md', () => {
  it('lists every error code with its status', () => {
    const rows = [...page.matchAll(/^\| `([A-Z_]+)` \| (\d+) \| (yes)? *\|$/gm)]
    assert.deepEqual(
      Object.fromEntries(
        rows.map(([, code, status, retryable]) => [code, [Number(status), retryable === 'yes']])
      ),
      Object.fromEntries(
        Object.entries(ERROR_MEANINGS).map(([code, { status, retryable }]) => [code, [status, retryable]])
      )
    )
  })

  it('lists every task', () => {
    for (const task of TASK_NAMES) {
      assert.ok(page.includes(`| \`${task}\` | `), task)
      for (const field of Object.keys(definitionOf(task).params.shape)) {
        assert.ok(
          page.includes(`\`${field.replace(/[A-Z]/g, letter => `_${letter.toLowerCase()}`)}\``),
          field
        )
      }
    }
  })

  it('has requests that a shell can run as they stand', async () => {
    await using gateway = await startGateway()
    const of = (part: string) => blocks.find(block => block.includes(part))!
    const [status, picture, stream] = [of('mesh.status'), of('seven.png'), of('/api/v2/stream')]
    const before = `TOKEN=${gateway.token}\nURL=${gateway.gateway.url}\n`
    const run = async (script: string) => {
      const own = script.replace(/^(?:TOKEN|URL)=.*\n/gm, '').replace(',"options":{"peer":"den"}', '')
      return (await promisify(execFile)('sh', ['-c', before + own], { cwd: ROOT })).stdout
    }
    assert.equal(JSON.parse(await run(status)).data.name, gateway.node.status().name)
    // The node of this test has another model; that it is looked for shows that the picture was read.
    assert.match(JSON.parse(await run(picture)).error.code, /MODEL_NOT_FOUND|NO_PROVIDER/)
    assert.match(await run(stream), /event: item\ndata: \{"type":"text".*event: end/s)
  })
})
