/** `POST /api/pull` and `DELETE /api/delete`: models of this device come and go. */

import type { Context } from 'hono'
import * as z from 'zod'
import { LumosError } from '../../interface/errors.ts'
import { hasEnded, type JobInfo } from '../../interface/jobs.ts'
import type { SnakeCase } from '../../interface/snake-case.ts'
import type { Begun } from '../../units/begun.ts'
import type { AppEnv } from '../app-env.ts'
import { type AskComponents, answerStream, answerWhole, readBody, unitContext } from '../asking/call.ts'
import { knownModels } from '../asking/known-models.ts'
import { idIn, idsOf } from '../asking/latest.ts'
import { maybe } from '../asking/schema.ts'
import { failureLine } from './errors.ts'
import { digestOf } from './facts.ts'
import { modelNotFound, named, nameIn } from './names.ts'

const Pull = named({ stream: maybe(z.boolean()) })
const Delete = named({})

/** `hf:…`, an address, or a path: what `model.pull` takes as it stands. */
const SOURCE = /^(?:(?:hf|ms|ollama|ipfs):|https?:\/\/|\.{0,2}\/|~)/
/** How Ollama calls a repository of Hugging Face. */
const HUGGING_FACE = /^(?:hf\.co|huggingface\.co)\//

type Job = SnakeCase<JobInfo>

export const pullRoute = (components: AskComponents) => async (c: Context<AppEnv>) => {
  const { stream = true, ...body } = await readBody(c, components, Pull)
  const name = nameIn(body)
  const { units } = components
  const ref = await refOf(components, c, name)
  const begun = (await units.execute('model.pull', { ref }, unitContext(c, 'model.pull'))) as SnakeCase<Begun>
  const wanted = { job_id: begun.job_id }
  const jobs = units.stream('job.show', wanted, unitContext(c, 'job.show')) as AsyncIterable<Job>
  const lines = linesOf(jobs, digestOf(name))
  if (stream)
    return answerStream(c, components, lines, failureLine, {
      type: 'application/x-ndjson',
      beat: () => line({ status: `pulling ${name}` })
    })
  for await (const _ of lines) {
    // Only its end is wanted.
  }
  return answerWhole(c, { status: 'success' })
}

/** A model of the mesh by its name; else a source, which is Ollama's registry where nothing else is said. */
async function refOf(components: AskComponents, c: Context<AppEnv>, name: string): Promise<string> {
  if (HUGGING_FACE.test(name)) return name.replace(HUGGING_FACE, 'hf:')
  if (SOURCE.test(name)) return name
  const ids = (await knownModels(components, c)).map(({ id }) => id)
  return idIn(ids, name) ?? `ollama:${name}`
}

const line = (value: object): string => `${JSON.stringify(value)}\n`

async function* linesOf(jobs: AsyncIterable<Job>, hex: string): AsyncGenerator<string, void, undefined> {
  yield line({ status: 'pulling manifest' })
  const digest = `sha256:${hex}`
  for await (const { state, progress, error } of jobs) {
    if (progress?.unit === 'bytes' && progress.total !== null) {
      const { done: completed, total } = progress
      yield line({ status: `pulling ${hex.slice(0, 12)}`, digest, total, completed })
    } else if (progress) yield line({ status: progress.message })
    if (!hasEnded(state)) continue
    if (state !== 'done') throw endedBadly(error)
    yield line({ status: 'success' })
  }
}

const endedBadly = (error: Job['error']): LumosError =>
  new LumosError('ORIGIN_FAILED', error?.message ?? 'The pull was cancelled.', { hint: error?.hint })

/** Weights that have just come are not among the models yet, so the store is asked for both names. */
export const deleteRoute = (components: AskComponents) => async (c: Context<AppEnv>) => {
  const name = nameIn(await readBody(c, components, Delete))
  let missing: unknown
  for (const id of idsOf(name)) {
    try {
      await components.units.execute('model.delete', { model_id: id }, unitContext(c, 'model.delete'))
      return new Response(null, { status: 200 })
    } catch (thrown) {
      if (!(thrown instanceof LumosError) || thrown.code !== 'WEIGHTS_NOT_FOUND') throw thrown
      missing ??= thrown
    }
  }
  const ids = (await knownModels(components, c)).map(({ id }) => id)
  throw idIn(ids, name) === undefined ? modelNotFound(name, ids) : missing
}
