/** Engines opened in this process, which takes a second less than a process of their own. */

import { mkdtempSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll } from 'vitest'
import { createEngine as createOnnx } from '../../capabilities/engines/onnx/engine.ts'
import { createEngine as createTransformers } from '../../capabilities/engines/transformers/engine.ts'
import type { Engine } from '../../capabilities/host/engine.ts'
import { readModels } from '../../capabilities/models/read-models.ts'

const CREATE = { onnx: createOnnx, transformers: createTransformers }

/** To be called once in a file of tests: all are closed, and the folder is removed, at its end. */
export function enginesHere(prefix: string) {
  const home = process.cwd()
  const folder = mkdtempSync(join(tmpdir(), prefix))
  const open: Engine[] = []
  afterAll(async () => {
    process.chdir(home)
    await Promise.all(open.map(engine => engine.close()))
    await rm(folder, { recursive: true })
  })

  async function served(path: string): Promise<Engine> {
    const [found] = await readModels(path)
    process.chdir(found!.folder)
    const create = CREATE[found!.engine as keyof typeof CREATE]
    const engine = create({ ...(found!.settings as object), hashes: found!.hashes, threads: 1 })
    open.push(engine)
    await engine.load()
    return engine
  }
  return { folder, served }
}
