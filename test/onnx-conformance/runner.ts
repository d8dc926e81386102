/** Asks the ONNX engine for each case, and holds what comes of it to the list of exceptions. */

import { EngineHost } from '../../capabilities/host/engine-host.ts'
import type { Registry } from '../../capabilities/serving/registry.ts'
import { systemClock } from '../../interface/clock.ts'
import { memoryLog, outputOf, registryOf, tensorRequest } from '../capabilities/parts.ts'
import { type Case, expectationOf } from './cases.ts'
import { differenceOf } from './compare.ts'
import { EXCEPTIONS, type Exception } from './exceptions.ts'

const ENGINE = new URL('../fixtures/engines/each-graph.ts', import.meta.url)

export interface Verdict {
  readonly name: string
  readonly failure: string | undefined
  /** The one that the case stands under. */
  readonly exception: Exception | undefined
  /** Whether it is what the list says. */
  readonly expected: boolean
}

/** One verdict after another, all from one process unless a graph ends it. */
export async function* verdictsOn(root: string, cases: readonly Case[]): AsyncGenerator<Verdict> {
  const spec = { name: 'onnx', module: ENGINE, settings: {}, folder: root }
  const engine = new EngineHost(spec, { clock: systemClock, log: memoryLog(), env: {} })
  const registry = registryOf(cases.map(({ name }) => ({ id: name, tasks: ['tensor'], slots: 1, engine })))
  try {
    for (const tried of cases) yield verdictOf(tried.name, await failureOf(tried, registry))
  } finally {
    await registry.stop()
  }
}

/** @returns why the case fails, or `undefined`. */
async function failureOf(tried: Case, registry: Registry): Promise<string | undefined> {
  try {
    const { inputs, outputs } = expectationOf(tried)
    const { tensors } = await outputOf<'tensor'>(registry.infer(tensorRequest(inputs, tried.name)))
    for (const [name, expected] of Object.entries(outputs)) {
      const difference = differenceOf(tensors[name], expected)
      if (difference !== undefined) return `output "${name}" ${difference}`
    }
    return undefined
  } catch (err) {
    return (err as Error).message
  }
}

function verdictOf(name: string, failure: string | undefined): Verdict {
  const exception = EXCEPTIONS.find(({ cases }) => cases.includes(name))
  const { mayPass = exception === undefined, failure: known } = exception ?? {}
  const expected = failure === undefined ? mayPass : (known?.test(failure) ?? false)
  return { name, failure, exception, expected }
}
