/** `npm run examples`: the engines of `examples/engines` whose programs are slow. Each runs only where its programs are installed. */

import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { afterEach, describe, expect, it } from 'vitest'
import { programModel } from '../../capabilities/engines/external/kind.ts'
import type { Model } from '../../capabilities/host/engine.ts'
import type { Registry } from '../../capabilities/serving/registry.ts'
import { systemClock } from '../../interface/clock.ts'
import { prepare } from '../../interface/prepare.ts'
import { accumulate, type TaskName } from '../../interface/tasks/index.ts'
import { memoryLog, registryOf } from './parts.ts'

const EXAMPLES = fileURLToPath(new URL('../../examples/engines/', import.meta.url))
const host = { clock: systemClock, log: memoryLog(), env: {}, cores: 2 }

const opened: Registry[] = []
afterEach(async () => {
  await Promise.all(opened.splice(0).map(one => one.stop()))
})

function served(...models: Model[]): Registry {
  const registry = registryOf(models)
  opened.push(registry)
  return registry
}

const PYTHON = '/usr/bin/python3'
const SPOKEN = [PYTHON, '/usr/bin/espeak-ng', '/usr/bin/pocketsphinx_continuous']
const TRANSLATED = [PYTHON, '/usr/bin/apertium', '/usr/share/apertium/modes/eng-spa.mode']
const lacks = (programs: readonly string[]) => programs.find(program => !existsSync(program))
const named = (what: string, programs: readonly string[]) =>
  lacks(programs) === undefined ? what : `${what} (not run: ${lacks(programs)} is missing)`
const example = (name: string, task: TaskName, ...files: string[]): Model => {
  const args = files.map(file => `${EXAMPLES}${file}`)
  const program = { name, command: PYTHON, args, env: {}, tasks: [task], slots: 1, read: [], gpu: false }
  return programModel(program, host)
}

async function answerOf(registry: Registry, task: TaskName, input: unknown, params = {}): Promise<unknown> {
  const request = prepare({ id: 'x', task, input, params, budgetMs: 60_000 })
  const sum = accumulate(task)
  for await (const chunk of registry.infer(request)) sum.add(chunk)
  return sum.output()
}

describe('examples/engines', () => {
  it.runIf(lacks(SPOKEN) === undefined)(
    named('espeak.py and pocketsphinx.py speak a sentence, and recognise its words again', SPOKEN),
    { timeout: 60_000 },
    async () => {
      const registry = served(
        example('espeak', 'text-to-speech', 'espeak.py'),
        example('pocketsphinx', 'automatic-speech-recognition', 'pocketsphinx.py', 'commands.gram')
      )
      const speech = await answerOf(registry, 'text-to-speech', { text: 'turn on the light' }, { speed: 0.8 })
      const { mime, audio } = speech as { mime: string; audio: Uint8Array }
      expect(mime).toBe('audio/wav')
      const heard = await answerOf(registry, 'automatic-speech-recognition', { audio })
      expect(heard).toMatchObject({ text: 'turn on the light', language: 'en' })
      await expect(
        answerOf(registry, 'automatic-speech-recognition', { audio: Buffer.from('no recording') })
      ).rejects.toMatchObject({ code: 'INVALID_INPUT' })
    }
  )

  it.runIf(lacks(TRANSLATED) === undefined)(
    named('apertium.py translates texts', TRANSLATED),
    { timeout: 60_000 },
    async () => {
      const registry = served(example('apertium', 'translation', 'apertium.py'))
      const texts = ['The house is red.', 'Good morning.']
      const said = await answerOf(registry, 'translation', { texts }, { from: 'en', to: 'es' })
      expect(said).toEqual({ texts: ['La casa es roja.', 'Buenos días.'] })
      await expect(answerOf(registry, 'translation', { texts }, { to: 'fr' })).rejects.toMatchObject({
        code: 'INVALID_INPUT'
      })
    }
  )
})
