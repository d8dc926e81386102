/** Graphs whose first axis is a batch, run on the rows of several requests at once. */

import { type InferenceSession, Tensor } from 'onnxruntime-node'
import { systemClock } from '../../../interface/clock.ts'
import { EngineFailedError } from '../../../interface/errors.ts'
import { Batcher } from '../batching/batcher.ts'

/** Where a batch pays, what each run takes is spread over enough of them. */
export const BATCH_ROWS_MAX = 32
/** Of the numbers that go into a run, such as 18 of the longest lines of text: bounds its memory. */
export const BATCH_NUMBERS_MAX = 8 * 1024 * 1024

/** By name. All have as many rows: the first of their dimensions. */
export type Rows = Readonly<Record<string, Tensor>>
export type GraphBatcher = Batcher<Rows, Rows>

/**
 * A graph that takes a fixed number of rows is run on the rows of one request at a time.
 *
 * @param numbers of one row.
 * @param most rows of a batch, as the owner has set it.
 */
export function graphBatcher(graph: InferenceSession, numbers: number, most = BATCH_ROWS_MAX): GraphBatcher {
  const rows = hasFixedCount(graph)
    ? 1
    : Math.max(1, Math.min(BATCH_ROWS_MAX, most, Math.floor(BATCH_NUMBERS_MAX / numbers)))
  return new Batcher({
    clock: systemClock,
    limits: { items: rows, padded: rows },
    lengthOf: rowsIn,
    async run(batch) {
      if (batch.length === 1) return [await graph.run(batch[0]!)]
      const names = Object.keys(batch[0]!)
      const feeds = names.map(name => [name, joined(batch.map(feed => feed[name]!))] as const)
      return split(await graph.run(Object.fromEntries(feeds)), batch.map(rowsIn))
    }
  })
}

/** Whether the graph states how many rows it takes. */
export const hasFixedCount = ({ inputMetadata }: InferenceSession): boolean =>
  inputMetadata.some(input => input.isTensor && Number(input.shape[0]) > 0)

/** Whether rows of different requests have the same form in all inputs. */
export const hasFixedRows = ({ inputMetadata }: InferenceSession): boolean =>
  inputMetadata.every(
    input => input.isTensor && input.shape.length > 0 && input.shape.slice(1).every(size => Number(size) > 0)
  )

const rowsIn = (feed: Rows): number => Object.values(feed)[0]!.dims[0]!

type Elements = Float32Array

export function joined(tensors: readonly Tensor[]): Tensor {
  const [{ type, dims, data }] = tensors as readonly [Tensor]
  const Elements = (data as Elements).constructor as typeof Float32Array
  const all = new Elements(tensors.reduce((sum, { size }) => sum + size, 0))
  let end = 0
  for (const { data, size } of tensors) {
    all.set(data as Elements, end)
    end += size
  }
  const rows = tensors.reduce((sum, { dims }) => sum + dims[0]!, 0)
  return new Tensor(type as 'float32', all, [rows, ...dims.slice(1)])
}

/** @throws {EngineFailedError} when an output has other rows than the inputs had. */
export function split(outputs: InferenceSession.ReturnType, rows: readonly number[]): Rows[] {
  const all = rows.reduce((sum, count) => sum + count, 0)
  const parts: Record<string, Tensor>[] = rows.map(() => ({}))
  for (const [name, { type, dims, data }] of Object.entries(outputs)) {
    if (dims[0] !== all) throw new EngineFailedError(`The graph answered [${dims}] for ${all} rows.`)
    const size = data.length / all
    let end = 0
    for (const [n, count] of rows.entries()) {
      const own = (data as Elements).slice(end, end + count * size)
      parts[n]![name] = new Tensor(type as 'float32', own, [count, ...dims.slice(1)])
      end += own.length
    }
  }
  return parts
}
