import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterEach, describe, expect, it } from 'vitest'
import { checkProgram, type ProgramCheck } from '../../capabilities/engines/external/check.ts'
import { external, programModel } from '../../capabilities/engines/external/kind.ts'
import { PARTS_BYTES_MAX } from '../../capabilities/engines/external/messages.ts'
import { Program } from '../../capabilities/engines/external/program.ts'
import type { ProgramSettings } from '../../capabilities/engines/external/program-settings.ts'
import type { Model } from '../../capabilities/host/engine.ts'
import { readModels } from '../../capabilities/models/read-models.ts'
import type { Registry } from '../../capabilities/serving/registry.ts'
import { systemClock } from '../../interface/clock.ts'
import { prepare } from '../../interface/prepare.ts'
import { accumulate, type TaskName } from '../../interface/tasks/index.ts'
import { ManualClock } from './manual-clock.ts'
import { errorOf, memoryLog, registryOf, textOf, textRequest } from './parts.ts'
import { isRunning } from './processes.ts'

const FIXTURE = fileURLToPath(new URL('../fixtures/programs/program.mjs', import.meta.url))
const EXAMPLES = fileURLToPath(new URL('../../examples/engines', import.meta.url))
const CLI = fileURLToPath(new URL('../../cli/main.ts', import.meta.url))
const LOAD = { model: 'm', files: [] }
const MIB = 1024 * 1024

const host = { clock: systemClock, log: memoryLog(), env: {}, cores: 2 }
const settings = (how: string, more: Partial<ProgramSettings> = {}): ProgramSettings => ({
  ...{ name: 'echo-program', command: process.execPath, args: [FIXTURE, how], env: {} },
  ...{ tasks: ['text-generation'], slots: 1, read: [], gpu: false },
  ...more
})

const opened: { close(): Promise<unknown> }[] = []
afterEach(async () => {
  await Promise.all(opened.splice(0).map(one => one.close()))
})

function programOf(how: string, clock = systemClock): Program {
  const program = new Program({
    ...{ clock, command: process.execPath, args: [FIXTURE, how], env: {}, ownGroup: true },
    stderr: () => {},
    onLost: () => {}
  })
  opened.push(program)
  return program
}

async function served(...models: Model[]): Promise<Registry> {
  const registry = registryOf(models)
  opened.push({ close: () => registry.stop() })
  return registry
}

const hello = { messages: [{ role: 'user', content: 'good day' }] }
const ask = (program: Program) =>
  program.ask({ task: 'text-generation', input: hello, params: {}, budgetMs: 1000 })

