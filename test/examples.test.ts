import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { it } from 'vitest'

it('examples/own-engine.ts serves an engine of its own', async () => {
  const example = join(import.meta.dirname, '../examples/own-engine.ts')
  const { stdout } = await promisify(execFile)(process.execPath, [example])
  assert.equal(stdout, 'HELLO\n')
})

it('examples/shared-memory.ts has what two devices learnt on both', async () => {
  const example = join(import.meta.dirname, '../examples/shared-memory.ts')
  const { stdout } = await promisify(execFile)(process.execPath, [example])
  assert.deepEqual(stdout.split('\n'), [
    'desk the one by the window',
    'tea green, without milk',
    'desk has learnt tea',
    'phone has learnt desk',
    ''
  ])
})
