/** The engines of text models, when their node is killed in the middle of an answer. */

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { afterAll, it } from 'vitest'
import { obstacle } from './installed-llama.ts'
import { MODELS } from './parts.ts'
import { isRunning } from './processes.ts'

const GONE_MS = 5000
const folder = mkdtempSync(join(tmpdir(), 'lumos-orphans-'))
// Engines of root run as another user.
chmodSync(folder, 0o755)
afterAll(() => rmSync(folder, { recursive: true }))
cpSync(new URL('../fixtures/tiny-llm-gguf/tiny-llm-q8_0.gguf', import.meta.url), join(folder, 'tiny.gguf'))

const isLinux = process.platform === 'linux'
const told = obstacle === undefined ? 'llama-cpp' : `llama-cpp (did not run: ${obstacle})`

it.runIf(isLinux)('no process of transformers outlives a node that was killed', { timeout: 60_000 }, () =>
  isGoneWithNode(join(MODELS, 'tiny-llm'))
)
it.runIf(isLinux && obstacle === undefined)(
  `no process of ${told} outlives a node that was killed`,
  { timeout: 60_000 },
  () => isGoneWithNode(folder)
)

async function isGoneWithNode(model: string): Promise<void> {
  const script = fileURLToPath(new URL('busy-model-node.ts', import.meta.url))
  const node = spawn(process.execPath, [script, model], { stdio: ['ignore', 'pipe', 'inherit'] })
  const [printed] = await Promise.race([once(node.stdout, 'data'), once(node, 'exit')])
  const engine = String(printed).split('\n')[0]!.split(' ').map(Number)
  assert.ok(engine.length > 0 && engine.every(isRunning))

  node.kill('SIGKILL')
  const killedMs = performance.now()
  while (engine.some(isRunning)) {
    assert.ok(performance.now() - killedMs < GONE_MS, `${engine.filter(isRunning)} still run`)
    await setTimeout(50)
  }
}