describe('a program that is an engine', () => {
  it('answers, gets its own environment only, and its memory is counted', async () => {
    const model = programModel(settings('environment', { env: { KIND: 'mild' } }), host)
    const registry = await served(model)
    const names = (await textOf(registry.infer(textRequest('x')))).split(' ')[0]!.split(',')
    expect(names.filter(name => !name.startsWith('LC_'))).toEqual(['PATH', 'KIND'])
    // Two processes of Node.
    if (process.platform === 'linux') expect(registry.memoryBytes()).toBeGreaterThan(75 * MIB)
  })

  it.each([
    ['endless', /a line of more than 1048576 bytes/],
    ['wrong-id', /of request 4711, which it does not have/],
    ['after-done', /of request 1, which it does not have/],
    ['giant', new RegExp(`parts of more than ${PARTS_BYTES_MAX} bytes`)],
    ['no-part', /the number of a part that is not there/],
    ['noise', /a line that is no message: stdout is for messages only/],
    ['reports', /flooded its node with reports/],
    ['unasked', /type "loaded", which has no place here/],
    ['deep', /no message|cannot be read/],
    ['dies', /ended by itself \(code 3\)/]
  ])('is ended when it is %s, and what it did is named', async (how, said) => {
    const program = programOf(how)
    await program.start()
    await program.load(LOAD)
    const { call } = ask(program)
    // What it said rightly before may still be taken.
    const lost = new Promise<Error>(resolve => {
      const read = (): Promise<void> => call.next().then(read, resolve)
      void read()
    })
    if (how === 'after-done') await program.exited
    else expect((await lost).message).toMatch(said)
    await program.exited
    expect(program.loaded).toBe(false)
    expect(() => ask(program)).toThrow('not loaded')
  })

  it('that never says hello is ended in 20 s; one of another version, or that cannot load, says so', async () => {
    const clock = new ManualClock()
    const silent = programOf('silent', clock)
    const started = silent.start()
    clock.advance(20_000)
    await expect(started).rejects.toThrow('said no hello in 20 s')
    await silent.exited
    await expect(programOf('later').start()).rejects.toThrow('speaks protocol 2; this node speaks 1')
    const broken = programOf('broken')
    await broken.start()
    await expect(broken.load(LOAD)).rejects.toMatchObject({ code: 'MODEL_INVALID', message: /no weights/ })
  })

  it('that dies costs its own request, and is started anew; a promise of the settings that it breaks is refused', async () => {
    const registry = await served(
      programModel(settings('dies-once'), host),
      programModel(settings('polite', { name: 'four', slots: 4 }), host)
    )
    const lost = await errorOf(registry.infer(textRequest('die')))
    expect(lost).toMatchObject({ code: 'ENGINE_FAILED', message: /ended by itself \(SIGKILL\)/ })
    while (registry.models()[0]!.warm) await setTimeout(5)
    expect(await textOf(registry.infer(textRequest('hi')))).toBe('hi to you')
    const refused = await errorOf(registry.infer({ ...textRequest('hi'), model: 'four' }))
    expect(refused).toMatchObject({
      code: 'MODEL_INVALID',
      message: /promises of this program 4 slots, and it has 1/
    })
  })

  it('is not held up by one reader that does not read: that request alone is ended, and the others are served', async () => {
    const program = programOf('writes')
    await program.start()
    await program.load(LOAD)
    const asked = (text: string) =>
      program.ask({
        ...{ task: 'text-generation', params: {}, budgetMs: 1000 },
        input: { messages: [{ role: 'user', content: text }] }
      })
    const unread = asked('write on')
    expect((await asked('hi').call.next()) as object).toMatchObject({ text: 'hi to you' })
    const other = asked('write on')
    const read = async (): Promise<never> => {
      for (;;) await other.call.next()
    }
    const left = read().catch((err: unknown) => err)
    await unread.call.settled
    await expect(unread.call.next()).rejects.toMatchObject({
      code: 'OVERLOADED',
      message: /more than 16777216 bytes behind/
    })
    program.cancel(other.id, new Error('left'))
    await other.call.settled
    expect(await left).toMatchObject({ message: 'left' })
    expect(program.loaded).toBe(true)
  })

  it.runIf(process.platform === 'linux')('takes the processes with it that it began', async () => {
    const model = programModel(settings('forks'), host)
    const registry = await served(model)
    const pid = Number((await textOf(registry.infer(textRequest('x')))).split(' ')[0])
    // In a sandbox with processes of its own, it has another number here.
    if (pid > 100) expect(isRunning(pid)).toBe(true)
    await registry.stop()
    while (isRunning(pid)) await setTimeout(5)
  })
})

describe('a model that names a program', () => {
  async function folder(): Promise<{ path: string; mark: string }> {
    const path = join(await mkdtemp(join(tmpdir(), 'lumos-program-')), 'sly')
    const mark = join(path, 'was-run')
    const command = { command: '/bin/sh', args: ['-c', `touch ${mark}`] }
    await mkdir(path)
    await writeFile(join(path, 'weights.pt'), 'weights')
    const info = {
      ...{ name: 'sly', version: '1', description: 'x', model_type: 'llm', task: 'text-generation' },
      runtimes: { external: { available: true, engine: 'mine', files: ['weights.pt'], ...command } },
      metadata: { license: 'MIT', author: 'x', created_at: 'x' },
      ...{ ...command, runtime: command, 'engines.external': { mine: command } }
    }
    await writeFile(join(path, 'model_info.json'), JSON.stringify(info))
    return { path, mark }
  }

  it('is never the one that says which: without the owner it is left out, and with it the program of the owner runs', async () => {
    const { path, mark } = await folder()
    await expect(readModels(path)).rejects.toMatchObject({
      code: 'MODEL_INVALID',
      message: /it is for external, and no program of engines.external/
    })
    const engines = (programs: ProgramSettings[]) => ({
      get: () => undefined,
      isStopped: () => false,
      programs
    })
    const other = settings('polite', { name: 'other', runtime: 'external' })
    await expect(readModels(path, engines([other]))).rejects.toMatchObject({ code: 'MODEL_INVALID' })

    const mine = settings('polite', { name: 'mine', runtime: 'external' })
    const [found] = await readModels(path, engines([mine]))
    expect(JSON.stringify(found!.settings)).not.toContain('touch')
    const registry = await served(external.serve(found!, host))
    expect(await textOf(registry.infer(textRequest('hi')))).toBe('hi to you')
    expect(existsSync(mark)).toBe(false)
  })
})

