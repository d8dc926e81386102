/** How much an answer of a model changes when its weights become smaller: both are asked the same, and their answers compared. */

import { basename, dirname } from 'node:path'
import type { Registry } from '../../../capabilities/index.ts'
import { InvalidInputError, LumosError } from '../../../interface/errors.ts'
import { DEFAULT_BUDGET_MS } from '../../../interface/inference.ts'
import type { AbortOptions } from '../../../interface/lifecycle.ts'
import { prepare } from '../../../interface/prepare.ts'
import { isRecord } from '../../../interface/record.ts'
import { agreementOf, floatsOf } from '../../../interface/tasks/agreement.ts'
import { accumulate, definitionOf, type TaskName } from '../../../interface/tasks/index.ts'
import type { Loss } from '../../../interface/weights.ts'
import { itemsOf } from '../../batch/index.ts'

/** A set of more tells no more. */
const ITEMS_MAX = 10_000

export interface MeasureOptions extends AbortOptions {
  readonly registry: Pick<Registry, 'infer'>
  readonly task: TaskName
  readonly before: string
  readonly after: string
  /** A folder of files, of which those in a folder of their own have its name as label; or a file of lines. */
  readonly data: string
  /** Unique among the requests of this node. */
  readonly id: string
  onItem?(done: number): void
}

const itemsIn = (task: TaskName, data: string) =>
  itemsOf({ inputs: [data], argument: definitionOf(task).argument, question: task, out: '' })

/** @throws {LumosError} `INVALID_INPUT` where the data has nothing for the task. */
export async function checkData(task: TaskName, data: string): Promise<void> {
  for await (const { read } of itemsIn(task, data)) return void (await read())
  throw new InvalidInputError(`${data} holds nothing that ${task} takes.`)
}

/** @throws {LumosError} `INVALID_INPUT` where an input is none for the task. */
export async function measureLoss(options: MeasureOptions): Promise<Loss> {
  const { task, before, after, data, id, signal, onItem } = options
  const agrees = agreementOf(definitionOf(task))
  const loss = { inputs: 0, labelled: 0, rightBefore: 0, rightAfter: 0, same: 0 }
  const cosines: number[] = []
  for await (const { name, read } of itemsIn(task, data)) {
    signal?.throwIfAborted()
    if (++loss.inputs > ITEMS_MAX)
      throw new LumosError('INPUT_TOO_LARGE', `${data} holds more than ${ITEMS_MAX} inputs.`)
    const { input } = await read()
    const [one, other] = await Promise.all(
      [before, after].map((model, n) => answerOf(options, model, input, `${id}-${loss.inputs}-${n}`))
    )
    if (agrees(one, other)) loss.same++
    const label = labelOf(name)
    if (label !== undefined && firstLabel(one) !== undefined) {
      loss.labelled++
      if (firstLabel(one) === label) loss.rightBefore++
      if (firstLabel(other) === label) loss.rightAfter++
    }
    const cosine = cosineOf(one, other)
    if (cosine !== undefined) cosines.push(cosine)
    onItem?.(loss.inputs)
  }
  return {
    ...loss,
    cosine: cosines.length === 0 ? null : cosines.reduce((sum, each) => sum + each) / cosines.length
  }
}

async function answerOf(
  { registry, task, signal }: MeasureOptions,
  model: string,
  input: unknown,
  id: string
): Promise<unknown> {
  const answer = accumulate(task)
  const request = prepare({ id, task, model, input, params: {}, budgetMs: DEFAULT_BUDGET_MS, unkept: true })
  for await (const chunk of registry.infer(request, signal && { signal })) answer.add(chunk)
  return answer.output()
}

/** Of `data/cat/1.png` it is `cat`; of a file in the folder itself, or a line, there is none. */
const labelOf = (name: string): string | undefined =>
  name.split('/').length > 2 ? basename(dirname(name)) : undefined

function firstLabel(output: unknown): unknown {
  const [first] = isRecord(output) && Array.isArray(output.labels) ? output.labels : []
  return isRecord(first) ? first.label : undefined
}

/** Of answers that are vectors, how much they point the same way. */
function cosineOf(one: unknown, other: unknown): number | undefined {
  if (!isRecord(one) || !isRecord(other)) return undefined
  if (!(one.vectors instanceof Uint8Array && other.vectors instanceof Uint8Array)) return undefined
  const [a, b] = [floatsOf(one.vectors), floatsOf(other.vectors)]
  const product = (x: readonly number[], y: readonly number[]): number =>
    x.reduce((sum, number, at) => sum + number * y[at]!, 0)
  return a.length === b.length ? product(a, b) / Math.sqrt(product(a, a) * product(b, b)) : undefined
}
