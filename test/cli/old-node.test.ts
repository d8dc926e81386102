/** The command as npm runs it: from a clone, and by a Node that cannot read the rest of it. */

import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { cp, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { it } from 'vitest'

const MANIFEST = new URL('../../package.json', import.meta.url)
const { bin, engines } = JSON.parse(await readFile(MANIFEST, 'utf8'))
const COMMAND = fileURLToPath(new URL(bin['lumos-node'], MANIFEST))
const OLD = `data:text/javascript,Object.defineProperty(process,'version',{value:'v20.20.2'});Object.defineProperty(process,'versions',{value:{node:'20.20.2'}})`

const run = (...args: string[]) => promisify(execFile)(process.execPath, args)

it('runs the source of a clone, unbuilt', async () => {
  assert.match((await run(COMMAND, '--help')).stdout, /^Usage: lumos-node/)
})

it('says what to run in a clone whose libraries are not there yet', async () => {
  const clone = await mkdtemp(join(tmpdir(), 'lumos-clone-'))
  try {
    for (const file of ['package.json', 'cli/lumos-node.cjs', 'cli/main.ts'])
      await cp(new URL(file, MANIFEST), join(clone, file))
    await assert.rejects(run(join(clone, 'cli/lumos-node.cjs'), 'start'), {
      code: 1,
      stdout: '',
      stderr:
        /^A part of this program is missing\. In a clone, run first: npm ci\nCannot find package 'commander'/
    })
  } finally {
    await rm(clone, { recursive: true })
  }
})

it.each([['start'], ['status', '--json'], ['--help']])(
  'says in one sentence that its Node is too old, for %s',
  async (...args) => {
    assert.equal(engines.node, '>=24')
    await assert.rejects(run('--import', OLD, COMMAND, ...args), {
      code: 1,
      stdout: '',
      stderr: 'Node v20.20.2 is too old. Install Node 24 or newer.\n'
    })
  }
)