const failed = (checks: readonly ProgramCheck[]) =>
  checks.flatMap(({ check, result }) => (result === 'failed' ? [check] : []))

describe('a check of a program', () => {
  const check = (how: string) =>
    checkProgram({ clock: systemClock, command: process.execPath, args: [FIXTURE, how], env: {} })

  it('passes one that keeps the protocol, and says what another breaks', async () => {
    const polite = await check('polite')
    expect(polite.map(({ result }) => result)).toEqual(Array(polite.length).fill('ok'))
    expect(polite.length).toBe(10)
    expect(failed(await check('wrong-id'))).toContain('answers text-generation')
    expect(failed(await check('later'))).toEqual(['says hello'])
    const [absent] = await checkProgram({
      ...{ clock: systemClock, command: process.execPath, args: ['/nope.mjs'], env: {} }
    })
    expect(absent!.stderr).toContain("Cannot find module '/nope.mjs'")
    expect(absent!.stderr!.length).toBeLessThanOrEqual(2048)
  })

  it('is a command, whose exit code says it, and which shows what a program wrote to stderr', async () => {
    const run = (...args: string[]) =>
      promisify(execFile)(process.execPath, [CLI, 'engine', 'check', ...args]).then(
        ({ stdout }) => ({ code: 0, stdout }),
        ({ code, stdout }) => ({ code, stdout })
      )
    const complains = String.raw`console.error('\u001b[31mno such thing'); process.exit(1)`
    const [polite, broken, shown] = await Promise.all([
      run('--json', '--', process.execPath, FIXTURE, 'polite'),
      run('--json', '--', process.execPath, FIXTURE, 'broken'),
      run('--', process.execPath, '-e', complains)
    ])
    expect(polite.code).toBe(0)
    expect(JSON.parse(polite.stdout)).toMatchObject({ ok: true })
    expect(broken.code).not.toBe(0)
    expect(JSON.parse(broken.stdout).checks[1]).toMatchObject({
      check: 'loads',
      result: 'failed',
      note: expect.stringMatching(/no weights/)
    })
    expect(shown.stdout).toMatch(/says hello: .*code 1.*\n {8}.*no such thing/)
    expect(shown.stdout).not.toContain('\u001b[31mno')
  })
})

const PYTHON = '/usr/bin/python3'
const has = (...programs: string[]) => programs.every(program => existsSync(program))
const example = (name: string, task: TaskName, ...files: string[]): Model => {
  const args = files.map(file => join(EXAMPLES, file))
  return programModel(settings('', { name, tasks: [task], command: PYTHON, args }), host)
}

async function answerOf(registry: Registry, task: TaskName, input: unknown, params = {}): Promise<unknown> {
  const request = prepare({ id: 'x', task, input, params, budgetMs: 60_000 })
  const sum = accumulate(task)
  for await (const chunk of registry.infer(request)) sum.add(chunk)
  return sum.output()
}

describe('the example with espeak, which runs only where that is installed,', () => {
  it.runIf(has(PYTHON, '/usr/bin/espeak-ng'))(
    'speaks, and refuses a voice that espeak does not have',
    async () => {
      const registry = await served(example('espeak', 'text-to-speech', 'espeak.py'))
      const speech = (voice?: string) =>
        answerOf(registry, 'text-to-speech', { text: 'hi' }, voice === undefined ? {} : { voice })
      expect(await speech()).toMatchObject({ mime: 'audio/wav' })
      await expect(speech('alloy')).rejects.toMatchObject({ code: 'INVALID_INPUT', message: /'alloy'/ })
    }
  )
})
