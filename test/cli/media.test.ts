/** Files in and out of `infer`, against models that another device has. */

import assert from 'node:assert/strict'
import { mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, it } from 'vitest'
import type { Meta } from '../../cli/client.ts'
import { MediaFiles, mediaFor } from '../../cli/commands/inference/media.ts'
import { Output } from '../../cli/output.ts'
import { writeNewFile } from '../../cli/output-file.ts'
import { writeRunFile } from '../../storage/home/run-file.ts'
import { LISTENER, MediaEngine, mediaModels, SPEAKER, spoken, wavOf } from '../openai/media-engine.ts'
import { type Devices, startDevices } from '../openai/two-devices.ts'
import { runCli, spawnCli } from './run-cli.ts'

const engine = new MediaEngine()
let devices: Devices
let folder: string

beforeAll(async () => {
  devices = await startDevices({ models: mediaModels(engine) })
  folder = await mkdtemp(join(tmpdir(), 'lumos-media-'))
  const { home, peerId, name } = devices.asking
  writeRunFile(home.path, {
    ...{ pid: process.pid, peerId, name, version: '0', startedAtMs: 0 },
    ...{ socketPath: home.socketPath, gateway: devices.baseURL }
  })
})
afterAll(async () => {
  await devices[Symbol.asyncDispose]()
  await rm(folder, { recursive: true })
})

const cli = (args: string[]) => runCli(args, { home: devices.asking.home.path })

describe('infer', () => {
  it('writes speech of another device to a file, and never over one unless it is told to', async () => {
    const path = join(folder, 'answer.wav')
    const first = await cli(['infer', 'text-to-speech', 'hello', '--out', path, '--params', '{"speed":2}'])
    assert.deepEqual([first.code, first.stdout], [0, ''], first.stderr)
    assert.match(first.stderr, /answer\.wav: 54 bytes of audio\/wav\./)
    assert.ok((await readFile(path)).equals(wavOf(spoken('hello'))))
    assert.equal(engine.requests.at(-1)!.params.speed, 2)

    const asked = engine.requests.length
    const second = await cli(['infer', SPEAKER, 'other', '--out', path])
    assert.equal(second.code, 1)
    assert.match(second.stderr, /is there already\. Write over it: --force/)
    assert.equal(engine.requests.length, asked)

    const forced = await cli(['infer', SPEAKER, 'other', '--out', path, '--force', '--json'])
    const { meta, ...answer } = JSON.parse(forced.stdout)
    assert.deepEqual(answer, {
      ...{ task: 'text-to-speech', model: SPEAKER },
      files: [{ path, mime: 'audio/wav', bytes: 54 }]
    })
    assert.equal(meta.route, 'remote')
    assert.ok((await readFile(path)).equals(wavOf(spoken('other'))))
    assert.deepEqual(await readdir(folder), ['answer.wav'])
  })

  it('leaves no file of an answer that is cut', async () => {
    const { code } = await cli([
      'infer',
      SPEAKER,
      'fail now, in the middle',
      '--out',
      join(folder, 'cut.wav')
    ])
    assert.equal(code, 1)
    assert.deepEqual(await readdir(folder), ['answer.wav'])
  })

  it('gives the bytes to a pipe, and takes a recording by its name', async () => {
    const child = spawnCli(['infer', SPEAKER, 'hello'], { home: devices.asking.home.path })
    child.stdin.end()
    const spokenBytes = await buffer(child.stdout)
    assert.ok(spokenBytes.equals(wavOf(spoken('hello'))))

    const { stdout } = await cli(['infer', LISTENER, join(folder, 'answer.wav')])
    assert.equal(stdout, '54 bytes\n')
  })

  it('says of a folder by which command each of its files is an input', async () => {
    const { code, stdout, stderr } = await cli(['infer', LISTENER, folder])
    assert.deepEqual([code, stdout], [1, ''])
    assert.match(stderr, /is a folder.*lumos-node batch/)
  })
})

describe('the files of an answer', () => {
  const piece = (part: number, bytes: string, mime = 'image/png') => ({
    ...{ type: 'data', index: 0, part, mime },
    bytes: Buffer.from(bytes).toString('base64')
  })
  async function* answer(...pieces: object[]): AsyncGenerator<unknown, Meta> {
    yield* pieces
    return {} as Meta
  }
  const stdout = (isTTY: boolean) =>
    Object.assign(new PassThrough(), { isTTY }) as unknown as NodeJS.WriteStream
  const output = (isTTY = false) => new Output({ json: false, stdout: stdout(isTTY) })

  it('are numbered where there are several', async () => {
    const path = join(folder, 'a.b.png')
    const files = new MediaFiles(path, false)
    const rest = await Array.fromAsync(
      files.through(answer(piece(1, 'two'), { type: 'text' }, piece(0, 'o'), piece(0, 'ne')))
    )
    assert.deepEqual(rest, [{ type: 'text' }])
    assert.deepEqual(
      files.write().map(({ path, bytes }) => [path, bytes]),
      [
        [join(folder, 'a.b-1.png'), 3],
        [join(folder, 'a.b-2.png'), 3]
      ]
    )
    assert.equal(await readFile(join(folder, 'a.b-1.png'), 'utf8'), 'one')
    assert.throws(() => new MediaFiles(path, false), /a\.b-1\.png is there already/)
    assert.throws(() => new MediaFiles(path, true).write(), { code: 'INVALID_INPUT' })
  })

  it('take no place of a file or a link that came while the mesh was asked, and leave no draft', async () => {
    const path = join(folder, 'late.wav')
    for (const make of [() => writeFile(path, 'mine'), () => symlink('elsewhere.wav', path)]) {
      await make()
      assert.throws(() => writeNewFile(path, Buffer.from('theirs'), false), /is there already/)
      assert.deepEqual(
        (await readdir(folder)).filter(name => name.includes('late') || name.includes('else')),
        ['late.wav']
      )
      await rm(path)
    }
  })

  it('are asked for by name where there is only a terminal, which is given no bytes', () => {
    assert.throws(() => mediaFor('text-to-speech', {}, output(true)), {
      hint: /Name it: --out FILE/
    })
    assert.equal(mediaFor('text-to-speech', { jsonl: true }, output(true)), undefined)
    assert.equal(mediaFor('text-generation', {}, output(false)), undefined)
    assert.throws(() => mediaFor('text-to-speech', { out: 'a', detach: true }, output()), { code: 'USAGE' })
    assert.throws(() => mediaFor('tensor', { out: 'a' }, output()), /answer of tensor is no file/)
    assert.throws(() => new MediaFiles('/no/such/a.wav', true), /There is no folder \/no\/such/)
  })
})
