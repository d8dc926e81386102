/** Text models whose files are made to harm the node that opens them: each costs one process, and nothing else. */

import assert from 'node:assert/strict'
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, describe, it } from 'vitest'
import { transformers } from '../../capabilities/engines/transformers/kind.ts'
import type { Engine } from '../../capabilities/host/engine.ts'
import { readModels } from '../../capabilities/models/read-models.ts'
import { LumosError } from '../../interface/errors.ts'
import { prepare } from '../../interface/prepare.ts'
import { ManualClock } from '../capabilities/manual-clock.ts'
import { MODELS, memoryLog } from '../capabilities/parts.ts'

/** Each test loads the library anew, one of them twice: a second each, and many times that on a busy machine. */
const LOADS_MS = 90_000
/** How long a cancelled run may go on. */
const CANCEL_GRACE_MS = 2000
const ENDLESS =
  '{% for a in range(9999) %}{% for b in range(9999) %}{% for c in range(9999) %}{% endfor %}{% endfor %}{% endfor %}'
const EXPLODING =
  '{% set all = namespace(text="xx") %}{% for a in range(24) %}{% set all.text = all.text + all.text %}{% endfor %}{{ all.text }}'

let home: string
let engine: Engine
const clock = new ManualClock()

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'lumos-hostile-'))
})
afterEach(() => engine?.close())
afterAll(() => rm(home, { recursive: true, force: true }))

let models = 0

/** The engine of `tiny-llm`, one of whose files `change` has made another; its description, which has hashes, is gone. */
async function changed(file: string, change: (text: string) => string): Promise<void> {
  const folder = join(home, `m${models++}`)
  await cp(join(MODELS, 'tiny-llm'), folder, { recursive: true })
  await rm(join(folder, 'model_info.json'))
  await writeFile(join(folder, file), change(await readFile(join(folder, file), 'utf8').catch(() => '')))
  const [found] = await readModels(folder)
  engine = transformers.serve(found!, { clock, log: memoryLog(), env: {}, cores: 2 }).engine
}

const withTemplate = (template: string): Promise<void> => changed('chat_template.jinja', () => template)

async function ask(input: object, signal?: AbortSignal): Promise<void> {
  const request = {
    id: 'r',
    task: 'text-generation' as const,
    input,
    params: { maxTokens: 4 },
    budgetMs: 60_000
  }
  await Array.fromAsync(engine.infer(prepare(request), { signal }))
}
const chat = { messages: [{ role: 'user', content: 'Hello' }] }

async function failureOf(working: Promise<void>): Promise<LumosError> {
  const thrown = await working.then(
    () => assert.fail('It went well.'),
    err => err
  )
  assert.ok(thrown instanceof LumosError, String(thrown))
  return thrown
}

/** The caller gives up; the process, which notices nothing, is ended. */
async function isEnded(input: object): Promise<void> {
  await engine.load()
  const controller = new AbortController()
  const lost = new Promise<void>(resolve => {
    engine.onLost = resolve
  })
  const working = failureOf(ask(input, controller.signal))
  await setImmediate()
  controller.abort(new LumosError('TIMEOUT', 'The budget is over.'))
  assert.equal((await working).code, 'TIMEOUT')
  clock.advance(CANCEL_GRACE_MS)
  await lost
  assert.equal(engine.loaded, false)
}

describe('the files of a text model', { timeout: LOADS_MS }, () => {
  it('may hold a template that never ends: its process is ended, and the next one answers', async () => {
    await withTemplate(ENDLESS)
    await isEnded(chat)
    await engine.load()
    await ask({ prompt: 'Hello' })
  })

  it('may hold a tokenizer that never ends', async () => {
    await changed('tokenizer.json', text => {
      const split = { type: 'Split', pattern: { Regex: '(a+)+b' }, behavior: 'Isolated', invert: false }
      return JSON.stringify({ ...JSON.parse(text), pre_tokenizer: split })
    })
    await isEnded({ prompt: 'a'.repeat(60) })
  })

  it('may hold a template that makes too much of a conversation: the request is refused, and others are answered', async () => {
    await withTemplate(EXPLODING)
    await engine.load()
    assert.match((await failureOf(ask(chat))).message, /makes more than 16777216 characters/)
    await ask({ prompt: 'Hello' })
    assert.equal(engine.loaded, true)
  })

  it('may hold a template that refuses a conversation, in words of its own', async () => {
    await withTemplate('{{ raise_exception("No system role here") }}')
    await engine.load()
    const { code, message } = await failureOf(ask(chat))
    assert.deepEqual([code, /No system role here/.test(message)], ['INVALID_INPUT', true])
  })

  it.each<[what: string, file: string, change: (text: string) => string]>([
    ['a tokenizer that is no JSON', 'tokenizer.json', () => '{"model": '],
    ['a graph that is none', 'onnx/model_quantized.onnx', () => 'no graph'],
    [
      'an architecture that the library does not know',
      'config.json',
      text => text.replace('"llama"', '"no-such-type"')
    ]
  ])('is refused with %s', async (_, file, change) => {
    await changed(file, change)
    assert.equal((await failureOf(engine.load())).code, 'MODEL_INVALID')
    assert.equal(engine.loaded, false)
  })
})
