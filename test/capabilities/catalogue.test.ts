/** Models that come and go in real folders; only the time between two looks is made. */

import assert from 'node:assert/strict'
import { appendFile, mkdir, mkdtemp, rename, rm, symlink, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, it, onTestFinished, vi } from 'vitest'
import { echoModel } from '../../capabilities/engines/echo.ts'
import { llamaCpp } from '../../capabilities/engines/llama-cpp/kind.ts'
import { Catalogue, type CatalogueOptions } from '../../capabilities/models/catalogue.ts'
import type { PlacedModel } from '../../capabilities/models/found-model.ts'
import { ModelFolder } from '../../capabilities/models/model-folder.ts'
import { CAPABILITIES_MAX } from '../../interface/manifest.ts'
import type { LeftOut } from '../../interface/node.ts'
import { ManualClock } from './manual-clock.ts'
import { memoryLog } from './parts.ts'

/** Longer than any pause between two looks. */
const A_LOOK_MS = 10_000

let home: string
let clock: ManualClock
let catalogue: Catalogue
let log: ReturnType<typeof memoryLog>
/** Ids that were told last, and how often. */
let served: string[]
let changes: number

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'lumos-catalogue-'))
  clock = new ManualClock()
  log = memoryLog()
  served = []
  changes = 0
})
afterEach(async () => {
  catalogue.stop()
  await rm(home, { recursive: true })
})

const modelOf = (id: string): PlacedModel => ({ place: `settings.${id}`, model: echoModel({ clock }, id) })

async function start(
  directories: readonly string[],
  fixed: readonly PlacedModel[] = [],
  more: Pick<CatalogueOptions, 'demonstrations' | 'engines'> = {}
): Promise<void> {
  catalogue = new Catalogue({
    ...more,
    clock,
    log,
    fixed,
    directories: directories.map(name => join(home, name)),
    serve: found => ({ ...echoModel({ clock }, found.id), tasks: found.tasks }),
    onChange(models) {
      changes++
      served = models.map(({ id }) => id)
    }
  })
  await catalogue.start()
}

async function put(folder: string, name: string): Promise<void> {
  await write(`${folder}/onnx/model.onnx`, 'graph')
  await write(`${folder}/model_info.json`, JSON.stringify(infoOf(name)))
}

async function write(path: string, content: string): Promise<void> {
  await mkdir(dirname(join(home, path)), { recursive: true })
  await writeFile(join(home, path), content)
}

const infoOf = (name: string) => ({
  name,
  version: '1',
  description: 'A model.',
  model_type: 'cnn',
  runtimes: { onnx: { available: true, files: ['onnx/model.onnx'] } },
  metadata: { license: 'MIT', author: 'someone', created_at: '2026-01-01' }
})

/** Lets the folders be read, again and again, until this holds. */
async function until(holds: () => boolean): Promise<void> {
  while (!holds()) {
    clock.advance(A_LOOK_MS)
    await new Promise(resolve => setTimeout(resolve, 5))
  }
}

const reasons = (): string[] =>
  catalogue.leftOut.map(({ place, reason }) => `${place.slice(home.length)}: ${reason}`)

