import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { it } from 'vitest'

const DEMO = fileURLToPath(new URL('../../examples/demo.ts', import.meta.url))

it('the demo shows one node answered by two others', async () => {
  const { stdout } = await promisify(execFile)(process.execPath, [DEMO], {
    env: { ...process.env, NO_COLOR: '1' }
  })
  assert.match(stdout, /\n {2}7 {2}█+ 9\d\.\d %\n/)
  assert.match(stdout, /answered by den \(remote\) with digits-cnn/)
  assert.match(stdout, /answered by attic \(remote\) with echo/)
})
