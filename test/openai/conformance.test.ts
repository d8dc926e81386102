/**
 * `webai-at-home openai_test conformance`, another project's suite of this protocol, where it is installed: in a
 * folder of its own, which `LUMOS_WEBAI` names. It is no dependency, so it says when it did not run.
 */

import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { it } from 'vitest'
import { TALKER } from './scripted-engine.ts'
import { startDevices } from './two-devices.ts'

const suite = join(process.env.LUMOS_WEBAI ?? '', 'node_modules/.bin/webai-at-home')
const isThere = process.env.LUMOS_WEBAI !== undefined && existsSync(suite)
if (!isThere) console.warn('the conformance suite did not run: LUMOS_WEBAI names no folder that has it')

it.skipIf(!isThere)('the suite of another project finds no failure', { timeout: 120_000 }, async () => {
  await using devices = await startDevices()
  const args = ['openai_test', 'conformance', '--base_url', devices.baseURL, '--api_key', devices.token]
  const report = await new Promise<string>(resolve =>
    execFile(suite, [...args, '--model', TALKER, '--profile', 'full', '--ci'], (_, stdout, stderr) =>
      resolve(stdout + stderr)
    )
  )
  assert.match(report, /^Failed: 0$/m, report)
})
