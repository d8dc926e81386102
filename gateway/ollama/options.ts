/** How an answer is to be made: Ollama's `options`, `format` and their like, as units take them. */

import * as z from 'zod'
import { keepAliveMs } from '../../interface/amounts.ts'
import { TOP_LOGPROBS_MAX, Tool } from '../../interface/tasks/generation-params.ts'
import { Sampling, StaysLoaded, samplingOf } from '../asking/sampling.ts'
import { defined, maybe } from '../asking/schema.ts'

/** Below it, Ollama means that there is none. */
const above =
  (least: number) =>
  (value: number | undefined): number | undefined =>
    value === undefined || value < least ? undefined : value

/** Those that shape the machine and not the answer, such as `num_ctx` or `num_gpu`, are for the device that answers to know. */
const Options = z.object({
  num_predict: maybe(z.int()).transform(above(1)),
  temperature: Sampling.temperature,
  top_p: Sampling.top_p,
  top_k: maybe(z.int()).transform(above(0)),
  min_p: Sampling.min_p,
  repeat_penalty: Sampling.repetition_penalty,
  frequency_penalty: Sampling.frequency_penalty,
  presence_penalty: Sampling.presence_penalty,
  seed: maybe(z.int()).transform(above(0)),
  stop: Sampling.stop
})

export const Shared = {
  options: maybe(Options),
  format: maybe(z.union([z.enum(['', 'json']), Tool.shape.parameters.unwrap()])),
  keep_alive: StaysLoaded,
  stream: maybe(z.boolean()),
  /** `low`, `medium` and `high` mean that it thinks; how much is the model's own. */
  think: maybe(z.union([z.boolean(), z.string().max(16)])),
  logprobs: maybe(z.boolean()),
  top_logprobs: maybe(z.int().min(0).max(TOP_LOGPROBS_MAX))
}
type Shared = { readonly [Key in keyof typeof Shared]?: z.output<(typeof Shared)[Key]> }

/** The parameters as units take them. */
export function paramsOf({ options, format, keep_alive, logprobs, top_logprobs }: Shared) {
  const given: Partial<z.output<typeof Options>> = options ?? {}
  const { num_predict: max_tokens, repeat_penalty: repetition_penalty, ...sampling } = given
  return defined({
    ...samplingOf({ ...sampling, repetition_penalty, keep_alive }),
    ...{ max_tokens, response_format: formatOf(format) },
    ...(logprobs === true && { logprobs, top_logprobs })
  })
}

function formatOf(format: Shared['format']): object | undefined {
  if (format === undefined || format === '') return undefined
  return format === 'json' ? { type: 'json' } : { type: 'json_schema', schema: format }
}

/** Whether the model is to be unloaded. */
export const isUnloading = ({ keep_alive }: Pick<Shared, 'keep_alive'>): boolean =>
  keepAliveMs(keep_alive) === 0
