/** A store that was killed at any change of a file or its database goes on from there, and serves nothing that is half. */

import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { appendFileSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'vitest'
import { LEAF_BYTES } from '../../../interface/limits.ts'
import { collect, verify } from '../../../storage/weights/housekeeping.ts'
import { programAt } from '../../program.ts'
import { smallDisk } from '../home.ts'
import { content, ENVELOPE, hex, leafOf } from './content.ts'
import { FILES } from './dying-work.ts'
import { openStore, repositoryOf, temporaryFolder } from './store-parts.ts'

const DYING = programAt('test/storage/weights/dying-store.ts')
/** All of them take minutes; these are spread evenly, and another set on each machine with another number of steps. */
const KILLS = 6

/** The lines of a process that was killed at this step, or of one that was not. */
function fill(home: string, step: number): Promise<string[]> {
  return new Promise(resolve =>
    execFile(process.execPath, [DYING, JSON.stringify({ home, step })], (_, stdout) =>
      resolve(stdout.trim().split('\n'))
    )
  )
}

async function wholeAfter(home: string, said: readonly string[]): Promise<void> {
  const { store, close } = await openStore(home)
  for (const { name, directory, files } of store.repositories())
    for (const { path } of files)
      assert.deepEqual(
        new Uint8Array(readFileSync(join(directory, path))),
        FILES[path as keyof typeof FILES],
        name
      )
  for (const [path, bytes] of Object.entries(FILES)) {
    if (store.file(hex(bytes)) !== undefined) continue
    const partial = await store.partial(hex(bytes), bytes.length)
    for (let leaf = 0; leaf < partial.leaves; leaf++) {
      const wasOver = said.includes(`leaf ${path} ${leaf}`) && !said.includes(`file ${path}`)
      if (wasOver) assert.ok(partial.has(leaf), `leaf ${leaf} of ${path} was written`)
      await partial.write(leaf, leafOf(bytes, leaf))
    }
    await partial.finish({ sha256: hex(bytes) })
  }
  await store.add(await repositoryOf(store, 'org/one', FILES), ENVELOPE)
  assert.deepEqual((await verify(store, store.ground.repositories.all(), {})).problems, [])
  await collect(store, {})
  const { folder } = store.ground
  assert.deepEqual(readdirSync(folder.files).sort(), Object.values(FILES).map(hex).sort())
  assert.deepEqual(readdirSync(folder.partial), [])
  assert.deepEqual(readdirSync(folder.models), ['org%2Fone'])
  await close()
}

describe('a store that was killed', () => {
  it('goes on from where it was, at whatever step', async () => {
    const said = await fill(temporaryFolder(), 0)
    const steps = Number(said.at(-1)!.replace('steps ', ''))
    assert.ok(steps > 40, said.join())
    for (let n = 1; n <= KILLS; n++) {
      const home = temporaryFolder()
      await wholeAfter(home, await fill(home, Math.round((n * steps) / KILLS)))
    }
  }, 180_000)
})

describe('a full disk', () => {
  it('is told, keeps what came, and is filled on when there is room', async context => {
    const disk = smallDisk(96)
    context.skip(disk === undefined, 'not run: a small disk can be mounted by root only, on Linux')
    const { store } = await openStore(temporaryFolder(), { directory: join(disk!, 'weights') })
    const bytes = content(8 * LEAF_BYTES)
    await assert.rejects(store.partial('f'.repeat(64), 90 * LEAF_BYTES), {
      code: 'WEIGHTS_FULL',
      message: /need 94\.4 MB more, and the disk of .* has room for \d+\.\d MB/
    })
    const partial = await store.partial(hex(bytes), bytes.length)
    await partial.write(0, leafOf(bytes, 0))
    const ballast = join(disk!, 'ballast')
    assert.throws(() => {
      for (;;) appendFileSync(ballast, Buffer.alloc(65_536))
    })
    await assert.rejects(partial.write(1, leafOf(bytes, 1)), { code: 'WEIGHTS_FULL' })
    assert.deepEqual([partial.has(0), partial.has(1)], [true, false])
    rmSync(ballast)
    for (let leaf = 1; leaf < 8; leaf++) await partial.write(leaf, leafOf(bytes, leaf))
    await partial.finish({ sha256: hex(bytes) })
  })
})
