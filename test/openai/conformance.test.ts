/**
 * `webai-at-home openai_test conformance`, another project's suite of this protocol, where it is installed: in a
 * folder of its own, which `WEBAI_AT_HOME` names. It is no dependency, so it says when it did not run.
 */

import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { it } from 'vitest'
import { startDevices } from './two-devices.ts'

const suite = join(process.env.WEBAI_AT_HOME ?? '', 'node_modules/.bin/webai-at-home')
const isThere = process.env.WEBAI_AT_HOME !== undefined && existsSync(suite)
if (!isThere) console.warn('the conformance suite did not run: WEBAI_AT_HOME names no folder that has it')

it.skipIf(!isThere)('the suite of another project finds nothing to fail', { timeout: 120_000 }, async () => {
  const models = fileURLToPath(new URL('../../models', import.meta.url))
  await using devices = await startDevices({ directories: [models] })
  const args = ['openai_test', 'conformance', '--base_url', devices.baseURL, '--api_key', devices.token]
  const report = await new Promise<string>(resolve =>
    execFile(suite, [...args, '--model', 'tiny-llm', '--profile', 'full', '--ci'], (_, stdout, stderr) =>
      resolve(stdout + stderr)
    )
  )
  const failed = report.split('\n').filter(line => /^ +Failed /.test(line))
  assert.match(report, /^Passed: 3\d$/m, report)
  assert.deepEqual(failed, [])
})
