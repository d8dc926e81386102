/** The job `engine.install`: brings the packages of an engine, those for the accelerators of this device too. */

import { isAbsolute } from 'node:path'
import * as z from 'zod'
import { acceleratorsOf, type EngineKind, packagesFor } from '../../capabilities/index.ts'
import { ENGINE_NAME } from '../../interface/engines.ts'
import { InvalidInputError } from '../../interface/errors.ts'
import type { FeatureComponents } from '../feature.ts'
import { defineJobKind, type JobKind } from '../jobs/job-kind.ts'

const Input = z.strictObject({
  engine: ENGINE_NAME,
  /** A folder with the archives. */
  from: z.string().max(4096).refine(isAbsolute, { error: 'expected an absolute path' }).optional()
})

/** What drives each kind of accelerator, by how a manifest names it. A card of NVIDIA is named by its model. */
const DRIVEN_BY: readonly (readonly [accelerator: RegExp, by: string | undefined])[] = [
  [/^(?:amd-gpu|intel-gpu|gpu)$/, 'vulkan'],
  [/^(?:apple-gpu|rknpu:.*)$/, undefined],
  [/^/, 'cuda']
]

type Components = Pick<FeatureComponents, 'engines' | 'catalogue' | 'hardware' | 'emit'>

export const engineInstall = (
  { engines, catalogue, hardware, emit }: Components,
  kindOf: (engine: string) => EngineKind
): JobKind =>
  defineJobKind({
    name: 'engine.install',
    input: Input,
    // What has come is on disk: the work goes on with that.
    checkpoint: z.null(),
    runningMax: 1,
    summary: ({ engine }) => engine,
    key: ({ engine }) => engine,
    async run({ engine, from }, { signal, progress }) {
      const list = await kindOf(engine).packages?.()
      if (list === undefined) throw new InvalidInputError(`${engine} is part of the package.`)
      const can = acceleratorsOf(list, process)
      const has = hardware.accelerators.map(name => DRIVEN_BY.find(([pattern]) => pattern.test(name))?.[1])
      const accelerators = can.filter(one => has.includes(one))
      const packages = packagesFor(list, process, accelerators)
      if (packages.length === 0)
        throw new InvalidInputError(`${engine} is not made for ${process.platform} on ${process.arch}.`)
      const installed = await engines.install(engine, {
        ...{ packages, version: list.version, accelerators, from, signal },
        onProgress: (done, total, message) => progress({ done, total, unit: 'bytes', message })
      })
      await catalogue.refresh()
      emit('engine.installed', { engine, version: installed.version })
      return { engine, version: installed.version, accelerators, path: installed.path }
    }
  })