describe('Catalogue', () => {
  it.each([
    { slots: 0 },
    { slots: 1e9 },
    { slots: 1.5 },
    { contextTokens: Number.NaN },
    { contextTokens: 2 ** 52 }
  ])('leaves out a model that states %o, which peers would refuse with the whole manifest', async stated => {
    const { place, model } = modelOf('wrong')
    await start([], [{ place, model: { ...model, ...stated } }, modelOf('right')])
    assert.deepEqual(served, ['right'])
    assert.deepEqual(
      catalogue.leftOut.map(({ model, code }) => [model, code]),
      [['wrong', 'MODEL_INVALID']]
    )
  })

  it('serves what is put into a folder and no longer what is taken away', async () => {
    await put('m/first', 'first')
    await start(['m'])
    assert.deepEqual(served, ['first'])

    await put('m/second', 'second')
    await until(() => served.includes('second'))
    await rm(join(home, 'm/first'), { recursive: true })
    await until(() => !served.includes('first'))
    assert.deepEqual(served, ['second'])
    assert.deepEqual(reasons(), [])
  })

  it('ends each wait for a folder, also when a look is due while another one is under way', async () => {
    await put('m/first', 'first')
    const folder = new ModelFolder(join(home, 'm'), { clock, optional: false, onChange() {} })
    onTestFinished(() => folder.stop())
    await folder.start()
    const waits = [folder.refresh(), folder.refresh()]
    clock.advance(A_LOOK_MS)
    await Promise.all(waits)
    assert.deepEqual(
      folder.models.map(({ id }) => id),
      ['first']
    )
  })

  it('is told of a change by the operating system, before the next look', async () => {
    await mkdir(join(home, 'm'))
    await start(['m'])
    await put('aside', 'moved')
    await rename(join(home, 'aside'), join(home, 'm/moved'))
    // Two looks, a second apart, see the same files: far earlier than the folder is read anyway.
    for (let looks = 0; looks < 3 && served.length === 0; ) {
      const timers = clock.monotonicMs()
      await new Promise(resolve => setTimeout(resolve, 50))
      clock.advance(1000)
      if (clock.monotonicMs() > timers) looks++
      await new Promise(resolve => setTimeout(resolve, 50))
    }
    assert.deepEqual(served, ['moved'])
  })

  it('takes a copy only when its files no longer change', async () => {
    await mkdir(join(home, 'm'))
    await start(['m'])
    await put('m/slow', 'slow')
    await until(() => catalogue.leftOut.length > 0 || served.length > 0)
    for (let piece = 0; piece < 5; piece++) {
      assert.deepEqual(served, [])
      assert.match(reasons().join(), /slow: Its files still change\./)
      await appendFile(join(home, 'm/slow/onnx/model.onnx'), 'more')
      const before = log.lines.length
      clock.advance(A_LOOK_MS)
      await new Promise(resolve => setTimeout(resolve, 50))
      assert.equal(log.lines.length, before)
    }
    await until(() => served.length === 1)
    assert.deepEqual(reasons(), [])
  })

  it('makes another model of one whose files were replaced, and leaves the others as they are', async () => {
    await put('m/kept', 'kept')
    await put('m/new', 'new')
    await start(['m'])
    await utimes(join(home, 'm/new/onnx/model.onnx'), 1, 1)
    await until(() => changes === 3)
    // Once without the old one, once with the new one.
    assert.deepEqual(served, ['kept', 'new'])
    clock.advance(A_LOOK_MS)
    assert.equal(changes, 3)
  })

  it('serves no model of a stopped engine, a demonstration neither', async () => {
    await put('m/own', 'own')
    await put('shipped/shown', 'shown')
    let stopped = false
    const engines = { get: () => undefined, isStopped: () => stopped }
    await start(['m'], [], { demonstrations: join(home, 'shipped'), engines })
    assert.deepEqual(served, ['own', 'shown'])

    stopped = true
    await catalogue.refresh()
    assert.deepEqual(served, [])
    assert.match(reasons().join(), /shown.*its engine is stopped/)

    stopped = false
    await catalogue.refresh()
    assert.deepEqual(served, ['own', 'shown'])
  })

  it('mends a broken model as soon as its description is right', async () => {
    await put('m/x', 'x')
    await write('m/x/model_info.json', '{')
    await start(['m'])
    assert.match(reasons()[0]!, /\/m\/x: model_info.json is no JSON/)
    assert.equal(log.lines.filter(({ message }) => message === 'model left out').length, 1)
    await put('m/x', 'x')
    await until(() => served.length === 1)
    assert.deepEqual(reasons(), [])
  })

  it('reads a broken file once, and again when it has changed', async () => {
    const find = vi.spyOn(llamaCpp, 'find')
    onTestFinished(() => find.mockRestore())
    const reads = () => find.mock.calls.filter(([{ path }]) => path.endsWith('cut')).length
    const installed = { engine: 'llama-cpp', path: '/nowhere', mark: '/nowhere', accelerators: [] }
    const engines = { get: () => installed as never, isStopped: () => false }
    const folder = new ModelFolder(join(home, 'models'), { clock, optional: false, engines, onChange() {} })
    await write('models/cut/model.gguf', 'GGUF, and no more')
    await folder.start()
    const [{ reason }] = folder.leftOut as [LeftOut]
    assert.match(reason, /model\.gguf/)
    for (let look = 0; look < 5; look++) {
      // It is seen in a later look.
      await write(`models/other-${look}/notes`, 'no model')
      await until(() => folder.leftOut.length === look + 2)
    }
    assert.deepEqual([reads(), folder.leftOut[0]!.reason], [1, reason])

    await appendFile(join(home, 'models/cut/model.gguf'), '.')
    await until(() => reads() === 2)
    // Another installation of its engine may open it.
    installed.mark = '/elsewhere'
    await until(() => reads() === 3)
    folder.stop()
  })

  it('says why of a folder that is missing or is none, and serves it once it is there', async () => {
    await put('good/x', 'good')
    await write('file', 'no folder')
    await symlink(join(home, 'loop'), join(home, 'loop'))
    await start(['late', 'file', 'loop', 'good'])
    assert.deepEqual(served, ['good'])
    assert.deepEqual(reasons(), [
      '/late: There is no such folder.',
      '/file: The folder is not readable: ENOTDIR.',
      '/loop: The folder is not readable: ELOOP.'
    ])
    await put('late/x', 'late')
    await until(() => served.includes('late'))
    assert.equal(reasons().length, 2)
  })

  it('names both places of two models with one id, and keeps the one that is served', async () => {
    await put('b/x', 'twin')
    await put('b/y', 'echo')
    await mkdir(join(home, 'a'))
    await start(['a', 'b'], [modelOf('echo'), { ...modelOf('echo'), place: 'options.models[0]' }])
    assert.deepEqual(served, ['echo', 'twin'])
    await put('a/x', 'twin')
    await until(() => reasons().some(reason => reason.startsWith('/a/x: "twin"')))
    assert.equal(changes, 2)
    const said = catalogue.leftOut.map(({ place, reason }) => [place, reason])
    assert.deepEqual(said, [
      ['options.models[0]', '"echo" is also settings.echo, which is served.'],
      [join(home, 'a/x'), `"twin" is also ${join(home, 'b/x')}, which is served.`],
      [join(home, 'b/y'), '"echo" is also settings.echo, which is served.']
    ])
    // Its place is free once the other has gone.
    await rm(join(home, 'b/x'), { recursive: true })
    await until(() => changes === 3)
    assert.deepEqual(served, ['echo', 'twin'])
  })

  it('serves a hundred folders, and no more than a manifest holds', async () => {
    const ids = Array.from({ length: CAPABILITIES_MAX + 3 }, (_, i) => i)
    await Promise.all(ids.map(i => put(`m/${i}`, `model-${i}`)))
    await start(['m'])
    assert.equal(served.length, CAPABILITIES_MAX)
    assert.equal(changes, 1)
    assert.equal(reasons().length, 3)
    assert.match(reasons()[0]!, /offers at most 256 capabilities/)
  })

  it('does not wait for a folder for longer than five seconds, and ends without it', async () => {
    await put('m/x', 'x')
    const starting = start(['m'], [modelOf('ready')])
    clock.advance(5000)
    await starting
    assert.ok(served.includes('ready'))
    catalogue.stop()
    const before = changes
    await put('m/y', 'y')
    clock.advance(A_LOOK_MS)
    await new Promise(resolve => setTimeout(resolve, 50))
    assert.equal(changes, before)
    assert.equal(clock.timers, 0)
  })
})
